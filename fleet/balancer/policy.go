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

// Answerer is what a Policy implements when it has something to say in the answer, such as a cookie.
type Answerer interface {
	// Answered may add to the header of the answer that by gave to r, before the client sees it. It is not told of answers
	// of the balancer itself.
	Answered(r *http.Request, by *Backend, answer http.Header)
}

// rule is a Policy with what it can do, found out once and not at every request.
type rule struct {
	Policy
	answerer Answerer // nil when it has nothing to say
}

func newRule(p Policy) *rule {
	a, _ := p.(Answerer)
	return &rule{p, a}
}

type roundRobin struct{ next, nextStream atomic.Uint64 }

// NewRoundRobin returns a Policy that takes the backends in turn. Streams of events take turns of their own: a page
// that opens one would otherwise meet, of two backends, the same one at every reload.
func NewRoundRobin() Policy { return &roundRobin{} }

func (p *roundRobin) Pick(r *http.Request, backends []*Backend) *Backend {
	turn := &p.next
	if wantsEvents(r) {
		turn = &p.nextStream
	}
	return backends[(turn.Add(1)-1)%uint64(len(backends))]
}

type leastBusy struct{ next atomic.Uint64 }

// NewLeastBusy returns a Policy that takes the backend with the fewest requests whose answer has not begun, and those
// that are equal in turn.
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
