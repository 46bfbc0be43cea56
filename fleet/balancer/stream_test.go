package balancer_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
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

// eachAccept runs test with what EventSource accepts, whose streams are hijacked, and with what other clients do.
func eachAccept(t *testing.T, test func(t *testing.T, accept string)) {
	for name, accept := range map[string]string{"EventSource": "text/event-stream", "other clients": "*/*"} {
		t.Run(name, func(t *testing.T) { test(t, accept) })
	}
}

func (e *estate) listen(t *testing.T, accept string) *listener {
	t.Helper()
	req := e.request(t, http.MethodGet, "shop.localhost", "/auth/live", nil)
	req.Header.Set("Accept", accept)
	res, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if hijacked := accept == "text/event-stream"; res.Close != hijacked || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("Accept %s: %v, closed: %v", accept, res.Header, res.Close)
	}
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
	eachAccept(t, func(t *testing.T, accept string) {
		e := newEstate(t, nil)
		say := make(chan string)
		e.backend(t, "shop", "shop-1", events(say))
		l := e.listen(t, accept)
		for _, event := range []string{"one", "two", "three"} {
			say <- event // the next one is said only after this one has arrived
			l.hears(t, event)
		}
		close(say)
		if rest, err := io.ReadAll(l.lines); err != nil || len(rest) != 0 {
			t.Errorf("at the end: %q, %v", rest, err)
		}
	})
}

func TestStream_IsNotInFlight(t *testing.T) {
	eachAccept(t, func(t *testing.T, accept string) {
		e := newEstate(t, nil)
		say := make(chan string)
		e.backend(t, "shop", "shop-1", events(say))
		l := e.listen(t, accept)
		if in := e.Backends()[0].InFlight; in != 0 {
			t.Errorf("%d in flight", in)
		}
		// A replica that leaves is not kept by those who listen to it: they are told by the replica itself.
		if err := e.Remove(t.Context(), "shop", "shop-1"); err != nil {
			t.Fatal(err)
		}
		say <- "still here"
		l.hears(t, "still here")
	})
}

func TestStream_BrokenIsNotSentAgain(t *testing.T) {
	eachAccept(t, func(t *testing.T, accept string) {
		e := newEstate(t, nil)
		var asked atomic.Int64
		cut := func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
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
		l := e.listen(t, accept)
		if rest, err := io.ReadAll(l.lines); err == nil || len(rest) != 0 {
			t.Errorf("a stream that broke ended with %q, %v", rest, err)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%d backends were asked", n)
		}
	})
}

func TestStream_EndsWhenTheBalancerStops(t *testing.T) {
	eachAccept(t, func(t *testing.T, accept string) {
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
		l := e.listen(t, accept)
		stop()
		if rest, err := io.ReadAll(l.lines); len(rest) != 0 || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the stream ended with %q, %v", rest, err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// smallBuffers is a listener whose connections hold little that the client has not read.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4 << 10)
	}
	return conn, err
}

func TestStream_OfKnownLengthArrivesWholeWhenTheBalancerStops(t *testing.T) {
	e := newEstate(t, nil)
	whole := strings.Repeat("data: 1\n\n", 50_000)
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		_, _ = io.WriteString(w, whole)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stopping := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Context().Value(http.ServerContextKey).(*http.Server).RegisterOnShutdown(func() { close(stopping) })
		e.ServeHTTP(w, r)
	})
	served := make(chan error, 1)
	go func() {
		served <- balancer.Serve(ctx, smallBuffers{ln}, handler, 10*time.Second, slog.New(slog.DiscardHandler))
	}()

	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = io.WriteString(conn, "GET /auth/live HTTP/1.1\r\nHost: shop.localhost\r\nAccept: text/event-stream\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	<-stopping
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != whole {
		t.Errorf("%d of %d bytes, %v", len(body), len(whole), err)
	}
	if err := <-served; err != nil {
		t.Error("serving:", err)
	}
}

func TestStream_EndsForTheBackendWhenTheClientGoes(t *testing.T) {
	eachAccept(t, func(t *testing.T, accept string) {
		e := newEstate(t, nil)
		gone := make(chan struct{})
		stream := events(nil)
		e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
			stream(w, r)
			close(gone)
		})
		e.listen(t, accept).body.Close()
		<-gone
	})
}

