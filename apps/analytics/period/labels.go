package period

import (
	"strings"
	"time"
)

// Local returns t in the zone of p's labels. Days and weeks are those of UTC, whatever the zone.
func (p Period) Local(t time.Time) time.Time {
	if p.Zone == nil || p.Step >= Day {
		return t.UTC()
	}
	return t.In(p.Zone)
}

// Label returns the name of the bucket that starts at t, as short as is unambiguous within p.
func (p Period) Label(t time.Time) string {
	t = p.Local(t)
	switch {
	case p.Step >= 7*Day:
		return "Week of " + t.Format("2 Jan 2006")
	case p.Step >= Day:
		return t.Format("Mon 2 Jan 2006")
	case isRepeated(t):
		return t.Format("Mon 2 Jan 15:04 ") + ZoneText(t)
	default:
		return t.Format("Mon 2 Jan 15:04")
	}
}

// isRepeated reports whether the clocks show the same time twice at t, because they are set back.
func isRepeated(t time.Time) bool {
	const wall = "20060102 15:04"
	return t.Add(time.Hour).Format(wall) == t.Format(wall) || t.Add(-time.Hour).Format(wall) == t.Format(wall)
}

// ZoneText returns the name of t's zone at that time: "UTC", "CET", "UTC+0545".
func ZoneText(t time.Time) string {
	name, _ := t.Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		return "UTC" + name
	}
	return name
}

// Description returns the start and end of p as text. A period that has not ended at now ends there.
func (p Period) Description(now time.Time) string {
	from, end, last := p.Local(p.From), p.Local(p.To), p.Local(p.To.Add(-time.Millisecond))
	if p.Partial(now) {
		end, last = p.Local(now), p.Local(now)
	}
	switch {
	case p.Step >= Day:
		return from.Format("2 Jan 2006") + " – " + last.Format("2 Jan 2006") + ", UTC"
	case from.Format("20060102") == last.Format("20060102"):
		return from.Format("2 Jan 2006, 15:04") + " – " + end.Format("15:04 ") + ZoneText(end)
	default:
		return from.Format("2 Jan 2006, 15:04") + " – " + end.Format("2 Jan 2006, 15:04 ") + ZoneText(end)
	}
}
