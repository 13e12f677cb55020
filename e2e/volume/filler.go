package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

// Filler is another program that takes every byte it gets.
type Filler struct {
	path string
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup
}

// Fill starts a filler in a file of the volume.
func (v *Volume) Fill() *Filler {
	f := &Filler{path: v.Path("filler"), quit: make(chan struct{})}
	f.done.Go(func() {
		file, err := os.Create(f.path)
		if err != nil {
			return
		}
		defer file.Close()
		block := make([]byte, 1<<20)
		for n := len(block); ; n = max(n/2, 1) {
			select {
			case <-f.quit:
				return
			default:
			}
			for err == nil {
				_, err = file.Write(block[:n])
			}
			err = nil
			if n == 1 {
				time.Sleep(time.Millisecond)
				n = len(block)
			}
		}
	})
	return f
}

// Stop ends the filler and gives the space back.
func (f *Filler) Stop() {
	f.once.Do(func() {
		close(f.quit)
		f.done.Wait()
		_ = os.Remove(f.path)
	})
}

// Take takes all the space of an ext4 at once, as far as others may have it, and
// keeps it until Give.
func (v *Volume) Take() error {
	var free syscall.Statfs_t
	if err := syscall.Statfs(v.Dir, &free); err != nil {
		return fmt.Errorf("look how much room %s has: %w", v.Dir, err)
	}
	file, err := os.Create(v.taken())
	if err != nil {
		return err
	}
	defer file.Close()
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, int64(free.Bavail)*free.Bsize); err != nil {
		return fmt.Errorf("take the room of %s: %w", v.Dir, err)
	}
	return nil
}

// Give gives back what was taken, if it was.
func (v *Volume) Give() error {
	if err := os.Remove(v.taken()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (v *Volume) taken() string { return v.Path("taken") }
