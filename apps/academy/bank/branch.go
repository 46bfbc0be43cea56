package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gatehouse.example/apps/academy/lab"
)

// branch is one server. It keeps its number and its address while it is down.
type branch struct {
	bank     *Bank
	id       string // "branch-2"
	label    string // "Branch 2"
	number   int
	answered atomic.Int64

	mu       sync.Mutex
	addr     string
	capacity int
	open     *opened // nil while it is down
}

// opened is the part of a branch that is lost when the branch is killed.
type opened struct {
	server *http.Server
	keeper keeper
	gate   *gate
}

// Answer is a branch's JSON response.
type Answer struct {
	Outcome string `json:"outcome"` // lab.Recognised, Unknown, Refused or Answered
	Who     string `json:"who,omitempty"`
	Branch  string `json:"branch"`
	Asked   string `json:"asked,omitempty"` // "redis" if the branch had to query it
	Says    string `json:"says"`            // one sentence
}

// nameHeader is the response header in which branches and the balancer name themselves.
const nameHeader = "X-Served-By"

// start starts the branch's HTTP server with an empty keeper.
func (br *branch) start(ctx context.Context) error {
	keeper, err := br.bank.newKeeper(ctx, br)
	if err != nil {
		return err
	}
	br.mu.Lock()
	defer br.mu.Unlock()
	ln, err := net.Listen("tcp", br.addr)
	if err != nil { // another process took its port while it was down: use any free one
		ln, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		keeper.close()
		return fmt.Errorf("bank: %w", err)
	}
	br.addr = ln.Addr().String()
	o := &opened{keeper: keeper, gate: newGate(br.capacity, br.bank.o.Service, br.bank.o.Queue)}
	o.server = &http.Server{
		Handler: br.handler(o), ErrorLog: silent,
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	br.open = o
	br.bank.work.Go(func() { _ = o.server.Serve(ln) }) // returns after kill or stop
	return nil
}

// kill closes the listener and every connection of the branch at once, including those with requests in progress.
func (br *branch) kill() { br.close(func(s *http.Server) { _ = s.Close() }) }

// stop shuts the branch down after the requests in progress have finished, or at the end of ctx.
func (br *branch) stop(ctx context.Context) {
	br.close(func(s *http.Server) {
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
	})
}

func (br *branch) close(how func(*http.Server)) {
	br.mu.Lock()
	o := br.open
	br.open = nil
	br.mu.Unlock()
	if o != nil {
		how(o.server)
		o.keeper.close()
	}
}

func (br *branch) handler(o *opened) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("bank") != br.bank.host {
			http.Error(w, "another bank's", http.StatusMisdirectedRequest)
		}
	})
	mux.HandleFunc("POST /sign-in", br.page(o, br.signIn))
	mux.HandleFunc("GET /account", br.page(o, br.account))
	mux.HandleFunc("POST /sign-out", br.page(o, br.signOut))
	return mux
}

// page returns a handler that counts the request, waits for the gate and answers do's result in JSON.
func (br *branch) page(o *opened, do func(*opened, http.ResponseWriter, *http.Request) (int, Answer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Host, br.bank.host) {
			http.Error(w, "another bank's", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set(nameHeader, br.id)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "application/json")
		status, a := http.StatusServiceUnavailable, Answer{Outcome: lab.Refused, Says: br.label + " has no room for another request in its queue."}
		if leave, err := o.gate.enter(r.Context()); err == nil {
			status, a = do(o, w, r)
			leave()
		}
		a.Branch = br.label
		br.answered.Add(1)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(a) // fails only if the client has gone
	}
}

func (br *branch) signIn(o *opened, w http.ResponseWriter, r *http.Request) (int, Answer) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	name := strings.TrimSpace(r.PostFormValue("name"))
	if name == "" || utf8.RuneCountInString(name) > 64 || !utf8.ValidString(name) {
		return http.StatusBadRequest, Answer{Outcome: lab.Refused, Says: br.label + " needs a name of at most 64 characters to sign you in."}
	}
	if err := o.keeper.signIn(w, r, name); err != nil {
		return br.failed(w, err)
	}
	return http.StatusOK, Answer{Outcome: lab.Recognised, Who: name, Asked: br.asks(), Says: br.label + " signed " + name + " in and " + o.keeper.words().signedIn + "."}
}

func (br *branch) account(o *opened, w http.ResponseWriter, r *http.Request) (int, Answer) {
	name, err := o.keeper.who(r)
	if err != nil {
		return br.failed(w, err)
	}
	return http.StatusOK, Answer{Outcome: lab.Recognised, Who: name, Asked: br.asks(), Says: br.label + " knows " + name + " " + o.keeper.words().known + "."}
}

func (br *branch) signOut(o *opened, w http.ResponseWriter, r *http.Request) (int, Answer) {
	if err := o.keeper.signOut(w, r); err != nil {
		return br.failed(w, err)
	}
	return http.StatusOK, Answer{Outcome: lab.Answered, Asked: br.asks(), Says: br.label + " signed you out: it " + o.keeper.words().signedOut + "."}
}

// failed translates an error of the keeper into a status and an Answer.
func (br *branch) failed(w http.ResponseWriter, err error) (int, Answer) {
	var (
		who  stranger
		no   refusal
		away absence
	)
	switch {
	case errors.As(err, &who):
		return http.StatusUnauthorized, Answer{Outcome: lab.Unknown, Asked: br.asks(), Says: br.label + " does not know who this is: " + string(who) + "."}
	case errors.As(err, &no):
		return http.StatusUnauthorized, Answer{Outcome: lab.Refused, Says: br.label + " says no: " + string(no) + "."}
	case errors.As(err, &away):
		w.Header().Set("Retry-After", "2")
		return http.StatusServiceUnavailable, Answer{Outcome: lab.Refused, Asked: br.asks(), Says: br.label + " asks to come back in a moment: " + string(away) + "."}
	}
	if br.bank.bench.Logger != nil {
		br.bank.bench.Logger.Error("a branch failed", "branch", br.id, "error", err)
	}
	return http.StatusInternalServerError, Answer{Outcome: lab.Refused, Says: br.label + " failed."}
}

// asks returns the node that a branch queries to recognise a user; "" for none.
func (br *branch) asks() string {
	if br.bank.o.Kind == Redis {
		return RedisNode
	}
	return ""
}
