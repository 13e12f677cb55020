package socketmap

import "time"

// Hooks are called as the server works, from the goroutines of its connections.
// A nil field is skipped. They must not block.
type Hooks struct {
	// Query is called for each reply.
	Query func(m Map, r Result, took time.Duration)
	// Malformed is called for each query that was none.
	Malformed func(Malformation)

	Conns    func(open int) // see serve.Hooks
	Refused  func()         // see serve.Hooks
	Panicked func()         // see serve.Hooks
}
