package rig

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// run runs a command to its end; what it said is in the error. The output goes
// through a file: a daemon keeps its starter's output open, and waiting for a
// pipe to close would be waiting for the daemon.
func (r *Rig) run(cmd *exec.Cmd) error {
	out, err := os.CreateTemp(r.path("log"), "command")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err = cmd.Run(); err == nil {
		return nil
	}
	said, _ := io.ReadAll(io.NewSectionReader(out, 0, 1<<16))
	return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, said)
}
