package balancer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
)

func TestRetry_DialErrorRepeatsEverything(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		e := newEstate(t, nil)
		if err := e.Add("shop", "dead", refused(t)); err != nil {
			t.Fatal(err)
		}
		e.backend(t, "shop", "alive", echo)
		body := strings.Repeat("order", 20_000)
		for range 2 {
			req := e.request(t, method, "shop.localhost", "/", nil)
			if method == http.MethodPost {
				req = e.request(t, method, "shop.localhost", "/", strings.NewReader(body))
			}
			res, got := e.do(t, req)
			if res.StatusCode != http.StatusOK || method == http.MethodPost && got != body {
				t.Errorf("%s: %s, %d bytes back", method, res.Status, len(got))
			}
		}
		for _, s := range e.Backends() {
			if s.Healthy != (s.Name == "alive") {
				t.Errorf("%s: healthy is %v", s.Name, s.Healthy)
			}
		}
	}
}

func TestRetry_BrokenGETGoesElsewhere(t *testing.T) {
	e := newEstate(t, nil)
	received := make(chan string, 10)
	e.backend(t, "shop", "breaks", breaking(received))
	e.backend(t, "shop", "works", says("fine"))
	for range 4 {
		if res, body := e.get(t, "shop.localhost", "/"); body != "fine" {
			t.Errorf("%s %q", res.Status, body)
		}
	}
	if len(received) == 0 {
		t.Error("the breaking backend was never asked")
	}
	if got, want := e.Trouble()["shop"], (balancer.Trouble{Repeated: uint64(len(received))}); got != want {
		t.Errorf("the trouble was %+v, want %+v", got, want)
	}
}

// A replica that is killed half-way through a page: the client has seen nothing of it yet.
func TestRetry_HalfAnAnswerGoesElsewhere(t *testing.T) {
	e := newEstate(t, nil)
	page := strings.Repeat("page ", 20_000)
	var asked atomic.Int32
	e.backend(t, "shop", "dies", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Length", fmt.Sprint(len(page)))
		_, _ = io.WriteString(w, page[:len(page)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	e.backend(t, "shop", "works", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(page)))
		_, _ = io.WriteString(w, page)
	})
	for range 4 {
		if res, body := e.get(t, "shop.localhost", "/"); res.StatusCode != http.StatusOK || body != page {
			t.Errorf("%s, %d bytes of %d", res.Status, len(body), len(page))
		}
	}
	if asked.Load() == 0 {
		t.Error("the dying backend was never asked")
	}
}

func TestRetry_ReceivedPOSTIsNotRepeated(t *testing.T) {
	e := newEstate(t, nil)
	received := make(chan string, 10)
	e.backend(t, "shop", "shop-1", breaking(received))
	e.backend(t, "shop", "shop-2", breaking(received))
	for _, body := range []string{"order", ""} {
		if res, page := e.post(t, "shop.localhost", "/", body); res.StatusCode != http.StatusBadGateway || !strings.Contains(page, "whether your change was saved") {
			t.Errorf("%q: %s", body, res.Status)
		}
	}
	if len(received) != 2 {
		t.Errorf("two POSTs were received %d times", len(received))
	}
	if got, want := e.Trouble()["shop"], (balancer.Trouble{Failed: 2}); got != want {
		t.Errorf("the trouble was %+v, want %+v", got, want)
	}
}

// longQueueTimeout lets requests wait as long as a busy machine may need.
func longQueueTimeout(o *balancer.Options) { o.QueueTimeout = 30 * time.Second }

func TestRetry_PoisonIsNotPassedRound(t *testing.T) {
	e := newEstate(t, longQueueTimeout)
	received := make(chan string, 100)
	for i := range 6 {
		e.backend(t, "shop", fmt.Sprint("shop-", i), breaking(received))
	}
	if res, _ := e.get(t, "shop.localhost", "/"); res.StatusCode != http.StatusBadGateway {
		t.Error(res.Status)
	}
	if n := len(received); n != 3 {
		t.Errorf("a GET that breaks backends was sent %d times, want 3", n)
	}
}

func TestRetry_WaitsForAReplacement(t *testing.T) {
	e := newEstate(t, longQueueTimeout)
	if err := e.Add("shop", "shop-1", refused(t)); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		_, body := e.post(t, "shop.localhost", "/", "order")
		answer <- body
	}()
	for e.Backends()[0].Healthy { // until the POST has found out
		time.Sleep(time.Millisecond)
	}
	e.backend(t, "shop", "shop-1", echo)
	if got := <-answer; got != "order" {
		t.Errorf("%q", got)
	}
}

func TestTimeout_OfTheAnswer(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.HeaderTimeout = 20 * time.Millisecond })
	var asked atomic.Int32
	e.backend(t, "shop", "hangs", func(w http.ResponseWriter, r *http.Request) { asked.Add(1); <-r.Context().Done() })
	if res, _ := e.get(t, "shop.localhost", "/"); res.StatusCode != http.StatusGatewayTimeout || asked.Load() != 1 {
		t.Errorf("%s after %d tries", res.Status, asked.Load())
	}
}

// A page view can be repeated without harm; a change may have been made.
func TestFailure_SaysWhatMayHaveHappened(t *testing.T) {
	for name, broken := range map[string]bool{"no answer": false, "broken connection": true} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t, func(o *balancer.Options) { o.HeaderTimeout = 20 * time.Millisecond })
			e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
				if broken {
					panic(http.ErrAbortHandler)
				}
				<-r.Context().Done()
			})
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				res, page := e.do(t, e.request(t, method, "shop.localhost", "/", nil))
				reads := method == http.MethodGet
				if res.StatusCode/100 != 5 {
					t.Errorf("%s: %s", method, res.Status)
				}
				if strings.Contains(page, "whether your change was saved") == reads {
					t.Errorf("%s says %q", method, page)
				}
				if strings.Contains(page, "Try again</a>") != reads || (res.Header.Get("Retry-After") != "") != reads {
					t.Errorf("%s: a retry is offered, or not, against %v: %q", method, reads, page)
				}
			}
		})
	}
}

