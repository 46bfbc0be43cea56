package revoke

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/portal/backchannel"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/web"
)

// Why something was revoked; it stays in the record.
const (
	ByPerson        = denylist.SignedOut
	Elsewhere       = denylist.EndedElsewhere // by the same person on another browser
	Everywhere      = denylist.Everywhere
	PasswordChanged = denylist.PasswordChanged
	RolesChanged    = denylist.RolesChanged
	Banned          = denylist.Banned
	EndedByAdmin    = denylist.EndedByAdmin
	AccountDeleted  = denylist.AccountDeleted
	TokenReplay     = denylist.TokenReplay // a refresh token was used twice: a thief has it
	TokenRevoked    = denylist.TokenRevoked
	Replaced        = denylist.Replaced // by another one on the same browser
	TooMany         = denylist.TooMany  // the account had too many; this one was used least recently
)

// The scopes of a sign_out event.
const (
	scopeSession    = "session"
	scopeEverywhere = "everywhere"
)

const (
	// portalClient is the client_id of what was asked for at the portal itself.
	portalClient = "portal"
	// maxNote is that of denylist.Entry, in bytes.
	maxNote = 2000
	// maxID is the length of the longest sub, sid or jti that is looked for, in bytes.
	maxID = 512
)

// Request says what to revoke. Of UserID, SID and Token exactly one is given.
type Request struct {
	UserID string // a whole person: all sign-ins
	Except string // UserID only: this sign-in stays
	SID    string // one sign-in
	Token  string // one access token (its jti), or a grant with its refresh tokens (the part before the dot)

	Reason string // one of the constants above
	Note   string // of an admin, shown to admins; at most 2000 bytes
	By     string // sub of the person who does it; "" for the system
	Client string // client_id of the app where it was asked for; "" for the portal

	With  []store.Change // come first, in the same transaction; their errors come back
	Until time.Time      // Token only: when it expires
}

func (r *Request) check() error {
	given := 0
	for _, v := range []string{r.UserID, r.SID, r.Token} {
		if v != "" {
			given++
		}
	}
	if given != 1 || r.Reason == "" {
		return errors.New("revoke: a request is about one person, one sign-in or one token, and has a reason")
	}
	if len(r.Note) > maxNote {
		return web.Invalid("The note is too long: it may have 2000 bytes, which is about 2000 letters.")
	}
	r.Note = strings.ReplaceAll(strings.ToValidUTF8(r.Note, ""), "\x00", "")
	if r.Client == "" {
		r.Client = portalClient
	}
	return nil
}

// plausible reports whether what r names can exist: no database is asked for what is no text, and nothing is written of
// a token that has expired.
func (r *Request) plausible(now time.Time) bool {
	for _, v := range []string{r.UserID, r.Except, r.SID, r.Token} {
		if len(v) > maxID || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return false
		}
	}
	return r.Token == "" || now.Before(r.Until)
}

func (r *Request) ending(now time.Time) store.Ending {
	e := store.Ending{
		ID: rand.Text(), SID: r.SID, UserID: r.UserID, Except: r.Except, Token: r.Token,
		Reason: r.Reason, Note: r.Note, By: r.By, Client: r.Client, Scope: scopeEverywhere,
		Now: now, Until: now.Add(maxLifetime), Retried: now.Add(backchannel.HeadStart), With: r.With,
	}
	if r.SID != "" {
		e.Scope = scopeSession
	}
	if r.Token != "" {
		e.Until = r.Until
	}
	return e
}
