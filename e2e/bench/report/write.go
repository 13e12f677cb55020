package report

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// Write writes performance.json, performance.md and performance.svg.
func (r *Results) Write(dir string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "performance.json"), append(b, '\n'), 0o644),
		os.WriteFile(filepath.Join(dir, "performance.md"), []byte(r.Page()), 0o644),
		os.WriteFile(filepath.Join(dir, "performance.svg"), []byte(r.Chart()), 0o644),
	)
}
