package fact

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"gatehouse.example/events"
)

// Variants of the event types that have them.
const (
	Password   = "password"   // of sign_in: at the portal's form
	SSO        = "sso"        // of sign_in: to an app, with an existing portal session
	Session    = "session"    // of sign_out: one browser
	Everywhere = "everywhere" // of sign_out: all browsers
	Given      = "given"      // of vote_cast: value 1
	TakenBack  = "taken_back" // of vote_cast: value -1
	Cancelled  = "cancelled"  // of order_cancelled: before the delivery
	Returned   = "returned"   // of order_cancelled: after it
)

// Sale is one line of an order.
type Sale struct {
	Product  string // the shop's slug or number
	Name     string
	Quantity int64
	Cents    int64 // of the whole line
}

// Fact is an event that can be counted. All its text is valid UTF-8 without NUL.
type Fact struct {
	ID, Type, Variant string
	App               string // the app that the event belongs to: the client of a sign-in or sign-out, otherwise the service
	Service, Subject  string
	Cents             int64 // the total of an order; below 0 if it was cancelled
	Sales             []Sale
	Data              string // the event's data as JSON
	At                time.Time
}

// Reason is the category of the cause why an event is not counted.
type Reason string

// The reasons.
const (
	Unknown   Reason = "unknown type"
	Malformed Reason = "malformed"
	Untimely  Reason = "impossible time"
)

// Reject is the error for an event that cannot be counted.
type Reject struct {
	Reason Reason
	Detail string
}

// Error returns the reason and the detail, for the log.
func (r *Reject) Error() string { return string(r.Reason) + ": " + r.Detail }

func malformed(format string, args ...any) *Reject {
	return &Reject{Reason: Malformed, Detail: fmt.Sprintf(format, args...)}
}

const (
	maxID   = 128
	maxText = 200
	// maxVersion is the longest version of a service.
	maxVersion = 64
	maxData    = 64 << 10
	// maxAhead is how far an event's time may lie in the future, because clocks differ between machines.
	maxAhead = time.Hour
)

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// NamePattern matches the names of apps.
var NamePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

// FromEvent converts e, received at now, into a Fact. It returns a Reject if e cannot be counted.
func FromEvent(e events.Event, now time.Time) (Fact, *Reject) {
	switch {
	case !ValidID(e.ID):
		return Fact{}, malformed("id")
	case !isStorable(e.Subject, maxText):
		return Fact{}, malformed("subject")
	case !NamePattern.MatchString(e.Service):
		return Fact{}, malformed("service")
	case e.At.Before(epoch) || e.At.After(now.Add(maxAhead)):
		return Fact{}, &Reject{Reason: Untimely, Detail: "at"}
	}
	read, known := readers[e.Type]
	if !known {
		return Fact{}, &Reject{Reason: Unknown, Detail: truncate(e.Type)}
	}
	data, err := json.Marshal(e.Data)
	if err != nil || len(data) > maxData {
		return Fact{}, malformed("data is too large or no JSON")
	}
	f := Fact{ID: e.ID, Type: e.Type, App: e.Service, Service: e.Service, Subject: e.Subject, Data: string(data), At: e.At.UTC()}
	if reject := read(e.Data, &f); reject != nil {
		return Fact{}, reject
	}
	return f, nil
}

// ValidID reports whether id can be the id of a stored event.
func ValidID(id string) bool { return id != "" && isStorable(id, maxID) }

// isStorable reports whether s can be stored and is no longer than most characters: PostgreSQL accepts neither NUL nor
// invalid UTF-8, and other control characters are refused, too.
func isStorable(s string, most int) bool {
	if len(s) > most*utf8.UTFMax || !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return true
}
