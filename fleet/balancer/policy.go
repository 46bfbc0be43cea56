package balancer

import (
	"net/http"
	"sync/atomic"
)

// Policy chooses the backend of a request. Each pool has its own, and calls it from many goroutines.
type Policy interface {
	// Pick returns one of backends, which are healthy, at least one, and not to be changed or kept.
	Pick(r *http.Request, backends []*Backend) *Backend
}

type roundRobin struct{ next, nextStream atomic.Uint64 }

// NewRoundRobin returns a Policy that takes the backends in turn. Streams of events take turns of their own: a page
// that opens one would otherwise meet, of two backends, the same one at every reload.
func NewRoundRobin() Policy { return &roundRobin{} }

func (p *roundRobin) Pick(r *http.Request, backends []*Backend) *Backend {
	turn := &p.next
	if r.Header.Get("Accept") == "text/event-stream" { // as EventSource asks
		turn = &p.nextStream
	}
	return backends[(turn.Add(1)-1)%uint64(len(backends))]
}
