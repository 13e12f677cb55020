package volume

import (
	"os"
	"sync"
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
