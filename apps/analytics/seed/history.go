package seed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/events"
)

// Days is the length of the history in days.
const Days = 30

// visitsAnHour is the mean number of visits in an hour, before the factors for hour, day and growth.
const visitsAnHour = 7.5

// byHour is the factor of each hour of the day in UTC: few visits at night, most in the evening. Its mean is about 1.
var byHour = [24]float64{
	0.22, 0.14, 0.10, 0.09, 0.12, 0.26, 0.55, 0.95, 1.30, 1.48, 1.50, 1.42,
	1.34, 1.32, 1.28, 1.26, 1.34, 1.52, 1.74, 1.92, 1.84, 1.46, 0.92, 0.48,
}

// byDay is the factor of each day of the week, from Sunday.
var byDay = [7]float64{1.18, 0.92, 0.90, 0.94, 0.96, 1.02, 1.26}

// History returns the events of the thirty days before until.
func History(until time.Time) []fact.Fact {
	until = until.UTC()
	from := period.Floor(until.Add(-Days*period.Day), period.Day)
	h := &history{random: rand.New(rand.NewPCG(2026, 11)), until: until}
	for hour := from; hour.Before(until); hour = hour.Add(time.Hour) {
		grown := 0.82 + 0.36*float64(hour.Sub(from))/float64(Days*period.Day)
		mean := visitsAnHour * byHour[hour.Hour()] * byDay[hour.Weekday()] * grown
		for range h.poisson(mean) {
			h.addVisit(hour.Add(time.Duration(h.random.Int64N(int64(time.Hour)))))
		}
	}
	return h.facts
}

type history struct {
	random  *rand.Rand
	until   time.Time
	facts   []fact.Fact
	number  int // of the next event
	known   int // how many users have registered during the history
	threads int
}

// poisson returns a random number with a Poisson distribution of the given mean (Knuth's method, for small means).
func (h *history) poisson(mean float64) int {
	limit, product, n := math.Exp(-mean), h.random.Float64(), 0
	for product > limit {
		product *= h.random.Float64()
		n++
	}
	return n
}

func (h *history) chance(p float64) bool { return h.random.Float64() < p }

// addEvent adds an event unless it is after the end of the history or invalid.
func (h *history) addEvent(at time.Time, service, typ, subject string, data map[string]any) {
	h.number++
	f, reject := fact.FromEvent(events.Event{
		ID: fmt.Sprintf("demonstration-%06d", h.number), Type: typ, Service: service, At: at.Truncate(time.Millisecond), Subject: subject, Data: data,
	}, h.until)
	if reject != nil || !f.At.Before(h.until) {
		return
	}
	h.facts = append(h.facts, f)
}
