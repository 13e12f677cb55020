package store

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// errFault says that the kernel could not give what a mapped file holds.
var errFault = errors.New("a file cannot be read: input/output error")

// protect runs fn, which reads Badger's mapped files. What Badger does with
// damaged blocks, a panic, becomes errDamaged; what the kernel does when it
// cannot read a page, SIGBUS, becomes errFault instead of the end of the
// process. That works in fn's own goroutine only.
func protect(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // runtime.Error of a fault
			err = fmt.Errorf("%w: %v", errFault, p)
		default:
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return fn()
}
