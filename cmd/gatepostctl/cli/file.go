package cli

import (
	"fmt"
	"io"
	"os"
)

// A directory can be opened as a file can, and fails only when it is read, by then
// as a connection that breaks off. So it is looked for before.

// open opens a file that was named on the command line; - is standard input.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		in, err := a.input()
		return io.NopCloser(in), err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if isDirectory(file) {
		_ = file.Close()
		return nil, directoryError(name)
	}
	return file, nil
}

// input returns standard input.
func (a *app) input() (io.Reader, error) {
	if file, ok := a.Stdin.(*os.File); ok && isDirectory(file) {
		return nil, fmt.Errorf("standard input is a directory; redirect a file: < FILE")
	}
	return a.Stdin, nil
}

func isDirectory(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.IsDir()
}

// directoryError is about a name on the command line.
func directoryError(name string) error {
	return fmt.Errorf("%s is a directory; name a file", name)
}
