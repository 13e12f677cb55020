package adminsock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
)

// reserve is a store that needs so many bytes of the disk.
type reserve uint64

func (r reserve) Reserve() uint64 { return uint64(r) }

func (reserve) Backup(context.Context, io.Writer) (directory.Revision, error) {
	return 0, errors.ErrUnsupported
}

func (reserve) Keep(context.Context) (string, func(bool) error, error) {
	return "", nil, errors.ErrUnsupported
}

func TestSpool(t *testing.T) {
	s := &Server{SpoolDir: t.TempDir(), Backup: reserve(0)}
	want := strings.Repeat("backup", spoolPiece)
	file, err := s.spool(iotest.HalfReader(strings.NewReader(want)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	got, err := io.ReadAll(file)
	if err != nil || string(got) != want {
		t.Errorf("the spool has %d bytes, %v, want %d", len(got), err, len(want))
	}
	if info, err := file.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(s.SpoolDir); err != nil || len(left) != 0 {
		t.Errorf("the spool has a name: %v, %v", left, err)
	}
}

// A body that breaks off is not taken for a shorter one, also when it breaks
// off as a chunked one does.
func TestSpoolBreaksOff(t *testing.T) {
	s := &Server{SpoolDir: t.TempDir(), Backup: reserve(0)}
	for _, cause := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
		file, err := s.spool(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cause)))
		if p := (*Problem)(nil); file != nil || !errors.As(err, &p) || p.Status < 400 || p.Status >= 500 {
			t.Errorf("spool of a body that ends with %v = %v, %v, want a refusal", cause, file, err)
		}
	}
	s.SpoolDir = filepath.Join(s.SpoolDir, "gone")
	if _, err := s.spool(strings.NewReader("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("spool without its directory = %v", err)
	}
}

// What the store needs of the disk stays free.
func TestSpoolLeavesRoom(t *testing.T) {
	for _, row := range []struct {
		free, need uint64
		code       string
	}{
		{40 << 20, 40 << 20, ""}, {40<<20 - 1, 40 << 20, CodeNoRoom}, {0, 1, CodeNoRoom},
	} {
		p := &Problem{}
		err := roomFor(row.free, row.need)
		if errors.As(err, &p) != (err != nil) || p.Code != row.code {
			t.Errorf("roomFor(%d, %d) = %v, want %q", row.free, row.need, err, row.code)
		}
		if err != nil && !strings.Contains(p.Detail, fmt.Sprint(bytesize.Size(row.need), " are needed")) {
			t.Errorf("roomFor(%d, %d) = %v, want how much is needed", row.free, row.need, err)
		}
	}
	s := &Server{SpoolDir: t.TempDir(), Backup: reserve(1 << 62)}
	if p := (*Problem)(nil); !errors.As(second(s.spool(strings.NewReader("x"))), &p) || p.Code != CodeNoRoom {
		t.Error("the reserve of the store is not left")
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if free, err := freeOn(file); err != nil || free == 0 {
		t.Errorf("freeOn = %d, %v", free, err)
	}
	p := (*Problem)(nil)
	if err := keepPiece(file, nil, MaxBackup+1, 0); !errors.As(err, &p) || p.Code != CodeTooLarge {
		t.Errorf("keepPiece of too much = %v", err)
	}
}

// The limit is told before somebody meets it.
func TestBackupLimitIsTold(t *testing.T) {
	told := map[string]string{"gatepostctl restore --help": command.Restore.Detail}
	for _, name := range []string{"operations.md", "durability.md"} {
		text, err := os.ReadFile(filepath.Join("..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		told[name] = string(text)
	}
	limit := bytesize.Size(MaxBackup).String()
	for place, text := range told {
		if !strings.Contains(text, limit) {
			t.Errorf("%s does not say that a restore takes %s", place, limit)
		}
	}
}

func second(_ *os.File, err error) error { return err }
