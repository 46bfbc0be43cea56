package backchannel_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

// estate is an outbox with its clients: one server on which each has a path of its own.
type estate struct {
	t      *testing.T
	db     *db.DB
	store  *store.Store
	server *httptest.Server
	closed chan struct{} // ends what hangs

	mu      sync.Mutex
	now     time.Time
	acts    map[string]http.HandlerFunc
	heard   map[string][]string // by path: the sids of the tokens that came, in their order
	open    map[string]int      // by path: requests that have not been answered
	most    map[string]int      // by path: the most of open
	signed  int
	refused bool // no token can be signed
}

func each(t *testing.T, test func(t *testing.T, e *estate)) {
	t.Helper()
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		e := &estate{
			t: t, db: d, store: storetest.New(t, d), closed: make(chan struct{}), now: storetest.Now,
			acts: map[string]http.HandlerFunc{}, heard: map[string][]string{}, open: map[string]int{}, most: map[string]int{},
		}
		e.server = httptest.NewServer(e)
		t.Cleanup(e.server.Close)
		t.Cleanup(e.release)
		test(t, e)
	})
}

// release ends what hangs.
func (e *estate) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.closed:
	default:
		close(e.closed)
	}
}

func (e *estate) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *estate) advance(by time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(by)
}

// client registers one whose path is its id.
func (e *estate) client(id string, act http.HandlerFunc) {
	e.t.Helper()
	storetest.Register(e.t, e.store, id, e.server.URL+"/"+id)
	e.behave(id, act)
}

// behave says how a path answers from now on; nil answers 200.
func (e *estate) behave(path string, act http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.acts[path] = act
}

// hang answers when the test is over.
func (e *estate) hang(http.ResponseWriter, *http.Request) { <-e.closed }

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// ServeHTTP is all clients.
func (e *estate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	_ = r.ParseForm()
	sid, _, _ := strings.Cut(r.PostForm.Get("logout_token"), " ")
	e.mu.Lock()
	act := e.acts[path]
	e.heard[path] = append(e.heard[path], sid)
	e.open[path]++
	e.most[path] = max(e.most[path], e.open[path])
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.open[path]--
		e.mu.Unlock()
	}()
	if r.Method != http.MethodPost || sid == "" {
		e.t.Errorf("%s %s with %q", r.Method, r.URL, r.PostForm)
	}
	if act != nil {
		act(w, r)
	}
}

// tokens are the sids of the logout tokens that came to a path.
func (e *estate) tokens(path string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard[path])
}

// underWay is how many requests at a path wait for their answer, and the most that ever did.
func (e *estate) underWay(path string) (now, most int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open[path], e.most[path]
}

// Logout makes tokens that say whose they are; no two are alike. (package portal has tests with real ones.)
func (e *estate) Logout(subject, sid, clientID string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused {
		return "", io.ErrUnexpectedEOF
	}
	e.signed++
	return fmt.Sprintf("%s %s %s %d", sid, subject, clientID, e.signed), nil
}

// sender is one replica's. It waits so long that no busy machine makes a failure of an answer.
func (e *estate) sender(change ...func(*backchannel.Deps)) *backchannel.Sender {
	e.t.Helper()
	d := backchannel.Deps{
		Records: e.store, Tokens: e, HTTPClient: &http.Client{Transport: &http.Transport{}}, Now: e.clock, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&d)
	}
	s, err := backchannel.New(d)
	if err != nil {
		e.t.Fatal(err)
	}
	s.SetDeliveryTimeout(time.Minute)
	s.SetRecordTimeout(time.Minute)
	return s
}

// run lets s run until stop is called or the test ends.
func (e *estate) run(s *backchannel.Sender) (stop func()) {
	ctx, cancel := context.WithCancel(e.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			e.t.Errorf("Run: %v", err)
		}
	})
	e.t.Cleanup(func() { e.release(); stop() })
	return stop
}

// owe puts notices for these sids into the outbox, due now.
func (e *estate) owe(client string, sids ...string) []store.Notice {
	e.t.Helper()
	var notices []store.Notice
	for _, sid := range sids {
		notices = append(notices, storetest.AddNotice(e.t, e.db, store.Notice{ClientID: client, SID: sid, ReceiptID: "ending", CreatedAt: e.clock()}, e.clock()))
	}
	return notices
}

// fresh are notices as an ending leaves them: not due before the head start has passed.
func (e *estate) fresh(client string, sids ...string) []store.Notice {
	e.t.Helper()
	var notices []store.Notice
	for _, sid := range sids {
		notices = append(notices, storetest.AddNotice(e.t, e.db, store.Notice{ClientID: client, SID: sid, ReceiptID: "ending", CreatedAt: e.clock()},
			e.clock().Add(backchannel.HandoverTimeout)))
	}
	return notices
}

func (e *estate) flush(s *backchannel.Sender) {
	e.t.Helper()
	if err := s.Flush(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

// unheard is the one notice that a client has not heard.
func (e *estate) unheard(client string, givenUp bool) store.Delivery {
	e.t.Helper()
	page, more, err := e.store.Notices(e.t.Context(), store.NoticeQuery{Client: client, GivenUp: givenUp, Limit: 1})
	if err != nil || more || len(page) != 1 {
		e.t.Fatalf("%s: %+v, %v, %v; want one notice", client, page, more, err)
	}
	return page[0]
}

func (e *estate) count(where string, args ...any) int {
	e.t.Helper()
	var n int
	if err := e.db.GetContext(e.t.Context(), &n, e.db.Rebind(`SELECT COUNT(*) FROM backchannel_outbox WHERE `+where), args...); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// until waits for what must come to be.
func (e *estate) until(what string, is func() bool) {
	e.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !is() {
		if time.Now().After(end) {
			e.t.Fatalf("it never came to be: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func sids(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return all
}
