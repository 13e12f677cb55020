package scenario

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var macro = regexp.MustCompile(`\{(plain|base64|message) ([^{}]*)\}`)

// expand replaces the macros in what a client sends or an administrator types.
func expand(text string) string {
	return macro.ReplaceAllStringFunc(text, func(m string) string {
		parts := macro.FindStringSubmatch(m)
		switch parts[1] {
		case "plain":
			return plain(strings.Fields(parts[2]))
		case "base64":
			return base64.StdEncoding.EncodeToString([]byte(parts[2]))
		}
		return message(parts[2])
	})
}

// plain is the initial response of SASL PLAIN (RFC 4616, section 2).
func plain(fields []string) string {
	if len(fields) == 2 {
		fields = append([]string{""}, fields...)
	}
	return base64.StdEncoding.EncodeToString([]byte(strings.Join(fields, "\x00")))
}

// message returns a mail with the closing dot. Its argument is "SUBJECT" or
// "SIZE SUBJECT"; the size counts each line end as two octets.
func message(argument string) string {
	word, subject, _ := strings.Cut(argument, " ")
	size, err := strconv.Atoi(word)
	if err != nil {
		size, subject = 0, argument
	}
	text := fmt.Sprintf("Subject: %s\n\n", subject)
	for left := size - len(text) - 2; left > 0; {
		filler := max(0, min(76, left-2))
		if left-filler-2 == 1 { // one octet is no line
			filler--
		}
		text += strings.Repeat("x", filler) + "\n"
		left -= filler + 2
	}
	return text + "."
}
