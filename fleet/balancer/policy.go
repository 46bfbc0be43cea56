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

type roundRobin struct{ next atomic.Uint64 }

// NewRoundRobin returns a Policy that takes the backends in turn.
func NewRoundRobin() Policy { return &roundRobin{} }

func (p *roundRobin) Pick(_ *http.Request, backends []*Backend) *Backend {
	return backends[(p.next.Add(1)-1)%uint64(len(backends))]
}
