package period

import "time"

// Every returns the length of a bucket in words: "minute", "hour", "6 hours".
func (p Period) Every() string {
	switch p.Step {
	case time.Minute:
		return "minute"
	case 5 * time.Minute:
		return "5 minutes"
	case 15 * time.Minute:
		return "15 minutes"
	case time.Hour:
		return "hour"
	case 3 * time.Hour:
		return "3 hours"
	case 6 * time.Hour:
		return "6 hours"
	case Day:
		return "day"
	default:
		return "week"
	}
}

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

// Words returns the start and end of p as text.
func (p Period) Words() string {
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
