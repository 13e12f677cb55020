package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Names of metrics.
const (
	mallocs     = "go_memstats_mallocs_total"
	heapBytes   = "go_memstats_heap_alloc_bytes"
	heapObjects = "go_memstats_heap_objects"
)

// over returns a client that reaches a Unix socket.
func over(socket string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 30 * time.Second}
}

// metric returns a value that the server's metrics page shows without labels.
func (s *server) metric(name string) (float64, error) {
	client := over(s.socket("metrics"))
	defer client.CloseIdleConnections()
	r, err := client.Get("http://gatepost/metrics")
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Body.Close() }()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// changesPerSecond is the write load.
const changesPerSecond = 100

// changes changes users one after the other, at a steady rate: a change that is
// due while another is being made is made after it, not left out.
type changes struct {
	server *server
	cancel context.CancelFunc
	done   sync.WaitGroup
	err    error
	made   int           // from begin to end
	took   time.Duration // from begin to end
}

func (c *changes) begin() error {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.err, c.made = cancel, nil, 0
	c.done.Go(func() { c.err = c.run(ctx) })
	return nil
}

func (c *changes) end() error {
	c.cancel()
	c.done.Wait()
	return c.err
}

// rate returns how many changes a second were made from begin to end.
func (c *changes) rate() float64 { return float64(c.made) / c.took.Seconds() }

func (c *changes) run(ctx context.Context) error {
	client := over(c.server.socket("admin"))
	defer client.CloseIdleConnections()
	began := time.Now()
	defer func() { c.took = time.Since(began) }()
	for {
		due := began.Add(time.Duration(c.made+1) * time.Second / changesPerSecond)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(due)):
		}
		if err := c.change(client); err != nil {
			return err
		}
		c.made++
	}
}

// change gives a user another name.
func (c *changes) change(client *http.Client) error {
	users := c.server.users
	return patch(client, users.Address(rand.IntN(users.Count)), fmt.Sprintf(`{"display_name": "User %d"}`, rand.Uint32()))
}

// patch changes a user.
func patch(client *http.Client, address, body string) error {
	request, err := http.NewRequest(http.MethodPatch, "http://gatepost/v1/users/"+address, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	r, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	said, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("change a user: %s: %s, %w", r.Status, said, err)
	}
	return nil
}
