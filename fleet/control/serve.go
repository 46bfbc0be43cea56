package control

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// command is the body of every request that changes the estate.
type command struct {
	By      By     `json:"by"`
	Replica string `json:"replica,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Service string `json:"service,omitempty"`
	Policy  string `json:"policy,omitempty"`
}

// refused is the body of a 409.
type refused struct {
	Refusal Refusal `json:"refusal"`
}

// maxCommand is the maximum size of an order, in bytes.
const maxCommand = 4 << 10

// Handler returns the handler of the API. It answers 401 to requests without the secret.
func (c *Control) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /estate", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, http.StatusOK, c.View()) })
	for path, act := range map[string]func(command) error{
		"POST /kill":   func(o command) error { return c.Kill(o.By, o.Replica, o.PID) },
		"POST /add":    func(o command) error { return c.Add(o.By, o.Replica) },
		"POST /remove": func(o command) error { return c.Remove(o.By, o.Replica) },
		"POST /policy": func(o command) error { return c.SetPolicy(o.By, o.Service, o.Policy) },
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { c.carryOut(w, r, act) })
	}
	want := sha256.Sum256([]byte("Bearer " + c.Secret))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (c *Control) carryOut(w http.ResponseWriter, r *http.Request, act func(command) error) {
	var o command
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommand))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		http.Error(w, "not an order", http.StatusBadRequest)
		return
	}
	err := act(o)
	var no Refusal
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.As(err, &no):
		writeJSON(w, http.StatusConflict, refused{no})
	default:
		c.Logger.Error("cannot change the replicas", "error", err)
		http.Error(w, "not done", http.StatusInternalServerError)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client is gone
}

// Serve serves the API on ln until ctx is done.
func (c *Control) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler: c.Handler(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
