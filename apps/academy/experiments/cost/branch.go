package cost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// errStranger means that a branch does not know the sender of a request.
var errStranger = errors.New("who are you?")

// check returns the user that a request is from. It is the only difference between the branches.
type check func(r *http.Request) (who string, err error)

// branch is a server whose only page requires a sign-in.
type branch struct {
	kind     kind
	check    check
	commands func() int64 // returns the number sent to Redis so far
	present  func() *http.Request
	stop     func() // stops what its check uses

	addr     string
	http     *http.Server
	answered atomic.Int64
}

// serve starts the HTTP server.
func (b *branch) serve(ctx context.Context) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cost: the listener of a branch: %w", err)
	}
	b.addr = ln.Addr().String()
	b.http = &http.Server{Handler: b, ReadHeaderTimeout: patience, IdleTimeout: time.Minute}
	go func() { _ = b.http.Serve(ln) }()
	return nil
}

// ServeHTTP answers with the user's name, or 401.
func (b *branch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.answered.Add(1)
	who, err := b.check(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"who": who})
}

func (b *branch) close() {
	if b.http != nil {
		_ = b.http.Close()
	}
	if b.stop != nil {
		b.stop()
	}
}
