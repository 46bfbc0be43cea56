package period

import "time"

// Label returns the name of the bucket that starts at t, as short as is unambiguous within p.
func (p Period) Label(t time.Time) string {
	switch {
	case p.Step >= 7*Day:
		return "Week of " + t.Format("2 Jan 2006")
	case p.Step >= Day:
		return t.Format("Mon 2 Jan 2006")
	default:
		return t.Format("Mon 2 Jan 15:04")
	}
}

// Description returns the start and end of p as text.
func (p Period) Description() string {
	last := p.To.Add(-time.Millisecond)
	switch {
	case p.Step >= Day:
		return p.From.Format("2 Jan 2006") + " – " + last.Format("2 Jan 2006") + ", UTC"
	case p.From.Format("20060102") == last.Format("20060102"):
		return p.From.Format("2 Jan 2006, 15:04") + " – " + p.To.Format("15:04") + " UTC"
	default:
		return p.From.Format("2 Jan 2006, 15:04") + " – " + p.To.Format("2 Jan 2006, 15:04") + " UTC"
	}
}
