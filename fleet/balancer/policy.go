package balancer

import (
	"net/http"
	"sync/atomic"
)

// Policy chooses the backend of a request. Each pool has its own, and calls it concurrently.
type Policy interface {
	// Pick returns one of backends, the healthy ones, of which there is at least one. It must not modify or keep the
	// slice.
	Pick(r *http.Request, backends []*Backend) *Backend
}

// Answerer is implemented by a Policy that adds to responses, for example a cookie.
type Answerer interface {
	// Answered may add to the header of the response that by gave to r, before it is sent to the client. It is not
	// called for responses of the balancer itself.
	Answered(r *http.Request, by *Backend, answer http.Header)
}

// rule is a Policy and its Answerer, so that the type assertion is made once and not at every request.
type rule struct {
	Policy
	answerer Answerer // nil if the policy has none
}

func newRule(p Policy) *rule {
	a, _ := p.(Answerer)
	return &rule{p, a}
}

type roundRobin struct{ next, nextStream atomic.Uint64 }

// NewRoundRobin returns a Policy that takes the backends in turn. Event streams have a turn of their own: with two
// backends, a page that opens one would otherwise be served by the same backend at every reload.
func NewRoundRobin() Policy { return &roundRobin{} }

func (p *roundRobin) Pick(r *http.Request, backends []*Backend) *Backend {
	turn := &p.next
	if wantsEvents(r) {
		turn = &p.nextStream
	}
	return backends[(turn.Add(1)-1)%uint64(len(backends))]
}

type leastBusy struct{ next atomic.Uint64 }

// NewLeastBusy returns a Policy that takes the backend with the fewest requests whose response has not begun, and takes
// equal ones in turn.
func NewLeastBusy() Policy { return &leastBusy{} }

func (p *leastBusy) Pick(_ *http.Request, backends []*Backend) *Backend {
	n := uint64(len(backends))
	first := (p.next.Add(1) - 1) % n
	best := backends[first]
	least := best.inFlight.Load()
	for i := uint64(1); i < n && least > 0; i++ {
		b := backends[(first+i)%n]
		if load := b.inFlight.Load(); load < least {
			best, least = b, load
		}
	}
	return best
}
