//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connection is a keep-alive connection with one request at a time.
type connection struct {
	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
}

// patience is the timeout of a request.
const patience = 10 * time.Second

// ask sends a request with token to the server, and returns when it was sent, and the status of the response.
func (s *server) ask(token string) (sent time.Time, status int, err error) {
	c := &s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", s.addr, patience); err != nil {
			return sent, 0, err
		}
		c.in = bufio.NewReaderSize(c.conn, 1<<10)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return sent, 0, err
	}
	request := "GET /api HTTP/1.1\r\nHost: bench.example.com\r\nAccept: application/json\r\nAuthorization: Bearer " + token + "\r\n\r\n"
	sent = time.Now()
	if _, err := io.WriteString(c.conn, request); err != nil {
		return sent, 0, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return sent, 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return sent, res.StatusCode, err
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// victim is the user to be banned next, or just banned.
type victim struct {
	*person
	begun atomic.Int64 // when the ban began, and when the portal said "done", in nanoseconds since the traffic's start
	done  atomic.Int64 // both are 0 before that
}

// traffic sends requests to random servers at a steady rate, alternately for the victim and for other users, and counts
// the responses.
type traffic struct {
	servers  *servers
	innocent []*person
	victim   atomic.Pointer[victim]
	start    time.Time
	rate     int

	requests, refusedInTime           atomic.Int64 // all; refused requests of banned users
	accepted, innocentRefused, failed atomic.Int64 // failures
	unsure                            atomic.Int64 // 503: a server had not heard from Redis for a second
	first                             atomic.Pointer[string]
}

// workers is the number of concurrent requests.
const workers = 4

// run sends requests until ctx ends.
func (t *traffic) run(ctx context.Context) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			pace := time.NewTicker(time.Second * workers / time.Duration(t.rate))
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				s := t.servers.all[rand.IntN(len(t.servers.all))]
				if v := t.victim.Load(); v != nil && n%2 == 0 {
					t.askAs(s, v)
				} else {
					t.askInnocent(s, t.innocent[rand.IntN(len(t.innocent))])
				}
			}
		})
	}
	all.Wait()
}

// everywhere sends a request with the victim's token to every server once.
func (t *traffic) everywhere(v *victim) {
	var next atomic.Int64
	order := rand.Perm(len(t.servers.all))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(order); i = next.Add(1) - 1 {
				t.askAs(t.servers.all[order[i]], v)
			}
		})
	}
	all.Wait()
}

func (t *traffic) askInnocent(s *server, p *person) {
	_, status, err := s.ask(p.token)
	t.requests.Add(1)
	switch {
	case err != nil:
		t.note(&t.failed, "%s did not answer: %v", s.name, err)
	case status == http.StatusServiceUnavailable:
		t.unsure.Add(1)
	case status != http.StatusOK:
		t.note(&t.innocentRefused, "%s answered %d to an innocent person", s.name, status)
	}
}

func (t *traffic) askAs(s *server, v *victim) {
	sent, status, err := s.ask(v.token)
	t.requests.Add(1)
	begun, done := v.begun.Load(), v.done.Load()
	switch {
	case err != nil:
		t.note(&t.failed, "%s did not answer: %v", s.name, err)
	case status == http.StatusOK:
		if done != 0 && int64(sent.Sub(t.start)) > done {
			t.note(&t.accepted, "%s let a banned person in, %s after the portal had said that it is done", s.name, sent.Sub(t.start)-time.Duration(done))
		}
	case status == http.StatusServiceUnavailable:
		t.unsure.Add(1)
	case status != http.StatusUnauthorized || begun == 0:
		t.note(&t.innocentRefused, "%s answered %d, and nobody was banned yet or it is not 401", s.name, status)
	default:
		t.refusedInTime.Add(1)
	}
}

// note counts a failure, and stores the message of the first.
func (t *traffic) note(counter *atomic.Int64, format string, args ...any) {
	counter.Add(1)
	words := fmt.Sprintf(format, args...)
	t.first.CompareAndSwap(nil, &words)
}
