package seed

import (
	"fmt"
	"math"
	"time"

	"gatehouse.example/events"
)

// demoSubjects lists the subjects of the demonstration accounts, which visit more often than other users.
var demoSubjects = []string{"demo-alice", "demo-bob", "demo-carol", "demo-admin"}

// regulars is the number of generated users who registered before the history begins.
const regulars = 260

// addVisit adds the events of one user's visit, from sign-in to sign-out.
func (h *history) addVisit(at time.Time) {
	who := h.randomPerson(at)
	h.addEvent(at, "portal", events.SignIn, who, map[string]any{"client_id": "portal", "method": "password"})
	shop, forum := h.chance(0.72), h.chance(0.44)
	if shop {
		at = h.randomTimeAfter(at, 30*time.Second)
		h.addEvent(at, "portal", events.SignIn, who, map[string]any{"client_id": "shop", "method": "sso"})
		if h.chance(0.42) {
			at = h.randomTimeAfter(at, 2*time.Minute)
			h.addEvent(at, "shop", events.CartStarted, who, map[string]any{"product": h.randomGood().product})
			if h.chance(0.57) {
				at = h.randomTimeAfter(at, 4*time.Minute)
				h.addOrder(at, who)
			}
		}
	}
	if forum {
		at = h.randomTimeAfter(at, 3*time.Minute)
		h.addEvent(at, "portal", events.SignIn, who, map[string]any{"client_id": "forum", "method": "sso"})
		at = h.addForumEvents(at, who)
	}
	if who == "demo-carol" || who == "demo-admin" {
		at = h.randomTimeAfter(at, time.Minute)
		h.addEvent(at, "portal", events.SignIn, who, map[string]any{"client_id": "analytics", "method": "sso"})
	}
	if h.chance(0.38) {
		scope := "session"
		if h.chance(0.07) {
			scope = "everywhere"
		}
		h.addEvent(h.randomTimeAfter(at, 15*time.Minute), "portal", events.SignOut, who, map[string]any{"client_id": "portal", "scope": scope})
	}
}

// randomPerson returns the subject of a random user. Some are demonstration accounts and some register at this moment;
// of the rest, those with lower numbers are more frequent.
func (h *history) randomPerson(at time.Time) string {
	if h.chance(0.03) {
		return demoSubjects[h.random.IntN(len(demoSubjects))]
	}
	if h.chance(0.035) {
		h.known++
		who := fmt.Sprintf("visitor-%04d", regulars+h.known)
		h.addEvent(at.Add(-time.Minute), "portal", events.Registered, who, nil)
		return who
	}
	n := int(math.Pow(h.random.Float64(), 1.7) * float64(regulars+h.known))
	return fmt.Sprintf("visitor-%04d", n+1)
}

// randomTimeAfter returns a random time after at: a second plus an exponentially distributed duration of the given
// mean.
func (h *history) randomTimeAfter(at time.Time, mean time.Duration) time.Time {
	return at.Add(time.Second + time.Duration(h.random.ExpFloat64()*float64(mean)))
}

func (h *history) addForumEvents(at time.Time, who string) time.Time {
	board := boards[h.random.IntN(len(boards))]
	if h.threads == 0 || h.chance(0.07) {
		at = h.randomTimeAfter(at, 4*time.Minute)
		h.threads++
		h.addEvent(at, "forum", events.ThreadCreated, who, map[string]any{"thread_id": fmt.Sprintf("demonstration-%d", h.threads), "board": board})
	}
	thread := fmt.Sprintf("demonstration-%d", 1+h.random.IntN(h.threads))
	for range h.poisson(0.42) {
		at = h.randomTimeAfter(at, 3*time.Minute)
		h.addEvent(at, "forum", events.PostCreated, who, map[string]any{"thread_id": thread, "post_id": fmt.Sprintf("demonstration-%d", h.number), "board": board})
	}
	for range h.poisson(0.8) {
		at = h.randomTimeAfter(at, 40*time.Second)
		value := 1
		if h.chance(0.06) {
			value = -1
		}
		h.addEvent(at, "forum", events.VoteCast, who, map[string]any{"post_id": fmt.Sprintf("demonstration-%d", h.random.IntN(h.number)), "value": value})
	}
	return at
}

func (h *history) addOrder(at time.Time, who string) {
	lines := 1 + h.poisson(0.55)
	var items []any
	total, taken := int64(0), map[string]bool{}
	for range lines {
		g := h.randomGood()
		if taken[g.product] {
			continue
		}
		taken[g.product] = true
		quantity := int64(1)
		if g.cents < 3000 {
			quantity += int64(h.poisson(0.6))
		}
		cents := quantity * g.cents
		total += cents
		items = append(items, map[string]any{"product": g.product, "name": g.name, "quantity": quantity, "cents": cents})
	}
	h.addEvent(at, "shop", events.OrderPlaced, who, map[string]any{"order_id": fmt.Sprintf("demonstration-%d", h.number), "total_cents": total, "items": items})
}

// randomGood returns a random product, weighted by how well it sells.
func (h *history) randomGood() good {
	sum := 0.0
	for _, g := range goods {
		sum += g.weight
	}
	at := h.random.Float64() * sum
	for _, g := range goods {
		if at -= g.weight; at < 0 {
			return g
		}
	}
	return goods[0]
}