// frozen answers nothing, no health check either, like a stopped process.
func frozen(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.ReadAll(r.Body)
	<-r.Context().Done()
}

// checkOften makes a backend count as silent after 400 ms.
func checkOften(o *balancer.Options) { o.HealthTimeout = 200 * time.Millisecond }

func TestSilence_PageViewGoesElsewhere(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { checkOften(o); o.HealthFailures = 1 << 30 })
	e.backend(t, "shop", "frozen", frozen)
	e.backend(t, "shop", "works", says("fine"))
	e.watch(t)
	for range 2 {
		if res, body := e.get(t, "shop.localhost", "/"); body != "fine" {
			t.Errorf("%s %q", res.Status, body)
		}
	}
	if got := e.Trouble()["shop"]; got.Repeated == 0 || got.Failed != 0 {
		t.Errorf("the trouble was %+v, want repetitions only", got)
	}
}

// The default HeaderTimeout of 30 s would answer 504 to all of these.
func TestSilence_GivesUpWhenNoReplicaIsLeft(t *testing.T) {
	e := newEstate(t, checkOften)
	e.backend(t, "shop", "shop-1", frozen)
	e.backend(t, "shop", "shop-2", frozen)
	sent := make(chan *http.Response, 1)
	page := make(chan string, 1)
	go func() { // before the health checks, so that a backend gets it
		res, body := e.post(t, "shop.localhost", "/", "order")
		sent <- res
		page <- body
	}()
	for e.Backends()[0].InFlight+e.Backends()[1].InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	e.watch(t)
	if res, body := e.get(t, "shop.localhost", "/"); res.StatusCode != http.StatusServiceUnavailable ||
		res.Header.Get("Retry-After") == "" || !strings.Contains(body, "Try again</a>") {
		t.Errorf("GET: %s, %q", res.Status, body)
	}
	if res, body := <-sent, <-page; res.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, "whether your change was saved") {
		t.Errorf("POST: %s, %q", res.Status, body)
	}
}

func TestSilence_SlowIsNotSilent(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.HealthTimeout = 500 * time.Millisecond; o.HealthFailures = 1 << 30 })
	var asked atomic.Int32
	e.backend(t, "shop", "slow", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			return
		}
		asked.Add(1)
		time.Sleep(1200 * time.Millisecond) // longer than twice the watch interval and than the silence
		_, _ = io.WriteString(w, "fine")
	})
	e.watch(t)
	if res, body := e.get(t, "shop.localhost", "/"); body != "fine" || asked.Load() != 1 {
		t.Errorf("%s %q after %d tries", res.Status, body, asked.Load())
	}
}

func TestTimeout_OfTheBody(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.BodyTimeout = 20 * time.Millisecond })
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	conn, err := net.Dial("tcp", e.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 10\r\n\r\nhalf")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout {
		t.Error(res.Status)
	}
}

func TestHealth_OutAndIn(t *testing.T) {
	e := newEstate(t, nil)
	var sick atomic.Bool
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	e.watch(t)
	until := func(healthy bool) {
		for e.Backends()[0].Healthy != healthy {
			time.Sleep(time.Millisecond)
		}
	}
	sick.Store(true)
	until(false)
	if res, _ := e.get(t, "shop.localhost", "/"); res.StatusCode != http.StatusServiceUnavailable {
		t.Error("all out:", res.Status)
	}
	sick.Store(false)
	until(true)
	if res, _ := e.get(t, "shop.localhost", "/"); res.StatusCode != http.StatusOK {
		t.Error("back in:", res.Status)
	}
}

func TestRemove_WaitsForTheAnswer(t *testing.T) {
	e := newEstate(t, nil)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-goOn
		_, _ = io.WriteString(w, "done")
	})
	answer := make(chan string, 1)
	go func() { _, body := e.post(t, "shop.localhost", "/", "x"); answer <- body }()
	<-arrived
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Remove(hurried, "shop", "shop-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("removed under a request: %v", err)
	}
	if len(e.Backends()) != 0 {
		t.Error("still in the pool")
	}
	close(goOn)
	if got := <-answer; got != "done" {
		t.Errorf("%q", got)
	}
	if err := e.Remove(t.Context(), "shop", "shop-1"); err != nil {
		t.Error("removed twice:", err)
	}
}

func TestServe_DrainsAndIsBound(t *testing.T) {
	for name, finishes := range map[string]bool{"finishes": true, "hangs": false} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			arrived, goOn := make(chan struct{}), make(chan struct{})
			ctx, stop := context.WithCancel(t.Context())
			grace := 30 * time.Second
			if !finishes {
				grace = 20 * time.Millisecond
			}
			e := newEstate(t, nil)
			served := make(chan error, 1)
			go func() {
				served <- balancer.Serve(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					close(arrived)
					select {
					case <-goOn:
					case <-r.Context().Done():
					}
				}), grace, discard)
			}()
			answered := make(chan error, 1)
			go func() {
				res, err := e.client.Get("http://" + ln.Addr().String())
				if err == nil {
					res.Body.Close()
				}
				answered <- err
			}()
			<-arrived
			stop()
			if finishes {
				close(goOn)
			}
			if err := <-answered; (err == nil) != finishes {
				t.Error("the request under way:", err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}
