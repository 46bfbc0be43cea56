package lab

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// task is the first line on a lab process's stdin: what to run. Stdin stays open as long as the parent runs; stdout
// carries the address, and at the end the last State.
type task struct {
	Start
	Secret    string        `json:"secret"` // of the control API
	Postgres  string        `json:"postgres,omitempty"`
	Idle      time.Duration `json:"idle"`      // time without input after which the run ends
	Unwatched time.Duration `json:"unwatched"` // time without a page showing it after which it ends
}

// opened is the first line of a lab process's output: its address, or why it does not serve.
type opened struct {
	Addr    string `json:"addr,omitempty"`
	Refusal string `json:"refusal,omitempty"`
	Error   string `json:"error,omitempty"`
	Shared  bool   `json:"shared,omitempty"` // start it again without its own network namespace
}

// message is a later line of a lab process's output: a request for more resources, or the last state of its run.
type message struct {
	Needs *Needs `json:"needs,omitempty"`
	Last  *State `json:"last,omitempty"`
}

// grant is a later line on a lab process's stdin: the answer to message.Needs.
type grant struct {
	Memory  int64  `json:"memory,omitempty"` // new limit, in bytes
	Refusal string `json:"refusal,omitempty"`
}

// parent is a lab process's connection to the process that started it.
type parent struct {
	out    *json.Encoder
	grants chan grant

	mu     sync.Mutex // guards out
	asking sync.Mutex
}

func (p *parent) say(line any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Encode(line)
}

// listen reads grants until the parent closes the stream.
func (p *parent) listen(in *json.Decoder) {
	for {
		var g grant
		if in.Decode(&g) != nil {
			return
		}
		select {
		case p.grants <- g:
		default: // reserve has timed out
		}
	}
}

// reserve asks the parent for resources and applies the granted memory limit. It returns a Refusal if there are none.
func (p *parent) reserve(ctx context.Context, n Needs) error {
	p.asking.Lock()
	defer p.asking.Unlock()
	select {
	case <-p.grants: // drop a grant that came too late for its request
	default:
	}
	if err := p.say(message{Needs: &n}); err != nil {
		return err
	}
	select {
	case g := <-p.grants:
		if g.Refusal != "" {
			return Refusal(g.Refusal)
		}
		debug.SetMemoryLimit(g.Memory / 4 * 3)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listenerFD is the file descriptor of the listener of a lab process's control API. The parent opens the listener,
// since a process in its own network namespace can't.
const listenerFD = 3

// maxBody limits the size of a request to the control API, in bytes.
const maxBody = 64 << 10

// Serve runs a lab process: it confines itself to its working directory, reads its task from in, runs the experiment
// that find returns, and serves the control API until the run or ctx ends, or in is closed.
func Serve(ctx context.Context, in io.Reader, out io.Writer, find func(name string) (Experiment, bool), provider OpenProvider, log *slog.Logger) error {
	p := &parent{out: json.NewEncoder(out), grants: make(chan grant, 1)}
	dir, err := os.Getwd()
	if err == nil {
		err = confine(dir)
	}
	if err != nil {
		return errors.Join(err, p.say(opened{Error: err.Error(), Shared: errors.Is(err, errNamespace)}))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input := json.NewDecoder(in)
	var t task
	if err := input.Decode(&t); err != nil {
		return fmt.Errorf("lab: the task can't be read: %w", err)
	}
	go func() {
		defer cancel() // the parent has ended
		p.listen(input)
	}()
	defer func() { _ = os.RemoveAll(dir) }() // a parent that was killed can't remove it
	s, err := open(ctx, t, dir, p.reserve, find, provider, log)
	if refused := Refusal(""); errors.As(err, &refused) {
		return p.say(opened{Refusal: string(refused)})
	} else if err != nil {
		return errors.Join(err, p.say(opened{Error: err.Error()}))
	}
	defer func() { _ = s.folder.Close() }()
	listener := os.NewFile(listenerFD, "control")
	ln, err := net.FileListener(listener)
	_ = listener.Close() // ln is a copy
	if err != nil {
		return errors.Join(err, s.run.Close(""))
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: controlTime + 10*time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10}
	go func() { _ = server.Serve(ln) }()
	if err := p.say(opened{Addr: ln.Addr().String()}); err != nil {
		cancel() // the parent has ended
	}
	why := s.wait(ctx)
	stopping, stopped := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stopped()
	_ = server.Shutdown(stopping)
	last := s.last()
	if last.Ended == "" {
		last.Ended = why
	}
	err = errors.Join(s.run.Failure(), p.say(message{Last: &last}))
	closed := make(chan error, 1)
	go func() { closed <- s.run.Close(why) }()
	select { // whatever hangs ends with the process
	case e := <-closed:
		return errors.Join(err, e)
	case <-time.After(3 * time.Second):
		return errors.Join(err, errors.New("lab: the experiment did not stop in time"))
	}
}

// served is a run with the state of its control API.
type served struct {
	task
	run              *Run
	used, watched    atomic.Int64 // Unix nanoseconds
	ending           chan string
	experimentIsOver <-chan struct{}
	folder           *os.File // locked by holdFolder
}

func open(ctx context.Context, t task, dir string, reserve func(context.Context, Needs) error, find func(string) (Experiment, bool), provider OpenProvider, log *slog.Logger) (*served, error) {
	e, known := find(t.Experiment)
	if !known {
		return nil, Refusal("There is no such experiment.")
	}
	folder, err := holdFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("lab: the run's folder: %w", err)
	}
	run, err := Open(ctx, e, Options{Setup: t.Setup, Mode: t.Mode, Step: t.Step, Findings: t.Findings, Person: t.Person, Dir: dir, Reserve: reserve, Postgres: t.Postgres, Provider: provider, Logger: log})
	if err != nil {
		_ = folder.Close()
		return nil, err
	}
	s := &served{task: t, run: run, folder: folder, ending: make(chan string, 1), experimentIsOver: run.Over()}
	s.used.Store(time.Now().UnixNano())
	s.watched.Store(time.Now().UnixNano())
	return s, nil
}

// lastTime is the timeout for reading the last state.
const lastTime = 2 * time.Second

// last returns the run's last state, or the zero State if the experiment hangs, which must not prevent the process
// from ending.
func (s *served) last() State {
	shown := make(chan State, 1)
	go func() { shown <- s.run.Timeline() }()
	select {
	case last := <-shown:
		return last
	case <-time.After(lastTime):
		return State{}
	}
}

// wait waits for the end of the run and returns the reason.
func (s *served) wait(ctx context.Context) string {
	check := time.NewTicker(max(10*time.Millisecond, min(s.Idle, s.Unwatched)/20))
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return stoppedWhy
		case why := <-s.ending:
			return why
		case <-s.experimentIsOver:
			return ""
		case <-check.C:
			switch {
			case time.Since(time.Unix(0, s.used.Load())) > s.Idle:
				return fmt.Sprintf("The experiment ended after %s without activity.", minutes(s.Idle))
			case time.Since(time.Unix(0, s.watched.Load())) > s.Unwatched:
				return fmt.Sprintf("The experiment ended because its page was closed for %s.", minutes(s.Unwatched))
			}
		}
	}
}

