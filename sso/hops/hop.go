package hops

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// The two parties that are in every flow; others are named by their client id.
const (
	Browser  = "browser"
	Provider = "provider"
)

// The kinds of a hop, in the order of a sign-in.
const (
	Asked      = "asked"     // browser → app: a page that needs a person; the answer leads to the provider
	Authorize  = "authorize" // browser → provider: the authorization request
	SignInPage = "page"      // browser → provider: the sign-in page
	SignInForm = "form"      // browser → provider: the form on it
	Callback   = "callback"  // browser → app: the provider's answer, with the code
	Token      = "token"     // app → provider: code for tokens
	Redeemed   = "redeemed"  // provider, by itself: what it checked before it gave tokens
	Userinfo   = "userinfo"  // app → provider: name and email, where the ID token leaves them out
	Verified   = "verified"  // app, by itself: the ID token was checked
	Refused    = "refused"   // app, by itself: the sign-in was not completed
)

// Hop is a request with its answer, or, where From and To are the same, something that one party
// did by itself.
type Hop struct {
	Kind    string        `json:"k"`
	At      time.Time     `json:"t"`
	Took    time.Duration `json:"d"` // as the party measured it that recorded the hop
	From    string        `json:"f"` // Browser, Provider or a client id
	To      string        `json:"o"`
	Replica string        `json:"r,omitempty"` // that recorded it
	Method  string        `json:"m,omitempty"`
	Address string        `json:"a,omitempty"` // without its query
	Status  int           `json:"s,omitempty"` // of the answer
	Sent    []Value       `json:"q,omitempty"`
	Answer  []Value       `json:"w,omitempty"`
	Tag     string        `json:"b,omitempty"` // identifies the browser; set by the provider's hops only
}

// Front reports whether a hop went through the browser, where its person, and whatever else runs
// there, sees it.
func (h Hop) Front() bool { return h.From == Browser || h.To == Browser }

// Alone reports whether a party did something by itself.
func (h Hop) Alone() bool { return h.From == h.To }

// Value is a parameter, a cookie, a member of an answer, already shortened.
type Value struct {
	In   string `json:"i"` // one of those below
	Name string `json:"n"`
	Text string `json:"v"`
}

// Where a Value was.
const (
	InQuery    = "query"
	InForm     = "form"
	InHeader   = "header"
	InCookie   = "cookie"
	InLocation = "location" // the query of the address that an answer leads to
	InJSON     = "json"
	InClaim    = "claim" // of an ID token
	InCheck    = "check" // what was compared
)

// Flow is a sign-in that came to its end.
type Flow struct {
	Client string    `json:"client"` // id of the app
	Ended  time.Time `json:"ended"`
	Hops   []Hop     `json:"-"` // oldest first
}

// Recorder takes hops. Its methods return at once.
type Recorder interface {
	// Record takes down a hop of the flow of this ID; an empty one is none.
	Record(id string, h Hop)
	// File makes the flow the person's: sub at issuer.
	File(id, client, issuer, sub string)
}

// ID is the name of the flow with this state parameter, which can't be found from it.
func ID(state string) string {
	if state == "" {
		return ""
	}
	return hash("state\x00" + state)
}

// BrowserTag returns what tells the browser with this cookie from others; the cookie can't be found from it.
func BrowserTag(cookie string) string {
	if cookie == "" {
		return ""
	}
	return hash("browser\x00" + cookie)[:16] // 96 bits
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Nowhere records nothing.
type Nowhere struct{}

// Record implements Recorder.
func (Nowhere) Record(string, Hop) {}

// File implements Recorder.
func (Nowhere) File(string, string, string, string) {}
