package period

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Custom is the name of a period that is given by its start and end.
const Custom = "custom"

// Preset is a period that ends now.
type Preset struct {
	Name, Label string
	Length      time.Duration
	step        time.Duration
}

// Presets lists the presets in the order of the page.
var Presets = []Preset{
	{"1h", "Last hour", time.Hour, time.Minute},
	{"24h", "24 hours", Day, time.Hour},
	{"7d", "7 days", 7 * Day, 6 * time.Hour},
	{"30d", "30 days", 30 * Day, Day},
}

// Default is the name of the preset that is used if the query names none.
const Default = "24h"

// Error describes an invalid parameter. Message may be shown to the user; Field is the parameter's name.
type Error struct{ Field, Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Limits describe how far back data is stored.
type Limits struct {
	Raw time.Duration // how long raw events are kept
}

// The parameters that [Parse] reads.
const (
	Range = "range"
	From  = "from"
	To    = "to"
)

// Parse reads a period from the parameters range, from and to. Without any of them it returns the default preset; from
// or to without range select a custom period. It returns an [Error] if a parameter is invalid.
func Parse(q url.Values, now time.Time, limits Limits) (Period, error) {
	return parse(q, now.UTC(), limits, 0)
}

// parse reads a period like [Parse] and divides it by step. If step is 0, it chooses one that fits the period.
func parse(q url.Values, now time.Time, limits Limits, step time.Duration) (Period, error) {
	for _, name := range []string{Range, From, To, Zone} {
		if len(q[name]) > 1 {
			return Period{}, &Error{name, fmt.Sprintf("“%s” is given more than once.", name)}
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
		zone := time.UTC
		if q.Get(Zone) != "" {
			if zone = LoadZone(q.Get(Zone)); zone == nil {
				return Period{}, &Error{From, "This time zone is unknown. Choose the range again."}
			}
		}
		return parseCustom(from, to, zone, now, limits, step)
	}
	for _, p := range Presets {
		if p.Name == name {
			end := ceil(now.Add(time.Millisecond), p.step)
			return Period{Name: name, From: end.Add(-p.Length), To: end, Step: p.step}.inSteps(step), nil
		}
	}
	return Period{}, &Error{Range, "Choose the last hour, 24 hours, 7 days, 30 days or a custom range."}
}

// earliest is the first time that a period may begin at. It is before any stored event, and late enough that time
// arithmetic cannot overflow.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func parseCustom(fromText, toText string, zone *time.Location, now time.Time, limits Limits, step time.Duration) (Period, error) {
	if fromText == "" {
		return Period{}, &Error{From, "Enter a start date and time."}
	}
	from, ok := parseTime(fromText, zone)
	if !ok {
		return Period{}, &Error{From, "Enter a date and time, such as 2026-11-01T08:00 or 2026-11-01."}
	}
	to := now
	if toText != "" {
		if to, ok = parseTime(toText, zone); !ok {
			return Period{}, &Error{To, "Enter a date and time, such as 2026-11-01T08:00 or 2026-11-01."}
		}
	}
	switch {
	case from.Before(earliest):
		return Period{}, &Error{From, "Enter a date in or after 2000."}
	case from.After(now):
		return Period{}, &Error{From, "The start must not be in the future."}
	case !from.Before(to):
		return Period{}, &Error{To, "The end must be after the start."}
	case to.Sub(from) > Longest:
		return Period{}, &Error{From, fmt.Sprintf("The range must be at most %d days.", Longest/Day)}
	}
	if to.After(now) {
		to = now
	}
	// The previous period is shown for comparison, so its raw events must still be stored, too.
	length := to.Sub(from)
	if step == 0 {
		step = chooseStep(length, now.Sub(from)+length < limits.Raw)
	}
	start, end := Floor(from, step), ceil(to, step)
	if !start.Before(end) {
		end = start.Add(step)
	}
	return Period{Name: Custom, From: start, To: end, Step: step}, nil
}

// layouts are the formats of <input type="datetime-local"> and <input type="date">, and RFC 3339.
var layouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339}

// parseTime reads a time, which is in zone unless it has an offset.
func parseTime(s string, zone *time.Location) (time.Time, bool) {
	if len(s) > 40 {
		return time.Time{}, false
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// ParseSpan reads the start and the end of a time span from the parameters from and to. It returns an [Error] if one is
// missing, given twice or not a time, or if the span is empty or longer than [Longest].
func ParseSpan(q url.Values) (from, to time.Time, err error) {
	for _, name := range []string{From, To} {
		at, ok := parseTime(strings.TrimSpace(q.Get(name)), time.UTC)
		if !ok || len(q[name]) > 1 || at.Before(earliest) {
			return from, to, &Error{name, fmt.Sprintf("“%s” must be one date and time, such as 2026-11-01T08:00.", name)}
		}
		from, to = to, at
	}
	if !from.Before(to) || to.Sub(from) > Longest {
		return from, to, &Error{To, fmt.Sprintf("The end must be after the start, by at most %d days.", Longest/Day)}
	}
	return from, to, nil
}

// FieldText returns t in the format of <input type="datetime-local">, in UTC.
func FieldText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04") }

// FieldValue converts the text of from or to, which is in the zone from, into the format of <input
// type="datetime-local">, in the zone to. It returns text that is not a time unchanged.
func FieldValue(s string, from, to *time.Location) string {
	if t, ok := parseTime(strings.TrimSpace(s), from); ok {
		return t.In(to).Format("2006-01-02T15:04")
	}
	return s
}
