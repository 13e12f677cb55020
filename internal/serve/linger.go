package serve

import "time"

// stays reports whether a connection of a draining server may wait for a request
// once more, and sets for how long.
func (c *Conn) stays() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.lingersUntil()
	if !c.late && !time.Now().Before(until) {
		return false
	}
	c.late, c.looked = false, false
	_ = c.SetReadDeadline(until)
	return true
}

// lingersUntil returns when an idle connection of a draining server is to leave.
// A time that has passed stands for at once: after the last look.
func (c *Conn) lingersUntil() time.Time {
	s := c.server
	if s.LingerIdle == 0 {
		return c.opened
	}
	idle := c.opened.Add(time.Duration(c.heard.Load()) + s.LingerIdle)
	if idle.Before(s.lingerEnd) {
		return idle
	}
	return s.lingerEnd
}
