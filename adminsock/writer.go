package adminsock

import (
	"encoding/json"
	"net/http"
	"time"
)

// writer is an answer under way: it notes the status and moves the deadlines.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // for each write
	status  int           // 0: nothing was written yet
}

func newWriter(w http.ResponseWriter, timeout time.Duration) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}
}

// Unwrap lets http.ResponseController through.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the status.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write gives each piece of an answer its own deadline.
func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout))
	return w.ResponseWriter.Write(b)
}

// readBy sets when reading the request must be over; the zero time: any time.
// A connection that cannot have deadlines is one of a test.
func (w *writer) readBy(t time.Time) { _ = w.control.SetReadDeadline(t) }

// problem answers with a problem.
func (w *writer) problem(p *Problem) {
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a peer that does not read its refusal has gone
}