func minutes(d time.Duration) string {
	if n := int(d.Round(time.Minute) / time.Minute); n > 1 {
		return strconv.Itoa(n) + " minutes"
	}
	return "a minute"
}

// request is the body of a request to the control API.
type request struct {
	Control string `json:"control,omitempty"`
	Args    Args   `json:"args,omitempty"`
	Step    string `json:"step,omitempty"`
	Guess   int    `json:"guess"`
	Key     string `json:"key,omitempty"`
	Why     string `json:"why,omitempty"`
}

// handler returns the control API. Requests must carry the run's secret.
func (s *served) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		s.watched.Store(time.Now().UnixNano())
		seen, _ := strconv.ParseInt(r.FormValue("seen"), 10, 64)
		if seen < 0 {
			reply(w, http.StatusOK, s.run.Timeline())
			return
		}
		if seen > 0 && s.run.Version() == seen {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		reply(w, http.StatusOK, s.run.State())
	})
	mux.HandleFunc("POST /do", s.act(func(ctx context.Context, q request) (State, error) { return s.run.Do(ctx, q.Control, q.Args, q.Key) }))
	mux.HandleFunc("POST /step", s.act(func(ctx context.Context, q request) (State, error) { return s.run.Step(ctx, q.Step, q.Guess, q.Key) }))
	mux.HandleFunc("POST /end", s.act(func(_ context.Context, q request) (State, error) {
		select {
		case s.ending <- q.Why:
		default: // already ending
		}
		return State{}, nil
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+s.Secret)) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set(runHeader, s.ID)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// act returns a handler that decodes a request, calls do and answers with its result.
func (s *served) act(do func(context.Context, request) (State, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.used.Store(time.Now().UnixNano())
		s.watched.Store(time.Now().UnixNano())
		q := request{Guess: -1}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		state, err := do(r.Context(), q)
		refused := Refusal("")
		switch {
		case errors.As(err, &refused):
			reply(w, http.StatusUnprocessableEntity, opened{Refusal: string(refused)})
		case errors.Is(err, ErrGone):
			w.WriteHeader(http.StatusGone)
		case err != nil:
			reply(w, http.StatusInternalServerError, opened{Error: err.Error()})
		default:
			reply(w, http.StatusOK, state)
		}
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has gone
}
