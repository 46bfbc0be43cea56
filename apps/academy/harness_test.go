package academy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/db"
	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

// house is a running Academy whose experiments run in the test's own process.
type house struct {
	t        *testing.T
	app      *academy.App
	server   *httptest.Server
	sessions *session.Store
	db       *db.DB
	labs     *labs

	mu  sync.Mutex
	now time.Time
}

var opening = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newHouse(t *testing.T, d *db.DB, change ...func(*academy.Deps)) *house {
	t.Helper()
	h := &house{t: t, db: d, now: opening, labs: &labs{runs: map[string]*lab.Run{}, room: 100}}
	estate := env.Estate(t, "http://house.test")
	rdb := env.MiniRedis(t)
	deps := academy.Deps{
		Deps: apps.Deps{DB: d, Redis: rdb, Estate: estate, Replica: "academy-1", Logger: slog.New(slog.DiscardHandler), Now: h.clock,
			HTTPClient: http.DefaultClient, ClientSecret: "secret", Keys: [][]byte{[]byte("a key of thirty-two random bytes")}},
		Labs: h.labs, Experiments: []lab.Experiment{doors(), rooms()},
	}
	for _, c := range change {
		c(&deps)
	}
	h.labs.experiments = deps.Experiments
	var err error
	if h.app, err = academy.New(t.Context(), deps); err != nil {
		t.Fatal(err)
	}
	if h.sessions, err = session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: "academy", Now: h.clock}); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(h.app.Handler())
	t.Cleanup(h.server.Close)
	t.Cleanup(h.labs.close)
	return h
}

// each runs the test with an Academy on either database.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	env.EachDB(t, "academy", func(t *testing.T, d *db.DB) { test(t, newHouse(t, d)) })
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// labs runs experiments in this process.
type labs struct {
	experiments []lab.Experiment

	mu     sync.Mutex
	runs   map[string]*lab.Run
	starts int
	last   lab.Start // what was asked for
	room   int
	away   bool       // the network is cut
	late   *lab.State // what State returns next, as a request that was overtaken would
	shared bool       // whoever asks has their share already
	ended  func(id, why string, last lab.State)
}

func (l *labs) Start(ctx context.Context, s lab.Start) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = s
	if l.shared {
		return "", lab.ErrShare
	}
	if len(l.runs) >= l.room {
		return "", lab.ErrFull
	}
	l.starts++
	for _, e := range l.experiments {
		if e.Name != s.Experiment {
			continue
		}
		r, err := lab.Open(ctx, e, lab.Options{Setup: s.Setup, Mode: s.Mode, Step: s.Step, Findings: s.Findings, Person: s.Person, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return "", err
		}
		l.runs[s.ID] = r
		return "here", nil
	}
	return "", lab.Refusal("There is no such experiment.")
}

func (l *labs) find(id string) (*lab.Run, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	}
	if r := l.runs[id]; r != nil {
		return r, nil
	}
	return nil, lab.ErrGone
}

func (l *labs) State(_ context.Context, _, id string, seen int64) (lab.State, error) {
	r, err := l.find(id)
	if err != nil {
		return lab.State{}, err
	}
	if seen < 0 {
		return r.Timeline(), nil
	}
	if s := l.late; s != nil {
		l.late = nil
		return *s, nil
	}
	if s := r.State(); s.Version != seen {
		return s, nil
	}
	return lab.State{}, lab.ErrSame
}

func (l *labs) Do(ctx context.Context, _, id, control string, args lab.Args, key string) (lab.State, error) {
	r, err := l.find(id)
	if err != nil {
		return lab.State{}, err
	}
	return r.Do(ctx, control, args, key)
}

func (l *labs) Step(ctx context.Context, _, id, step string, guess int, key string) (lab.State, error) {
	r, err := l.find(id)
	if err != nil {
		return lab.State{}, err
	}
	return r.Step(ctx, step, guess, key)
}

func (l *labs) End(_ context.Context, _, id, why string) error {
	r, err := l.find(id)
	if err != nil {
		return err
	}
	l.mu.Lock()
	delete(l.runs, id)
	l.mu.Unlock()
	last := r.Timeline()
	if err := r.Close(why); err != nil {
		return err
	}
	l.ended(id, why, last)
	return nil
}

