package control_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse.example/fleet/control"
	"gatehouse.example/fleet/supervisor"
)

var admin = control.By{Subject: "demo-admin", Person: "Admin Demo", Replica: "academy-7"}

func TestView_ShowsReplicasByNumberAndWhatTheBalancerKnows(t *testing.T) {
	e := newEstate(t)
	if err := e.balancer.Add("shop", "shop-2", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	v := e.view(t)
	if len(v.Services) != 2 || v.Services[0].Name != "shop" || v.Services[1].Name != "academy" || v.Max != 4 {
		t.Fatalf("services are %+v", v)
	}
	shop := v.Services[0]
	if got := names(shop); !slices.Equal(got, []string{"shop-1", "shop-2"}) || shop.Next != "shop-3" || shop.Policy != control.RoundRobin {
		t.Errorf("the shop is %+v", shop)
	}
	if one, two := shop.Replicas[0], shop.Replicas[1]; one.Healthy || !two.Healthy || one.PID == 0 || one.State != string(supervisor.Serving) || one.Since.IsZero() {
		t.Errorf("replicas are %+v, %+v", one, two)
	}
}

func TestKill_EndsTheProcessThatWasSeenOnce(t *testing.T) {
	e := newEstate(t)
	pid := replica(t, e.view(t), "shop-1").PID
	var clicks sync.WaitGroup
	var refused atomic.Int32
	for range 5 { // one click and four too many, at once
		clicks.Go(func() {
			err := e.client.Kill(t.Context(), admin, "shop-1", pid)
			var no control.Refusal
			switch {
			case errors.As(err, &no) && strings.Contains(string(no), "has already ended"):
				refused.Add(1)
			case err != nil:
				t.Error(err)
			}
		})
	}
	clicks.Wait()
	e.Wait()
	if got := e.crew.killed(); len(got) != 1 || got[0] != fmt.Sprintf("shop-1 %d", pid) || refused.Load() != 4 {
		t.Errorf("killed %v, refused %d times", got, refused.Load())
	}
	refuses(t, "the dead process once more", e.client.Kill(t.Context(), admin, "shop-1", pid))
	if err := e.client.Kill(t.Context(), admin, "shop-1", replica(t, e.view(t), "shop-1").PID); err != nil {
		t.Errorf("its new process: %v", err)
	}
	if log := e.view(t).Log; len(log) != 2 || log[1].Who != "Admin Demo" || log[1].Subject != "demo-admin" || log[1].Kind != control.Killed || !strings.Contains(log[1].What, fmt.Sprint("shop-1 (process ", pid, ")")) || log[1].At.IsZero() {
		t.Errorf("the log is %+v", log)
	}
}

func TestKill_LetsTheReplicaThatAsksAnswerFirst(t *testing.T) {
	e := newEstate(t)
	self := control.By{Person: "Admin Demo", Replica: "academy-1"}
	if err := e.client.Kill(t.Context(), self, "academy-1", replica(t, e.view(t), "academy-1").PID); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if got := e.crew.killed(); len(got) != 1 {
		t.Errorf("killed %v", got)
	}
}

func TestAdd_TakesTheLowestFreeNumber(t *testing.T) {
	e := newEstate(t)
	for _, want := range []string{"shop-3", "shop-4"} {
		next := e.view(t).Services[0].Next
		if next != want {
			t.Fatalf("the next one is %q, want %s", next, want)
		}
		if err := e.client.Add(t.Context(), admin, next); err != nil {
			t.Fatal(err)
		}
		refuses(t, "the second click", e.client.Add(t.Context(), admin, next))
	}
	if s := e.view(t).Services[0]; s.Next != "" || len(s.Replicas) != 4 {
		t.Errorf("full, it offers %q: %v", s.Next, names(s))
	}
	if no := refuses(t, "one more than the maximum", e.client.Add(t.Context(), admin, "shop-5")); !strings.Contains(no, "from 1 to 4") {
		t.Errorf("it says %q", no)
	}
	e.release()
	if err := e.client.Remove(t.Context(), admin, "shop-2"); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if next := e.view(t).Services[0].Next; next != "shop-2" {
		t.Errorf("the next one is %q, want shop-2", next)
	}
}

func TestRemove_LeavesOne(t *testing.T) {
	e := newEstate(t)
	if err := e.client.Remove(t.Context(), admin, "shop-1"); err != nil {
		t.Fatal(err)
	}
	if state := replica(t, e.view(t), "shop-1").State; state != string(supervisor.Stopping) {
		t.Errorf("it is %s", state)
	}
	refuses(t, "the second click", e.client.Remove(t.Context(), admin, "shop-1"))
	refuses(t, "a kill meanwhile", e.client.Kill(t.Context(), admin, "shop-1", replica(t, e.view(t), "shop-1").PID))
	// It still runs, but the other one must stay all the same.
	if no := refuses(t, "the last one", e.client.Remove(t.Context(), admin, "shop-2")); !strings.Contains(no, "has to keep running") {
		t.Errorf("it says %q", no)
	}
	refuses(t, "the only one", e.client.Remove(t.Context(), admin, "academy-1"))
	e.release()
	e.Wait()
	if got := names(e.view(t).Services[0]); !slices.Equal(got, []string{"shop-2"}) {
		t.Errorf("left are %v", got)
	}
}

func TestSetPolicy_CountsFromTheNextRequestOn(t *testing.T) {
	e := newEstate(t)
	for _, p := range []string{control.Sticky, control.LeastBusy, control.RoundRobin} {
		if err := e.client.SetPolicy(t.Context(), admin, "shop", p); err != nil {
			t.Fatal(err)
		}
		if v := e.view(t); v.Services[0].Policy != p || v.Services[1].Policy != control.RoundRobin {
			t.Errorf("after %s: %+v", p, v.Services)
		}
		refuses(t, "the second click", e.client.SetPolicy(t.Context(), admin, "shop", p))
	}
}

func TestControl_BadInput(t *testing.T) {
	e := newEstate(t)
	e.release()
	before := e.view(t)
	long := strings.Repeat("x", 1000)
	for what, err := range map[string]error{
		"kill nobody":       e.client.Kill(t.Context(), admin, "shop-9", 1),
		"kill another pid":  e.client.Kill(t.Context(), admin, "shop-1", 1),
		"kill no pid":       e.client.Kill(t.Context(), admin, "shop-1", 0),
		"kill a long name":  e.client.Kill(t.Context(), admin, long, 1),
		"remove nobody":     e.client.Remove(t.Context(), admin, "bank-1"),
		"add no name":       e.client.Add(t.Context(), admin, ""),
		"add elsewhere":     e.client.Add(t.Context(), admin, "bank-1"),
		"add a path":        e.client.Add(t.Context(), admin, "shop-../../x"),
		"add zero":          e.client.Add(t.Context(), admin, "shop-0"),
		"add a minus":       e.client.Add(t.Context(), admin, "shop--1"),
		"add an odd number": e.client.Add(t.Context(), admin, "shop-03"),
		"add a plus":        e.client.Add(t.Context(), admin, "shop-+3"),
		"no such policy":    e.client.SetPolicy(t.Context(), admin, "shop", "random"),
		"no such service":   e.client.SetPolicy(t.Context(), admin, "bank", control.Sticky),
	} {
		if no := refuses(t, what, err); len(no) > 300 {
			t.Errorf("%s: it says %d bytes", what, len(no))
		}
	}
	after := e.view(t)
	if len(after.Log) != 0 || len(after.Services[0].Replicas) != len(before.Services[0].Replicas) || len(e.crew.killed()) != 0 {
		t.Errorf("something was done: %+v", after)
	}
}

func TestHandleEvent_SaysHowLongAReplicaWasAway(t *testing.T) {
	e := newEstate(t)
	one := supervisor.Replica{Name: "shop-1", Service: "shop", PID: 7}
	e.HandleEvent(supervisor.Event{Kind: supervisor.EventReady, Replica: one})
	if log := e.view(t).Log; len(log) != 0 {
		t.Errorf("the start of the estate is in the log: %+v", log)
	}
	e.HandleEvent(supervisor.Event{Kind: supervisor.EventExited, Replica: one, Err: errors.New("shop-1 stopped: signal: killed")})
	e.HandleEvent(supervisor.Event{Kind: supervisor.EventReady, Replica: one})
	e.HandleEvent(supervisor.Event{Kind: supervisor.EventExited, Replica: one}) // as it was asked to
	e.HandleEvent(supervisor.Event{Kind: supervisor.EventStopped, Replica: one})
	var said []string
	for _, l := range e.view(t).Log {
		said = append(said, l.Kind+": "+l.What)
	}
	want := []string{"ended: shop-1 has stopped.", "ready: shop-1 is ready again after ", "ended: Supervisor: shop-1 stopped: signal: killed."}
	if len(said) != len(want) {
		t.Fatalf("the log is %q", said)
	}
	for i := range want {
		if !strings.HasPrefix(said[i], want[i]) {
			t.Errorf("line %d is %q, want %q", i, said[i], want[i])
		}
	}
}

func TestControl_LogIsBounded(t *testing.T) {
	e := newEstate(t)
	for n := range 300 {
		policy := []string{control.Sticky, control.RoundRobin}[n%2]
		if err := e.SetPolicy(admin, "shop", policy); err != nil {
			t.Fatal(err)
		}
	}
	e.HandleEvent(supervisor.Event{Kind: supervisor.EventExited, Err: errors.New("shop-1 stopped:\n" + strings.Repeat("a line\n", 500))})
	log := e.view(t).Log
	if len(log) != 200 || len(log[0].What) > 300 || strings.Contains(log[0].What, "\n") || log[0].Who != "" {
		t.Errorf("%d lines, the newest: %+v", len(log), log[0])
	}
}

func TestHandler_LetsInWhoeverHoldsTheSecret(t *testing.T) {
	e := newEstate(t)
	base := "http://" + e.addr
	for _, tc := range []struct {
		method, path, bearer, body string
		want                       int
	}{
		{http.MethodGet, "/estate", secret, "", http.StatusOK},
		{http.MethodGet, "/estate", "", "", http.StatusUnauthorized},
		{http.MethodGet, "/estate", secret + "x", "", http.StatusUnauthorized},
		{http.MethodGet, "/nowhere", "", "", http.StatusUnauthorized},
		{http.MethodPost, "/kill", "", `{"replica":"shop-1"}`, http.StatusUnauthorized},
		{http.MethodPost, "/kill", secret, "", http.StatusBadRequest},
		{http.MethodPost, "/kill", secret, "[]", http.StatusBadRequest},
		{http.MethodPost, "/kill", secret, `{"victim":"shop-1"}`, http.StatusBadRequest},
		{http.MethodPost, "/add", secret, `{"replica":"` + strings.Repeat("x", 8<<10) + `"}`, http.StatusBadRequest},
		{http.MethodGet, "/kill", secret, "", http.StatusMethodNotAllowed},
		{http.MethodGet, "/nowhere", secret, "", http.StatusNotFound},
	} {
		if got := ask(t, tc.method, base+tc.path, tc.bearer, tc.body); got != tc.want {
			t.Errorf("%s %s with %q and %.20q: %d, want %d", tc.method, tc.path, tc.bearer, tc.body, got, tc.want)
		}
	}
}

func TestClient_SaysThatNobodyAnswers(t *testing.T) {
	e := newEstate(t)
	wrong, err := control.NewClient("http://"+e.addr, "another secret")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := control.NewClient("http://"+ln.Addr().String(), secret)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	for what, c := range map[string]*control.Client{"the wrong secret": wrong, "nobody there": nobody} {
		if _, err := c.View(t.Context()); !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
		if err := c.Add(t.Context(), admin, "shop-3"); !errors.Is(err, control.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, bad := range []string{"", "127.0.0.1:80", "https://example.com", "http://127.0.0.1:80/x", "http://%zz"} {
		if _, err := control.NewClient(bad, secret); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
	if _, err := control.NewClient("http://127.0.0.1:80", ""); err == nil {
		t.Error("no secret is one")
	}
}

func TestAdd_WhenTheEstateStops(t *testing.T) {
	e := newEstate(t)
	e.crew.mu.Lock()
	e.crew.stopped = true
	e.crew.mu.Unlock()
	refuses(t, "adding", e.client.Add(t.Context(), admin, "shop-3"))
}

func TestNew_RefusesWhatIsMissing(t *testing.T) {
	if _, err := control.New(control.Options{}); err == nil {
		t.Error("nothing at all is enough")
	}
}
