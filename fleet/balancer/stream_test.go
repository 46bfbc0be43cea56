package balancer_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/fleet/balancer"
)

// events answers with the events of a channel, one by one, until the channel is closed or the reader goes.
func events(say <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		send := func(event string) {
			_, _ = io.WriteString(w, "data: "+event+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
		send("hello")
		for {
			select {
			case event, more := <-say:
				if !more {
					return
				}
				send(event)
			case <-r.Context().Done():
				return
			}
		}
	}
}

// listener reads a stream of events.
type listener struct {
	body  io.Closer
	lines *bufio.Reader
}

func (e *estate) listen(t *testing.T) *listener {
	t.Helper()
	res, err := e.client.Do(e.request(t, http.MethodGet, "shop.localhost", "/auth/live", nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	l := &listener{res.Body, bufio.NewReader(res.Body)}
	l.hears(t, "hello")
	return l
}

func (l *listener) hears(t *testing.T, want string) {
	t.Helper()
	line, err := l.lines.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "data: "+want {
		t.Fatalf("heard %q, %v; want %q", line, err, want)
	}
	if _, err := l.lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
}

func TestStream_EachEventArrivesAsItIsSaid(t *testing.T) {
	e := newEstate(t, nil)
	say := make(chan string)
	e.backend(t, "shop", "shop-1", events(say))
	l := e.listen(t)
	for _, event := range []string{"one", "two", "three"} {
		say <- event // the next one is said only after this one has arrived
		l.hears(t, event)
	}
	close(say)
	if rest, err := io.ReadAll(l.lines); err != nil || len(rest) != 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}

func TestStream_IsNotInFlight(t *testing.T) {
	e := newEstate(t, nil)
	say := make(chan string)
	e.backend(t, "shop", "shop-1", events(say))
	l := e.listen(t)
	if in := e.Backends()[0].InFlight; in != 0 {
		t.Errorf("%d in flight", in)
	}
	// A replica that leaves is not kept by those who listen to it: they are told by the replica itself.
	if err := e.Remove(t.Context(), "shop", "shop-1"); err != nil {
		t.Fatal(err)
	}
	say <- "still here"
	l.hears(t, "still here")
}

func TestStream_BrokenIsNotSentAgain(t *testing.T) {
	e := newEstate(t, nil)
	var asked atomic.Int64
	cut := func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = http.NewResponseController(w).Flush()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		conn.Close()
	}
	e.backend(t, "shop", "shop-1", cut)
	e.backend(t, "shop", "shop-2", cut)
	l := e.listen(t)
	if rest, err := io.ReadAll(l.lines); err == nil || len(rest) != 0 {
		t.Errorf("a stream that broke ended with %q, %v", rest, err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d backends were asked", n)
	}
}

func TestStream_EndsWhenTheBalancerStops(t *testing.T) {
	opts := balancer.Options{Hosts: map[string]string{"shop.localhost": "shop"}, Logger: discard}
	b, err := balancer.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- balancer.Serve(ctx, ln, b, time.Hour, discard) }() // an hour: the test would time out
	e := &estate{Balancer: b, addr: ln.Addr().String(), client: &http.Client{Transport: &http.Transport{}}}
	e.backend(t, "shop", "shop-1", events(nil))
	l := e.listen(t)
	stop()
	if rest, err := io.ReadAll(l.lines); len(rest) != 0 || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
