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

// Description returns the start and end of p as text. A period that has not ended at now ends there.
func (p Period) Description(now time.Time) string {
	end, last := p.To, p.To.Add(-time.Millisecond)
	if p.Partial(now) {
		end, last = now.UTC(), now.UTC()
	}
	switch {
	case p.Step >= Day:
		return p.From.Format("2 Jan 2006") + " – " + last.Format("2 Jan 2006") + ", UTC"
	case p.From.Format("20060102") == last.Format("20060102"):
		return p.From.Format("2 Jan 2006, 15:04") + " – " + end.Format("15:04") + " UTC"
	default:
		return p.From.Format("2 Jan 2006, 15:04") + " – " + end.Format("2 Jan 2006, 15:04") + " UTC"
	}
}
