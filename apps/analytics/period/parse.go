package period

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Custom is the name of a period that is given by its ends.
const Custom = "custom"

// Preset is a period that ends now.
type Preset struct {
	Name, Label string
	Length      time.Duration
	step        time.Duration
}

// Presets are offered in this order.
var Presets = []Preset{
	{"1h", "Last hour", time.Hour, time.Minute},
	{"24h", "24 hours", Day, time.Hour},
	{"7d", "7 days", 7 * Day, 6 * time.Hour},
	{"30d", "30 days", 30 * Day, Day},
}

// Default is the name of the preset that is shown unless another one is asked for.
const Default = "24h"

// Error says what is wrong with the wish for a period, and in which field. Its text may be shown.
type Error struct{ Field, Message string }

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Limits say how far back there is something to look at.
type Limits struct {
	Raw time.Duration // how long raw events are kept
}

// The names of the parameters that [Parse] reads.
const (
	Range = "range"
	From  = "from"
	To    = "to"
)

// Parse reads a period from the parameters range, from and to. Without any it is the default preset; with from or to
// alone it is custom. The error is an [Error].
func Parse(q url.Values, now time.Time, limits Limits) (Period, error) {
	return parse(q, now.UTC(), limits, 0)
}

// parse cuts by step, or as it fits when that is 0.
func parse(q url.Values, now time.Time, limits Limits, step time.Duration) (Period, error) {
	for _, name := range []string{Range, From, To} {
		if len(q[name]) > 1 {
			return Period{}, &Error{name, fmt.Sprintf("“%s” is given twice; give it once.", name)}
		}
	}
	name, from, to := q.Get(Range), strings.TrimSpace(q.Get(From)), strings.TrimSpace(q.Get(To))
	if name == "" {
		name = Default
		if from != "" || to != "" {
			name = Custom
		}
	}
	if name == Custom {
		return custom(from, to, now, limits, step)
	}
	for _, p := range Presets {
		if p.Name == name {
			end := ceil(now.Add(time.Millisecond), p.step)
			return Period{Name: name, From: end.Add(-p.Length), To: end, Step: p.step}.cut(step), nil
		}
	}
	return Period{}, &Error{Range, "Choose one of the periods offered: the last hour, 24 hours, 7 days, 30 days or your own from–to."}
}

// earliest is the first moment that anybody may ask for: before it there is no Gatehouse, and arithmetic stays safe.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func custom(fromText, toText string, now time.Time, limits Limits, step time.Duration) (Period, error) {
	if fromText == "" {
		return Period{}, &Error{From, "Say when the period begins."}
	}
	from, ok := moment(fromText)
	if !ok {
		return Period{}, &Error{From, "That is not a date and time. Write it like 2026-11-01T08:00 or 2026-11-01."}
	}
	to := now
	if toText != "" {
		if to, ok = moment(toText); !ok {
			return Period{}, &Error{To, "That is not a date and time. Write it like 2026-11-01T08:00 or 2026-11-01."}
		}
	}
	switch {
	case from.Before(earliest):
		return Period{}, &Error{From, "There is nothing before the year 2000."}
	case from.After(now):
		return Period{}, &Error{From, "The period can't begin in the future (times are in UTC)."}
	case !from.Before(to):
		return Period{}, &Error{To, "The period must end after it begins."}
	case to.Sub(from) > Longest:
		return Period{}, &Error{From, fmt.Sprintf("At most %d days can be looked at together.", Longest/Day)}
	}
	if to.After(now) {
		to = now
	}
	// The period before is compared with, so its raw events must be there too.
	length := to.Sub(from)
	if step == 0 {
		step = choose(length, now.Sub(from)+length < limits.Raw)
	}
	start, end := Floor(from, step), ceil(to, step)
	if !start.Before(end) {
		end = start.Add(step)
	}
	return Period{Name: Custom, From: start, To: end, Step: step}, nil
}

// layouts are what <input type="datetime-local"> and <input type="date"> send, and RFC 3339.
var layouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339}

func moment(s string) (time.Time, bool) {
	if len(s) > 40 {
		return time.Time{}, false
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// FieldValue writes what somebody gave for from or to the way <input type="datetime-local"> wants it; what is no moment stays
// as it is.
func FieldValue(s string) string {
	if t, ok := moment(strings.TrimSpace(s)); ok {
		return t.Format("2006-01-02T15:04")
	}
	return s
}
