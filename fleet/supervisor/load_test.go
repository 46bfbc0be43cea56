package supervisor_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
	"gatehouse.example/fleet/supervisor"
)

// fleetUnderLoad runs replicas behind the real balancer while method is requested from it without a pause.
// The returned stop gives the number of requests answered and the failures.
func fleetUnderLoad(t *testing.T, method string, replicas int) (s *supervisor.Supervisor, answered *atomic.Int64, stop func() []string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, err := balancer.New(balancer.Options{Hosts: map[string]string{"127.0.0.1": "shop"}, Logger: log, QueueTimeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = supervisor.New(supervisor.Options{Pool: b, Logger: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	var specs []supervisor.Spec
	for i := range replicas {
		specs = append(specs, spec(t, "shop-"+string(rune('1'+i)), "serves"))
	}
	if err := s.Start(t.Context(), specs...); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- balancer.Serve(ctx, ln, b, 10*time.Second, log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})

	answered = new(atomic.Int64)
	var clients sync.WaitGroup
	var enough atomic.Bool
	var mu sync.Mutex
	var failures []string
	for range 8 {
		clients.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for !enough.Load() {
				if what := once(transport, method, "http://"+ln.Addr().String()); what != "" {
					mu.Lock()
					failures = append(failures, what)
					mu.Unlock()
				}
				answered.Add(1)
			}
		})
	}
	return s, answered, func() []string {
		enough.Store(true)
		clients.Wait()
		return failures
	}
}

// once makes one request and says what is wrong with the answer, "" for nothing.
func once(transport *http.Transport, method, url string) string {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("order")
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return err.Error()
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	if res.StatusCode != http.StatusOK {
		return res.Status + " " + string(text)
	}
	return ""
}

// more waits until n more requests have been answered.
func more(answered *atomic.Int64, n int64) {
	for goal := answered.Load() + n; answered.Load() < goal; {
		time.Sleep(time.Millisecond)
	}
}

// back waits until the replica serves again as another process.
func back(s *supervisor.Supervisor, before supervisor.Replica) {
	for {
		for _, r := range s.Replicas() {
			if r.Name == before.Name && r.State == supervisor.Serving && r.PID != before.PID {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

func TestLoad_KilledReplicasFailNoGET(t *testing.T) {
	for name, replicas := range map[string]int{"of two": 2, "the only one": 1} {
		t.Run(name, func(t *testing.T) {
			s, answered, stop := fleetUnderLoad(t, http.MethodGet, replicas)
			for _, r := range s.Replicas() {
				more(answered, 200)
				if err := s.Kill(r.Name); err != nil {
					t.Fatal(err)
				}
				back(s, r)
			}
			more(answered, 200)
			for _, what := range stop() {
				t.Error(what)
			}
		})
	}
}

// A POST in flight on a killed replica is lost, and no other: at most one of each client's.
func TestLoad_KilledReplicaFailsOnlyPOSTsInFlight(t *testing.T) {
	s, answered, stop := fleetUnderLoad(t, http.MethodPost, 2)
	more(answered, 200)
	victim := s.Replicas()[0]
	if err := s.Kill(victim.Name); err != nil {
		t.Fatal(err)
	}
	back(s, victim)
	more(answered, 200)
	failures := stop()
	if len(failures) > 8 {
		t.Errorf("%d of 8 clients' POSTs failed", len(failures))
	}
	for _, what := range failures {
		if !strings.HasPrefix(what, "502 ") {
			t.Error(what)
		}
	}
}

func TestLoad_GracefulRestartsFailNothing(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			s, answered, stop := fleetUnderLoad(t, method, 2)
			for _, r := range s.Replicas() {
				more(answered, 100)
				if err := s.Restart(r.Name); err != nil {
					t.Fatal(err)
				}
				back(s, r)
			}
			more(answered, 100)
			for _, what := range stop() {
				t.Error(what)
			}
		})
	}
}
