package picture

import (
	"fmt"
	"math"
	"slices"

	"gatehouse.example/apps/academy/lab"
)

// passing is a moving request.
type passing struct {
	lab.Request
	path  string
	end   point // where its mark stays
	begin float64
	took  float64 // seconds
}

// Timing of the moving requests, in seconds: they start one after the other, and soon enough that all have arrived
// before the next update.
const (
	journey   = 0.9
	apart     = 0.45
	allWithin = 1.8
)

// most is the maximum number of requests that are shown moving; the newest of more.
const most = 12

// travel adds the requests after since as moving ones.
func (p *plan) travel(requests []lab.Request, since int64) {
	var fresh []lab.Request
	for _, r := range requests {
		if w, ok := p.way(r); ok {
			p.last = &w
			if r.N > since {
				fresh = append(fresh, r)
			}
		}
	}
	fresh = fresh[max(0, len(fresh)-most):]
	wait := math.Min(apart, allWithin/float64(max(1, len(fresh))))
	for i, r := range fresh {
		w, _ := p.way(r)
		w.begin = float64(i) * wait
		p.passing = append(p.passing, w)
	}
}

// way returns the path of a request: to the server, on to what the server queries, and back. A request without a
// response does not come back. It returns false if one of the ends is no longer in the picture.
func (p *plan) way(r lab.Request) (passing, bool) {
	from, ok := p.at[r.From]
	if !ok {
		return passing{}, false
	}
	w := passing{Request: r, took: journey}
	there := []point{p.leave(from)}
	// A request between servers does not pass through the balancer.
	if p.balancer != "" && from.kind == "browser" && r.To != p.balancer {
		b := p.at[p.balancer]
		there = append(there, p.enter(b), p.leave(b))
	}
	to, ok := p.at[r.To]
	switch {
	case ok && from.kind == "server" && to.kind == "shared":
		there = p.down(from, to)
		w.end = there[len(there)-1]
	case ok:
		there = append(there, p.enter(to))
		w.end = p.enter(to)
	case r.To == "" && len(there) > 1: // no server received it
		w.end = there[len(there)-1]
	default:
		return passing{}, false
	}
	if shared, ok := p.at[r.Via]; ok && to.kind == "server" {
		there = append(there, p.down(to, shared)...)
		w.took += 0.3
	}
	if r.Outcome != lab.Lost {
		back := slices.Clone(there)
		slices.Reverse(back)
		there = append(there, back[1:]...)
	}
	w.path = path(there...)
	return w, true
}

// line returns the path of a request in one direction, which is drawn for the last request.
func (p *plan) line(w passing) string {
	r := w.Request
	r.Outcome, r.Via = lab.Lost, ""
	there, _ := p.way(r)
	return there.path
}

// Mark returns the letter of an outcome, for users who can't distinguish the colours.
func Mark(outcome string) string {
	switch outcome {
	case lab.Recognised:
		return "✓"
	case lab.Unknown:
		return "?"
	case lab.Refused:
		return "✕"
	case lab.Lost:
		return "!"
	}
	return "·"
}

// Outcome returns the text of an outcome.
func Outcome(outcome string) string {
	switch outcome {
	case lab.Recognised:
		return "recognised"
	case lab.Unknown:
		return "not recognised"
	case lab.Refused:
		return "refused"
	case lab.Lost:
		return "no answer"
	}
	return "answered"
}

// State returns the text of a node's state.
func State(state string) string {
	switch state {
	case lab.Up, "":
		return "up"
	case lab.Cut:
		return "cut off"
	case lab.Denied:
		return "knows of the ban"
	}
	return state
}

func seconds(s float64) string { return fmt.Sprintf("%.2fs", s) }
