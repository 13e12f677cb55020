package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
)

// value reads a text as what the parameter is in JSON.
func value(p command.Param, text string) (any, error) {
	switch p.Kind {
	case command.Bool:
		return boolean(text)
	case command.Number:
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return n, nil
	case command.List:
		return list(text)
	case command.Limit:
		if text == "inherit" || text == "" {
			return nil, nil
		}
		return size(text)
	case command.Size:
		return size(text)
	}
	return text, nil
}

func size(text string) (any, error) {
	n, err := bytesize.Parse(text)
	if err != nil {
		return nil, err
	}
	return int64(n), nil
}

func boolean(text string) (any, error) {
	switch strings.ToLower(text) {
	case "yes", "true", "on":
		return true, nil
	case "no", "false", "off":
		return false, nil
	}
	return nil, fmt.Errorf("%q is neither yes nor no", text)
}

// list splits at commas outside double quotes: a local part may be quoted.
func list(text string) (any, error) {
	items := []string{}
	if text == "" {
		return items, nil
	}
	quoted, start := false, 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || text[i] == ',' && !quoted:
			items = append(items, strings.TrimSpace(text[start:i]))
			start = i + 1
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		}
	}
	if quoted {
		return nil, fmt.Errorf("%q has a double quote without its end", text)
	}
	return items, nil
}
