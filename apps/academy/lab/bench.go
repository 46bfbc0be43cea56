package lab

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"
)

// How much of the past a run keeps.
const (
	maxRequests = 24   // travelling in the picture
	maxEvents   = 80   // lines of the log on the page
	maxTimeline = 2000 // lines for the export
)

// Bench is what an experiment works at: it holds the set-up, and takes down what
// happens. It is safe for concurrent use.
type Bench struct {
	Person   string // the learner's given name, for the pictures
	Dir      string // a folder of the run's own, removed at its end
	Postgres string // URL of a PostgreSQL to experiment on; "" where the estate has none
	Logger   *slog.Logger
	Provider OpenProvider // a Gatehouse portal of the run's own; nil where there is none

	mu       sync.Mutex
	version  int64
	setup    Args
	requests []Request
	events   []Event
	findings Findings
	lastN    int64

	work sync.WaitGroup
	life context.Context // ends with the run
	fail func(error)     // ends the run
}

// OpenProvider starts an identity provider on a free port of loopback, with these accounts
// and clients. main injects it, since an app does not know the portal.
type OpenProvider func(ctx context.Context, o ProviderOptions) (*Provider, error)

// ProviderOptions say who knows whom at a provider.
type ProviderOptions struct {
	Dir      string // for its database
	Accounts []ProviderAccount
	Clients  []ProviderClient
	Client   *http.Client // for its back-channel calls; nil for one that finds *.localhost
	Logger   *slog.Logger
}

// ProviderAccount is somebody who can sign in at a provider.
type ProviderAccount struct{ Name, Email, Password string }

// ProviderClient is an app that is registered at a provider.
type ProviderClient struct{ ID, Secret, BaseURL string }

// Provider is a running one.
type Provider struct {
	Issuer string
	Close  func() error
}

// Setup is the run's set-up now: a copy.
func (b *Bench) Setup() Args {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.setup)
}

// Set changes a value of the set-up, which the permalink then carries.
func (b *Bench) Set(name, value string) {
	b.change(func() { b.setup[name] = value })
}

// SetInt is Set for a number.
func (b *Bench) SetInt(name string, value int) { b.Set(name, strconv.Itoa(value)) }

// Log adds a line to the log.
func (b *Bench) Log(kind, format string, args ...any) {
	b.Event(Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// Event adds a line to the log; its number and, where it is missing, its time are filled in.
func (b *Bench) Event(e Event) {
	b.change(func() {
		b.lastN++
		e.N = b.lastN
		if e.At.IsZero() {
			e.At = time.Now()
		}
		b.events = append(b.events, e)
	})
}

// Request lets a request travel in the picture, and writes it into the log, too.
func (b *Bench) Request(r Request) {
	if r.At.IsZero() {
		r.At = time.Now()
	}
	kind := Travel
	switch r.Outcome {
	case Recognised:
		kind = Good
	case Unknown, Refused, Lost:
		kind = Bad
	}
	b.change(func() {
		b.lastN++
		r.N = b.lastN
		b.requests = append(b.requests, r)
		if over := len(b.requests) - maxRequests; over > 0 {
			b.requests = slices.Delete(b.requests, 0, over)
		}
		b.events = append(b.events, Event{N: r.N, At: r.At, Kind: kind, Text: r.Text, Data: map[string]any{
			"from": r.From, "to": r.To, "method": r.Method, "path": r.Path, "status": r.Status, "outcome": r.Outcome, "took_us": r.Took.Microseconds(),
		}})
	})
}

// Find takes down what was measured.
func (b *Bench) Find(name string, f Finding) {
	b.change(func() { b.findings[name] = f })
}

// Findings are a copy of what was measured.
func (b *Bench) Findings() Findings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.findings)
}

// Changed says that the View is another one now.
func (b *Bench) Changed() { b.change(func() {}) }

func (b *Bench) change(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	b.version++
	if over := len(b.events) - maxTimeline; over > 0 {
		b.events = slices.Delete(b.events, 0, over)
	}
}

// Go works beside the run's controls until it is done or the run ends. A panic ends the
// run, and nothing else.
func (b *Bench) Go(work func(ctx context.Context)) {
	b.work.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				b.fail(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		work(b.life)
	})
}