func TestStream_IsCutForAClientThatDoesNotRead(t *testing.T) {
	eachAccept(t, func(t *testing.T, accept string) {
		e := newEstate(t, func(o *balancer.Options) { o.AnswerTimeout = 100 * time.Millisecond })
		cut := make(chan struct{})
		e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for piece := []byte("data: " + strings.Repeat("x", 1<<20) + "\n\n"); ; {
				if _, err := w.Write(piece); err != nil {
					close(cut)
					return
				}
			}
		})
		conn, err := net.Dial("tcp", e.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.localhost\r\nAccept: "+accept+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-cut
	})
}

func TestStream_LargeEventsArriveWhole(t *testing.T) {
	eachAccept(t, func(t *testing.T, accept string) {
		e := newEstate(t, nil)
		say := make(chan string)
		e.backend(t, "shop", "shop-1", events(say))
		l := e.listen(t, accept)
		for _, size := range []int{1, 1000, 1007, 1008, 1009, 5000, 100_000} {
			event := strings.Repeat("x", size)
			say <- event
			l.hears(t, event)
		}
	})
}

// A client of HTTP/1.0 takes no chunks (RFC 9112 §7.1): the end of the connection is the end of the stream.
func TestStream_ReachesAnOldClient(t *testing.T) {
	e := newEstate(t, nil)
	say := make(chan string)
	close(say)
	e.backend(t, "shop", "shop-1", events(say))
	conn, err := net.Dial("tcp", e.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\nHost: shop.localhost\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(answer), "\r\n\r\ndata: hello\n\n") {
		t.Errorf("%q, %v", answer, err)
	}
}

// eventSource asks as EventSource does.
func (e *estate) eventSource(t *testing.T, method string) (*http.Response, string) {
	t.Helper()
	req := e.request(t, method, "shop.localhost", "/auth/live", nil)
	req.Header.Set("Accept", "text/event-stream")
	return e.do(t, req)
}

func TestEventSource_GetsAnswersThatAreNoStreams(t *testing.T) {
	for name, c := range map[string]struct {
		method  string
		handler http.HandlerFunc
		status  int
		body    string
	}{
		"no content":    {http.MethodGet, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }, http.StatusNoContent, ""},
		"a page":        {http.MethodGet, says("page"), http.StatusOK, "page"},
		"an error page": {http.MethodGet, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) }, http.StatusServiceUnavailable, "busy\n"},
		"after early hints": {http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "page")
		}, http.StatusOK, "page"},
		"a short stream": {http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n") // its length is known
		}, http.StatusOK, "data: 1\n\n"},
		"an error as a stream": {http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusNotFound)
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "data: 1\n\n")
		}, http.StatusNotFound, "data: 1\n\n"},
		"only the header": {http.MethodHead, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
		}, http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t, nil)
			e.backend(t, "shop", "shop-1", c.handler)
			for range 2 {
				res, body := e.eventSource(t, c.method)
				if res.StatusCode != c.status || body != c.body || res.Close {
					t.Errorf("%d %q, closed: %v", res.StatusCode, body, res.Close)
				}
			}
		})
	}
}

func TestEventSource_GetsAnotherBackendWhenItsOwnDies(t *testing.T) {
	e := newEstate(t, nil)
	received := make(chan string, 100)
	e.backend(t, "shop", "shop-1", breaking(received))
	e.backend(t, "shop", "shop-2", events(nil))
	if err := e.Add("shop", "shop-3", refused(t)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each backend is the first of one
		e.listen(t, "text/event-stream").body.Close()
	}
	<-received
}

func TestEventSource_IsToldOfABackendThatDoesNotAnswer(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.HeaderTimeout = 50 * time.Millisecond })
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if res, _ := e.eventSource(t, http.MethodGet); res.StatusCode != http.StatusGatewayTimeout {
		t.Error(res.Status)
	}
}

func TestEventSource_ThatGoesBeforeTheAnswerIsNotWaitedFor(t *testing.T) {
	e := newEstate(t, nil)
	asked, gone := make(chan struct{}), make(chan struct{})
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(gone)
	})
	req := e.request(t, http.MethodGet, "shop.localhost", "/auth/live", nil)
	req.Header.Set("Accept", "text/event-stream")
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-asked; leave() }()
	if _, err := e.client.Do(req.WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-gone
}