// cut cuts the network to the runs, or mends it.
func (l *labs) cut(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

// crash is the end of a process that nobody is told of.
func (l *labs) crash(id string) {
	l.mu.Lock()
	r := l.runs[id]
	delete(l.runs, id)
	l.mu.Unlock()
	_ = r.Close("crashed")
}

func (l *labs) close() {
	for id := range l.runs {
		l.crash(id)
	}
}

func (l *labs) Room() (running, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.runs), l.room - len(l.runs)
}

func (l *labs) Ended(ended func(id, why string, last lab.State)) { l.ended = ended }

func (l *labs) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (l *labs) count() int { l.mu.Lock(); defer l.mu.Unlock(); return l.starts }

// visitor is a browser without JavaScript.
type visitor struct {
	h       *house
	cookies map[string]*http.Cookie
}

func (h *house) guest() *visitor { return &visitor{h: h, cookies: map[string]*http.Cookie{}} }

// person is a browser signed in as sub.
func (h *house) person(sub string, roles ...string) *visitor {
	h.t.Helper()
	v := h.guest()
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "http://academy.house.test/", nil)
	_, err := h.sessions.Start(req.Context(), rec, req, session.Record{Subject: sub, SID: "sid-" + sub, Name: strings.ToUpper(sub[:1]) + sub[1:],
		Email: sub + "@example.com", Roles: roles, AuthTime: h.clock()})
	if err != nil {
		h.t.Fatal(err)
	}
	v.keep(rec.Result())
	return v
}

func (v *visitor) keep(res *http.Response) {
	for _, k := range res.Cookies() {
		v.cookies[k.Name] = k
		if k.MaxAge < 0 {
			delete(v.cookies, k.Name)
		}
	}
}

type page struct {
	status   int
	body     string
	location string
	header   http.Header
}

func (v *visitor) get(path string, headers ...string) page {
	v.h.t.Helper()
	return v.do(http.MethodGet, path, "", "", headers...)
}

// post sends a form, name then value by turns.
func (v *visitor) post(path string, fields ...string) page {
	v.h.t.Helper()
	return v.do(http.MethodPost, path, "application/x-www-form-urlencoded", form(fields...))
}

func form(fields ...string) string {
	f := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		f.Add(fields[i], fields[i+1])
	}
	return f.Encode()
}

func (v *visitor) do(method, path, contentType, body string, headers ...string) page {
	v.h.t.Helper()
	req, err := http.NewRequest(method, v.h.server.URL+path, bytes.NewBufferString(body))
	if err != nil {
		v.h.t.Fatal(err)
	}
	req.Host = "academy.house.test"
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	for _, k := range v.cookies {
		req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		v.h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		v.h.t.Fatal(err)
	}
	v.keep(res)
	return page{res.StatusCode, string(raw), res.Header.Get("Location"), res.Header}
}

var keyField = regexp.MustCompile(`name="key" value="([A-Z2-7]{26})"`)

// key is the form key of a page.
func (p page) key(t *testing.T) string {
	t.Helper()
	m := keyField.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no form with a key in a page of status %d:\n%s", p.status, p.body)
	}
	return m[1]
}

func (p page) want(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("status %d, want %d\n%s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Fatalf("no %q in\n%s", text, p.body)
		}
	}
	return p
}

func (p page) without(t *testing.T, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Fatalf("there is %q in\n%s", text, p.body)
		}
	}
	return p
}

// start starts an experiment and returns its run's path.
func (v *visitor) start(name string, fields ...string) string {
	v.h.t.Helper()
	p := v.get("/experiments/"+name).want(v.h.t, http.StatusOK)
	p = v.post("/experiments/"+name+"/runs", append([]string{"key", p.key(v.h.t)}, fields...)...).want(v.h.t, http.StatusSeeOther)
	return p.location
}

func idOf(path string) string { return strings.TrimPrefix(path, "/runs/") }

