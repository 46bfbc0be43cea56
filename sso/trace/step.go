package trace

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// The two parties of every flow; others are named by their client id.
const (
	Browser  = "browser"
	Provider = "provider"
)

// The kinds of a step, in the order of a sign-in.
const (
	Started    = "asked"     // browser → app: a page that needs a user; the response redirects to the provider
	Authorize  = "authorize" // browser → provider: the authorization request
	SignInPage = "page"      // browser → provider: the sign-in page
	SignInForm = "form"      // browser → provider: the form on it
	Callback   = "callback"  // browser → app: the provider's response, with the code
	Token      = "token"     // app → provider: code for tokens
	Redeemed   = "redeemed"  // provider, by itself: the checks before it issued tokens
	Userinfo   = "userinfo"  // app → provider: name and email, if the ID token lacks them
	Verified   = "verified"  // app, by itself: the ID token was checked
	Refused    = "refused"   // app, by itself: the sign-in failed
)

// Step is a request with its response, or, where From and To are the same, a step that one party did by itself.
type Step struct {
	Kind    string        `json:"k"`
	At      time.Time     `json:"t"`
	Took    time.Duration `json:"d"` // measured by the party that recorded the step
	From    string        `json:"f"` // Browser, Provider or a client id
	To      string        `json:"o"`
	Replica string        `json:"r,omitempty"` // that recorded it
	Method  string        `json:"m,omitempty"`
	Address string        `json:"a,omitempty"` // without the query
	Status  int           `json:"s,omitempty"` // of the response
	Sent    []Value       `json:"q,omitempty"`
	Answer  []Value       `json:"w,omitempty"`
	Tag     string        `json:"b,omitempty"` // identifies the browser; set by the provider's steps only
}

// FrontChannel reports whether a step went through the browser, where its user, and any other software there, can see
// it.
func (h Step) FrontChannel() bool { return h.From == Browser || h.To == Browser }

// Internal reports whether one party did the step by itself.
func (h Step) Internal() bool { return h.From == h.To }

// Value is a parameter, a cookie or a member of a response, already shortened.
type Value struct {
	In   string `json:"i"` // one of those below
	Name string `json:"n"`
	Text string `json:"v"`
}

// Places of a Value.
const (
	InQuery    = "query"
	InForm     = "form"
	InHeader   = "header"
	InCookie   = "cookie"
	InLocation = "location" // the query of a response's Location
	InJSON     = "json"
	InClaim    = "claim" // of an ID token
	InCheck    = "check" // what was checked
)

// Flow is a completed sign-in.
type Flow struct {
	Client string    `json:"client"` // id of the app
	Ended  time.Time `json:"ended"`
	Steps  []Step    `json:"-"` // oldest first
}

// Recorder records steps. Its methods do not block.
type Recorder interface {
	// Record adds a step to the flow with this ID; it does nothing if id is empty.
	Record(id string, h Step)
	// Assign assigns the flow to the user sub of issuer.
	Assign(id, client, issuer, sub string)
}

// ID returns the id of the flow with this state parameter, a hash that does not reveal it, or "" for an empty state.
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

// Discard is a Recorder that records nothing.
type Discard struct{}

// Record implements Recorder.
func (Discard) Record(string, Step) {}

// Assign implements Recorder.
func (Discard) Assign(string, string, string, string) {}
