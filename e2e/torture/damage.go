package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// starts is how often a daemon may have to be started before it serves or
	// says why not.
	starts = 3
	// patience is how long one start may take.
	patience = 60 * time.Second
)

// specimen is a state directory that is copied and damaged again and again.
type specimen struct {
	name, dir string
	now       time.Time // what the clock shows of those who look: much is old
	want      []sight   // of the undamaged one: of the first start, and of those after it, each of which makes one change
}

// foresee starts daemons over a copy that is not damaged and keeps what they saw.
func (sp *specimen) foresee(ctx context.Context, dir string) error {
	if err := copyState(dir, sp.dir); err != nil {
		return err
	}
	for n := range starts + 1 {
		seen, stderr, err := sp.lookAt(ctx, dir)
		if err != nil {
			return fmt.Errorf("%w: %.3000s", err, stderr)
		}
		if n > 0 {
			sp.want = append(sp.want, seen)
		}
		if _, err := sp.judge(seen, n); err != nil {
			return err
		}
	}
	return nil
}

// copyState copies a state directory, leaving holes where there are only zeros:
// Badger's files are mostly holes.
func copyState(to, from string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copyFile(filepath.Join(to, rel), path)
	})
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	const block = 4096
	for at := 0; at < len(content); at += block {
		part := content[at:min(at+block, len(content))]
		if len(strings.Trim(string(part), "\x00")) == 0 {
			continue
		}
		if _, err := file.WriteAt(part, int64(at)); err != nil {
			return err
		}
	}
	return file.Truncate(int64(len(content)))
}

// files lists a state directory's files.
func files(dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			list = append(list, path)
		}
		return err
	})
	return list, err
}

// inspect starts a daemon over a damaged state directory, again if it dies, and
// says in a word what came of it; err is what must never happen.
func (sp *specimen) inspect(ctx context.Context, dir string) (verdict string, err error) {
	died := ""
	for deaths := range starts {
		seen, stderr, err := sp.lookAt(ctx, dir)
		if err != nil {
			died = fmt.Sprintf("%v: %.3000s", err, stderr)
			continue
		}
		verdict, err := sp.judge(seen, deaths)
		if err == nil && seen.Refused == "" {
			err = sp.again(ctx, dir, seen)
		}
		if err != nil && died != "" {
			err = fmt.Errorf("%w; the start before died: %s", err, died)
		}
		if err == nil && died != "" {
			verdict = fmt.Sprintf("died %d times, then %s", deaths, verdict)
		}
		return verdict, err
	}
	return "", fmt.Errorf("every start dies: %s", died)
}

// lookAt starts one process that looks.
func (sp *specimen) lookAt(ctx context.Context, dir string) (seen sight, stderr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var said bytes.Buffer
	cmd, read, err := spawn(ctx, orders{Mode: "look", Dir: dir, Now: sp.now}, &said)
	if err != nil {
		return seen, "", err
	}
	decodeErr := json.NewDecoder(read).Decode(&seen)
	_ = read.Close()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return seen, said.String(), errors.New("it hangs")
	case err != nil:
		return seen, said.String(), err
	}
	return seen, said.String(), decodeErr
}

// judge compares what was served with what is right. Each of the deaths before
// may have come after that start's change.
func (sp *specimen) judge(seen sight, deaths int) (verdict string, err error) {
	if seen.Refused != "" {
		return "refused", nil
	}
	same := func(want sight) bool { return seen.Fingerprint == want.Fingerprint && seen.Revision == want.Revision }
	if first := sp.want[0]; !slices.ContainsFunc(sp.want[:deaths+1], same) {
		return "", fmt.Errorf("%d records at revision %d are served, which are not the %d records at revision %d; rebuilt %q, log:\n%s",
			seen.Records, seen.Revision, first.Records, first.Revision, seen.Rebuilt, seen.Log)
	}
	usage := sp.want[0].Usage
	for address, bytes := range seen.Usage {
		if usage[address] != bytes {
			return "", fmt.Errorf("usage of %s is %d, want %d or none", address, bytes, usage[address])
		}
	}
	switch {
	case seen.Trouble != "":
		return "", fmt.Errorf("after the start: %s; log:\n%s", seen.Trouble, seen.Log)
	case seen.Rebuilt != "":
		return "rebuilt", nil
	case len(seen.Usage) < len(usage):
		return "usage forgotten", nil
	case seen.Log != "":
		return "noted", nil
	}
	return "harmless", nil
}

// again looks a second time: what was repaired must stay so.
func (sp *specimen) again(ctx context.Context, dir string, first sight) error {
	seen, stderr, err := sp.lookAt(ctx, dir)
	switch {
	case err != nil:
		return fmt.Errorf("the start after the repair: %w: %.3000s", err, stderr)
	case seen.Refused != "":
		return fmt.Errorf("the start after the repair is refused: %s", seen.Refused)
	case seen.Rebuilt != "" || seen.Revision != first.Revision+1 || seen.Records != first.Records:
		return fmt.Errorf("after the repair: rebuilt %q, revision %d, %d records, want revision %d and %d records",
			seen.Rebuilt, seen.Revision, seen.Records, first.Revision+1, first.Records)
	}
	return nil
}

// flipBit flips a random bit in what a file holds; in a file with holes mostly
// where there is something. It returns where.
func flipBit(path string) (at int64, err error) {
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		return -1, err
	}
	at = rand.Int64N(int64(len(content)))
	used := int64(len(strings.TrimRight(string(content), "\x00")))
	if used > 0 && rand.IntN(8) > 0 {
		at = rand.Int64N(used)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return at, err
	}
	defer file.Close()
	_, err = file.WriteAt([]byte{content[at] ^ 1<<rand.IntN(8)}, at)
	return at, err
}