// doors is an experiment with everything a page can show.
func doors() lab.Experiment {
	return lab.Experiment{
		Name: "doors", Title: "Doors <&>", Lead: "What doors do.", Real: "The *doors* are real.",
		Params: []lab.Param{{Name: "doors", Label: "Doors", Type: lab.Int, Default: "2", Min: 1, Max: 5, Unit: "doors"},
			{Name: "creaky", Label: "Creaky", Type: lab.Bool, Default: "false"}},
		Controls: []lab.Control{
			{Name: "knock", Label: "Knock", Group: "Doing", Fields: []lab.Param{{Name: "times", Label: "Times", Type: lab.Int, Default: "1", Min: 1, Max: 9}}},
			{Name: "shut", Label: "Shut", PerServer: true, Danger: true},
			{Name: "panic", Label: "Panic"},
		},
		Steps: []lab.Step{
			{ID: "knock", Title: "Knock once", Do: "Knock.", Expect: &lab.Expect{Question: "Who opens?", Options: []string{"Nobody", "Somebody"}, Right: 1},
				Control: "knock", Args: lab.Args{"times": "1"}, Result: "They heard {{heard}}.", Why: "Doors are thin.",
				Seen: func(f lab.Findings) bool { return f.Value("heard") > 0 }},
			{ID: "more", Title: "Knock more", Do: "Knock again.", Control: "knock", Args: lab.Args{"times": "3"}, Result: "Now {{heard}}."},
			{ID: "read", Title: "Read on", Do: "Only read."},
		},
		Open: func(_ context.Context, b *lab.Bench) (lab.Apparatus, error) { return &apparatus{b: b}, nil },
	}
}

func rooms() lab.Experiment {
	e := doors()
	e.Name, e.Title, e.Steps, e.Roles = "rooms", "Rooms", nil, []string{"admin"}
	return e
}

type apparatus struct {
	b     *lab.Bench
	mu    sync.Mutex
	heard int
	shut  map[string]bool
}

func (a *apparatus) Do(_ context.Context, control string, args lab.Args) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch control {
	case "knock":
		for range args.Int("times") {
			a.heard++
			a.b.Request(lab.Request{From: "you", To: "door-1", Method: "GET", Path: "/", Status: 200, Outcome: lab.Recognised, Text: "=HYPERLINK(\"knock\")"})
		}
		a.b.Find("heard", lab.Finding{Label: "Knocks heard", Text: fmt.Sprint(a.heard), Value: float64(a.heard)})
	case "shut":
		if a.shut[args["server"]] {
			return lab.Refusal("It is shut already.")
		}
		a.shut = map[string]bool{args["server"]: true}
	case "panic":
		panic("as asked")
	}
	return nil
}

func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Picture = &lab.Picture{Text: "Two doors.", Balancer: &lab.Node{ID: "porter", Label: "Porter", State: lab.Up}, Shared: []lab.Node{{ID: "book", Label: "Book", State: lab.Up}}}
	for i := range a.b.Setup().Int("doors") {
		id := fmt.Sprint("door-", i+1)
		state := lab.Up
		if a.shut[id] {
			state = lab.Down
		}
		v.Picture.Servers = append(v.Picture.Servers, lab.Node{ID: id, Label: fmt.Sprint("Door ", i+1), State: state, Note: "<b>oak</b>"})
	}
	v.Facts = []lab.Fact{{Label: "Who am I", Value: "<script>alert(1)</script>", Code: true}}
	v.Charts = []lab.Chart{{ID: "loud", Title: "Loudness", Kind: "line", XLabel: "Knock", YLabel: "dB", Labels: []string{"1", "2"}, Series: []lab.Series{{Label: "Door", Values: []float64{1, 1000}, Unit: "dB"}}, Log: true}}
	v.Tables = []lab.Table{{ID: "t", Title: "Doors", Columns: []string{"Door", "Weight"}, Numeric: []bool{false, true}, Rows: [][]string{{"1", "20"}}}}
	v.Panels = []lab.Panel{{ID: "p", Title: "Hinge", Code: "<hinge>"}}
}

func (a *apparatus) Close() error { return nil }
