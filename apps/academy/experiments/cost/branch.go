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

// errStranger says that a branch does not know who a request is from.
var errStranger = errors.New("who are you?")

// check finds out who a request is from. It is all that the branches differ in.
type check func(r *http.Request) (who string, err error)

// branch is a server whose only page needs somebody who is signed in.
type branch struct {
	kind     kind
	check    check
	commands func() int64 // that it has sent to Redis so far
	present  func() *http.Request
	stop     func() // of what its check needs

	addr     string
	http     *http.Server
	answered atomic.Int64
}

// serve opens its listener.
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

// ServeHTTP answers with the name of who asks, or 401.
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
