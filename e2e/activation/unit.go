package activation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// unit is what a socket unit says.
type unit struct {
	name    string // FileDescriptorName
	address string // ListenStream
	user    string
	group   string
	mode    fs.FileMode
	backlog int
}

// readUnits reads the socket units of a folder.
func readUnits(folder string) ([]unit, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.socket"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no socket units", folder)
	}
	var all []unit
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		u, err := parseUnit(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, u)
	}
	return all, nil
}

// parseUnit reads what matters here (systemd.socket(5)).
func parseUnit(text string) (unit, error) {
	u := unit{mode: 0o666, backlog: 4096}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		var err error
		switch key {
		case "FileDescriptorName":
			u.name = value
		case "ListenStream":
			u.address = value
		case "SocketUser":
			u.user = value
		case "SocketGroup":
			u.group = value
		case "SocketMode":
			var mode uint64
			mode, err = strconv.ParseUint(value, 8, 32)
			u.mode = fs.FileMode(mode)
		case "Backlog":
			u.backlog, err = strconv.Atoi(value)
		}
		if err != nil {
			return u, fmt.Errorf("%s=%s: %w", key, value, err)
		}
	}
	if u.name == "" || u.address == "" {
		return u, errors.New("no FileDescriptorName or no ListenStream")
	}
	return u, nil
}
