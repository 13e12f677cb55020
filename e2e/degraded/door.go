package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// patience bounds one try of a question; what is promised is much less.
const patience = 10 * time.Second

// policy asks the policy door over a connection that it keeps.
type policy struct {
	path string
	conn net.Conn // nil: none
	in   *bufio.Reader
}

// ask asks about mail to a recipient. Over the end of a process it asks again.
func (c *policy) ask(ctx context.Context, recipient string) (reply string, took time.Duration) {
	request := "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=" + recipient + "\n\n"
	began := time.Now()
	for time.Since(began) < patience && ctx.Err() == nil {
		if reply, err := c.try(request); err == nil {
			return reply, time.Since(began)
		}
		c.hangUp()
		time.Sleep(time.Millisecond)
	}
	return "nothing", time.Since(began)
}

func (c *policy) try(request string) (string, error) {
	if c.conn == nil {
		conn, err := net.DialTimeout("unix", c.path, patience)
		if err != nil {
			return "", err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, request); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	_, err = c.in.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (c *policy) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// dovecot counts the login processes that there have been: each has its own id.
var dovecot atomic.Int64

// login logs in as a login process of Dovecot asks, over a connection of its own.
func login(ctx context.Context, path, user, password string) (reply string, took time.Duration) {
	began := time.Now()
	for time.Since(began) < patience && ctx.Err() == nil {
		if reply, err := tryLogin(path, user, password); err == nil {
			return reply, time.Since(began)
		}
		time.Sleep(time.Millisecond)
	}
	return "nothing", time.Since(began)
}

func tryLogin(path, user, password string) (string, error) {
	conn, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	_, err = fmt.Fprintf(conn, "VERSION\t1\t2\nCPID\t%d\nAUTH\t1\tPLAIN\tservice=imap\tresp=%s\n", 1_000_000+dovecot.Add(1), plain)
	if err != nil {
		return "", err
	}
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if word, rest, _ := strings.Cut(line, "\t"); word == "OK" || word == "FAIL" {
			return word + " " + strings.TrimSpace(strings.ReplaceAll(rest, "\t", " ")), nil
		}
	}
}

// answer is what the admin door answers.
type answer struct {
	status int    // 0: nothing came
	code   string // of the problem
	text   string // its detail, or the whole
}

// call asks a door that speaks HTTP.
func (s *site) call(ctx context.Context, door, method, path string, in any) answer {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.socket(door))
		},
		DisableKeepAlives: true,
	}}
	body, err := json.Marshal(in)
	if err != nil {
		return answer{text: err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://gatepost"+path, bytes.NewReader(body))
	if err != nil {
		return answer{text: err.Error()}
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return answer{text: err.Error()}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{text: err.Error()}
	}
	a := answer{status: response.StatusCode, text: string(text)}
	var problem struct{ Code, Detail string }
	if response.StatusCode >= 400 && json.Unmarshal(text, &problem) == nil {
		a.code, a.text = problem.Code, problem.Detail
	}
	return a
}
