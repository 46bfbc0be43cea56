package denylist

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is the kind of identifier that an entry denies.
type Kind string

// The kinds of entries.
const (
	Subject Kind = "sub" // a user's sign-ins before a time
	SignIn  Kind = "sid" // one sign-in on one browser, with all its sessions and tokens
	Token   Kind = "jti" // one access token, or its family: the part of a jti before a dot
)

// Reasons of a revocation.
const (
	SignedOut       = "sign_out"
	EndedElsewhere  = "ended_by_person" // by the same user, on another browser
	Everywhere      = "everywhere"
	PasswordChanged = "password_changed"
	RolesChanged    = "roles_changed"
	Banned          = "banned"
	EndedByAdmin    = "ended_by_admin"
	AccountDeleted  = "account_deleted"
	TokenReplay     = "token_replay" // a refresh token was used twice, so it may be stolen
	TokenRevoked    = "token_revoked"
	Replaced        = "replaced" // by another sign-in on the same browser
	TooMany         = "too_many" // the user had too many sign-ins; this one was the least recently used
	ProviderLogout  = "provider_logout"
)

// Maximum lengths of an entry's texts, in bytes.
const (
	maxValue = 512
	maxNote  = 2000
	maxName  = 256
)

// ErrEntry is wrapped by the errors about an invalid entry.
var ErrEntry = errors.New("denylist: not an entry")

// Entry is one revocation.
type Entry struct {
	Kind  Kind   `json:"-"`
	Value string `json:"-"` // the sub, the sid or the jti
	// Before is, for a Subject, the time from which sign-ins are accepted again, in whole seconds: those with an
	// earlier auth_time are denied.
	Before time.Time `json:"-"`
	// Except, if set, is the sid of a sign-in of the Subject that is not denied. A later entry with another Except must
	// have a later Before: mirrors compare only that.
	Except string    `json:"-"`
	Until  time.Time `json:"-"` // expiry of the entry: not before that of what it denies

	Reason string    `json:"reason"`
	Note   string    `json:"note,omitempty"`      // by an administrator, for administrators
	By     string    `json:"by,omitempty"`        // sub of the user who caused it; "" for the system
	Client string    `json:"client_id,omitempty"` // of the app where the request was made
	At     time.Time `json:"at"`

	Seq      int64 `json:"seq,omitempty"` // its row in the writer's database; 0 for none
	Position int64 `json:"-"`             // in the log; set by readers
}

// Check returns an error that wraps ErrEntry if the entry can't be written.
func (e Entry) Check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrEntry, fmt.Sprintf(format, args...))
	}
	switch {
	case e.Kind != Subject && e.Kind != SignIn && e.Kind != Token:
		return wrong("%.40q is not sub, sid or jti", string(e.Kind))
	case e.Value == "" || len(e.Value) > maxValue || !utf8.ValidString(e.Value):
		return wrong("the value must be 1 to %d bytes of UTF-8", maxValue)
	case e.Kind == Subject && e.Before.Unix() <= 0:
		return wrong("an entry for a user needs the time up to which it applies")
	case e.Except != "" && (e.Kind != Subject || len(e.Except) > maxName || !utf8.ValidString(e.Except) || strings.ContainsAny(e.Except, "|{")):
		return wrong("Except is for a Subject only, and must be UTF-8 of at most %d bytes without | or {", maxName)
	case e.Until.Unix() <= 0 || e.Until.Unix() >= everything:
		return wrong("it has no expiry")
	case len(e.Note) > maxNote:
		return wrong("the note is longer than %d bytes", maxNote)
	case len(e.Reason) > maxName || len(e.By) > maxName || len(e.Client) > maxName:
		return wrong("reason, author and client must be at most %d bytes", maxName)
	}
	return nil
}

// denies reports whether e denies an identity with this sub, sid, jti and auth_time.
func (e Entry) denies(sub, sid, jti string, authenticated time.Time) bool {
	switch e.Kind {
	case Subject:
		return e.Value == sub && authenticated.Unix() < e.Before.Unix() && (e.Except == "" || e.Except != sid)
	case SignIn:
		return e.Value == sid
	default:
		return e.Value == jti || e.Value == family(jti)
	}
}

// family returns the part of a jti before its first dot, which all tokens of one grant share, or "" if there is none.
func family(jti string) string {
	if i := strings.IndexByte(jti, '.'); i > 0 {
		return jti[:i]
	}
	return ""
}

// everything is the Before of an entry that denies regardless of auth_time.
const everything = math.MaxUint32

// before returns Before in seconds since 1970, and everything for kinds other than Subject.
func (e Entry) before() uint32 {
	if e.Kind != Subject {
		return everything
	}
	return uint32(min(e.Before.Unix(), everything))
}

// field returns the entry's field in the set, kind:value.
func (e Entry) field() string { return string(e.Kind) + ":" + e.Value }

// parseField splits a field of the set into kind and value, and reports whether it is valid.
func parseField(field string) (Kind, string, bool) {
	kind, value, ok := strings.Cut(field, ":")
	k := Kind(kind)
	return k, value, ok && value != "" && (k == Subject || k == SignIn || k == Token)
}

// An entry is encoded as "before|until|{json}" or "before|until|except|{json}": ten digits of seconds and thirteen of
// milliseconds, so that a mirror that loads a million of them, and the script that compares two, need not parse the
// JSON.
const (
	beforeDigits = 10
	untilDigits  = 13
	headerLength = beforeDigits + untilDigits + 2
)

func (e Entry) encode() (string, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrEntry, err)
	}
	except := ""
	if e.Except != "" {
		except = e.Except + "|"
	}
	return fmt.Sprintf("%0*d|%0*d|%s%s", beforeDigits, e.before(), untilDigits, e.Until.UnixMilli(), except, raw), nil
}

// header is the part of an encoded entry that a mirror needs.
type header struct {
	before uint32 // seconds since 1970
	until  time.Time
	except string
	json   string // the rest of the text, not parsed yet
}

// parseHeader reads the header of an entry's text, and reports whether it has one.
func parseHeader(text string) (h header, ok bool) {
	if len(text) < headerLength || text[beforeDigits] != '|' || text[headerLength-1] != '|' {
		return header{}, false
	}
	b, err1 := strconv.ParseUint(text[:beforeDigits], 10, 32)
	u, err2 := strconv.ParseInt(text[beforeDigits+1:headerLength-1], 10, 64)
	h = header{before: uint32(b), until: time.UnixMilli(u), json: text[headerLength:]}
	if !strings.HasPrefix(h.json, "{") {
		h.except, h.json, _ = strings.Cut(h.json, "|")
	}
	return h, err1 == nil && err2 == nil && b > 0 && u > 0
}

// decode returns the entry that was encoded as text under field. Its errors wrap ErrEntry.
func decode(field, text string) (Entry, error) {
	var e Entry
	kind, value, ok := parseField(field)
	h, ok2 := parseHeader(text)
	if !ok || !ok2 {
		return e, fmt.Errorf("%w: %.80q", ErrEntry, field)
	}
	if err := json.Unmarshal([]byte(h.json), &e); err != nil {
		return e, fmt.Errorf("%w: %.80q: %w", ErrEntry, field, err)
	}
	e.Kind, e.Value, e.Until = kind, value, h.until
	if kind == Subject {
		e.Before, e.Except = time.Unix(int64(h.before), 0), h.except
	}
	return e, nil
}
