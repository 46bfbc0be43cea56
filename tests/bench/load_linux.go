package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// connection is one keep-alive connection to a server. It does little work per request, so that the client is not what
// is measured.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func dial(addr string) (*connection, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 16<<10)}, nil
}

// answer is the part of a response that is kept.
type answer struct {
	status   int
	location string
	body     []byte // only if requested, or for a status of 500 or more
}

// ask sends a request and reads the complete response (RFC 9112 §6). It returns the body if keep is true.
func (c *connection) ask(request []byte, keep bool) (answer, error) {
	var a answer
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(request); err != nil {
		return a, err
	}
	length := int64(0)
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if len(line) < 12 {
				return a, fmt.Errorf("%q is no status line", line)
			}
			if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return a, err
			}
			continue
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case equal(name, "Content-Length"):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return a, err
			}
		case equal(name, "Transfer-Encoding"):
			length = -1
		case equal(name, "Location"):
			a.location = string(value)
		}
	}
	var kept bytes.Buffer
	into := io.Discard
	if keep || a.status >= 500 {
		into = &kept
	}
	var err error
	if length >= 0 {
		_, err = io.CopyN(into, c.in, length)
	} else {
		err = c.chunks(into)
	}
	a.body = kept.Bytes()
	return a, err
}

func equal(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// chunks reads a chunked body (RFC 9112 §7.1).
func (c *connection) chunks(into io.Writer) error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 64)
		if err != nil {
			return err
		}
		if size > 0 {
			_, err = io.CopyN(into, c.in, size)
		}
		if err == nil {
			_, err = c.in.Discard(2)
		}
		if err != nil || size == 0 {
			return err
		}
	}
}

// get returns a GET request as a browser sends it.
func get(host, target, cookie string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", target, host)
	b.WriteString("User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n" +
		"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en\r\n")
	if cookie != "" {
		fmt.Fprintf(&b, "Cookie: %s\r\n", cookie)
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// post returns the request of a form that is sent from a page of the same host.
func post(host, target, headers, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nSec-Fetch-Site: same-origin\r\nContent-Type: "+
		"application/x-www-form-urlencoded\r\n%sContent-Length: %d\r\n\r\n%s", target, host, headers, len(body), body)
}

// step does one unit of work on a connection, the nth of its worker.
type step func(c *connection, worker, nth int) error

// page returns a step that sends request and requires status 200.
func page(request []byte) step {
	return func(c *connection, _, _ int) error {
		a, err := c.ask(request, false)
		return expect(a, err, 200)
	}
}

func expect(a answer, err error, status int) error {
	if err == nil && a.status != status {
		return fmt.Errorf("answered %d, not %d: %s %.300s", a.status, status, a.location, a.body)
	}
	return err
}

// drive lets workers run do until duration has passed, or until limit steps have begun if limit is not 0. It returns
// the number of steps done, and the time that they took.
func drive(addr string, workers int, duration time.Duration, limit int64, do step) (int64, time.Duration, error) {
	var done, begun atomic.Int64
	errs := make([]error, workers)
	var all sync.WaitGroup
	began := time.Now()
	for w := range workers {
		all.Go(func() {
			c, err := dial(addr)
			if err != nil {
				errs[w] = err
				return
			}
			defer c.Close()
			for n := 0; time.Since(began) < duration && (limit == 0 || begun.Add(1) <= limit); n++ {
				if errs[w] = do(c, w, n); errs[w] != nil {
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return 0, 0, err
	}
	if done.Load() == 0 {
		return 0, 0, errors.New("nothing was answered")
	}
	return done.Load(), took, nil
}
