package adminsock

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSpool(t *testing.T) {
	s := &Server{SpoolDir: t.TempDir()}
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
	s := &Server{SpoolDir: t.TempDir()}
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
		free uint64
		n    int
		code string
	}{
		{spoolReserve + 10, 10, ""}, {spoolReserve + 10, 11, CodeNoRoom}, {0, 0, CodeNoRoom},
	} {
		p := &Problem{}
		if err := roomFor(row.free, row.n); errors.As(err, &p) != (err != nil) || p.Code != row.code {
			t.Errorf("roomFor(%d, %d) = %v, want %q", row.free, row.n, err, row.code)
		}
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
	if err := keepPiece(file, nil, MaxBackup+1); !errors.As(err, &p) || p.Code != CodeTooLarge {
		t.Errorf("keepPiece of too much = %v", err)
	}
}
