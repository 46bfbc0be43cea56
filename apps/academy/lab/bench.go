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

// Limits of what a run keeps.
const (
	maxRequests = 24   // shown moving in the picture
	maxEvents   = 80   // lines of the log on the page
	maxTimeline = 2000 // lines for the export
)

// Bench is an experiment's access to its run: it holds the setup and records events, requests and findings. It is
// safe for concurrent use.
type Bench struct {
	Person   string // the learner's given name, for the picture
	Dir      string // the run's folder, removed at its end
	Postgres string // URL of a PostgreSQL for experiments; "" if the installation has none
	Logger   *slog.Logger
	Provider OpenProvider // starts a Gatehouse portal for the run; nil if not available

	mu       sync.Mutex
	version  int64
	setup    Args
	requests []Request
	events   []Event
	findings Findings
	lastN    int64

	work  sync.WaitGroup
	life  context.Context // ends with the run
	fail  func(error)     // ends the run
	found func()          // called after each change of the findings
}

// OpenProvider starts an identity provider on a free loopback port, with these accounts and clients. main injects it,
// since an app must not import the portal.
type OpenProvider func(ctx context.Context, o ProviderOptions) (*Provider, error)

// ProviderOptions configure a provider.
type ProviderOptions struct {
	Dir      string // for its database
	Accounts []ProviderAccount
	Clients  []ProviderClient
	Client   *http.Client // for its back-channel calls; nil: one that resolves *.localhost
	Logger   *slog.Logger
}

// ProviderAccount is a user account of a provider.
type ProviderAccount struct{ Name, Email, Password string }

// ProviderClient is an app that is registered at a provider.
type ProviderClient struct{ ID, Secret, BaseURL string }

// Provider is a running provider.
type Provider struct {
	Issuer string
	Close  func() error
}

// Setup returns a copy of the run's current setup.
func (b *Bench) Setup() Args {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.setup)
}

// Set changes a value of the setup, and thereby of the permalink.
func (b *Bench) Set(name, value string) {
	b.change(func() { b.setup[name] = value })
}

// SetInt sets a parameter of the setup to a number, like Set.
func (b *Bench) SetInt(name string, value int) { b.Set(name, strconv.Itoa(value)) }

// Log adds a line to the log.
func (b *Bench) Log(kind, format string, args ...any) {
	b.Event(Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// Event adds an event to the log. It sets the event's number and, if missing, its time.
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

// Request shows a request in the picture and adds it to the log.
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

// Find stores a finding, replacing that of the same name. It may complete the current step.
func (b *Bench) Find(name string, f Finding) {
	b.change(func() { b.findings[name] = f })
	b.found()
}

// Findings returns a copy of the findings.
func (b *Bench) Findings() Findings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.findings)
}

// Changed reports that the result of View has changed.
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

// Go runs work in the background; work's context ends with the run. A panic ends the run only.
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
