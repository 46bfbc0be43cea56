package revoke

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

// Reasons of a revocation; they are stored with it.
const (
	ByPerson        = denylist.SignedOut
	Elsewhere       = denylist.EndedElsewhere // by the same user in another browser
	Everywhere      = denylist.Everywhere
	PasswordChanged = denylist.PasswordChanged
	RolesChanged    = denylist.RolesChanged
	Banned          = denylist.Banned
	EndedByAdmin    = denylist.EndedByAdmin
	AccountDeleted  = denylist.AccountDeleted
	TokenReplay     = denylist.TokenReplay // a refresh token was used twice: an attacker has it
	TokenRevoked    = denylist.TokenRevoked
	Replaced        = denylist.Replaced // by another one on the same browser
	TooMany         = denylist.TooMany  // above the limit; used least recently
)

// The scopes of a sign_out event.
const (
	scopeSession    = "session"
	scopeEverywhere = "everywhere"
)

const (
	// portalClient is the client_id of requests made at the portal itself.
	portalClient = "portal"
	// maxNote is the limit of denylist.Entry, in bytes.
	maxNote = 2000
	// maxID is the length of the longest sub, sid or jti that is looked up, in bytes.
	maxID = 512
)

// Request says what to revoke. Exactly one of UserID, SID and Token is set.
type Request struct {
	UserID string // all sign-ins of this user
	Except string // UserID only: a sign-in that is not revoked
	SID    string // one sign-in
	Token  string // one access token (its jti), or a grant with its refresh tokens (the part before the dot)

	Reason string // one of the constants above
	Note   string // by an administrator, shown to administrators; at most 2000 bytes
	By     string // sub of the user who requests it; "" for the system
	Client string // client_id of the app where it was requested; "" for the portal

	With  []store.Change // applied first, in the same transaction; Revoke returns their errors
	Until time.Time      // Token only: when it expires
}

func (r *Request) validate() error {
	given := 0
	for _, v := range []string{r.UserID, r.SID, r.Token} {
		if v != "" {
			given++
		}
	}
	if given != 1 || r.Reason == "" {
		return errors.New("revoke: a request needs a reason and exactly one user, sign-in or token")
	}
	if len(r.Note) > maxNote {
		return web.Invalid("The note is too long. Use at most 2,000 bytes, which is about 2,000 letters.")
	}
	r.Note = strings.ReplaceAll(strings.ToValidUTF8(r.Note, ""), "\x00", "")
	if r.Client == "" {
		r.Client = portalClient
	}
	return nil
}

// canExist reports whether the target can exist: ids that are not valid text are not looked up, and no revocation
// is written for a token that has expired.
func (r *Request) canExist(now time.Time) bool {
	for _, v := range []string{r.UserID, r.Except, r.SID, r.Token} {
		if len(v) > maxID || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return false
		}
	}
	return r.Token == "" || now.Before(r.Until)
}

func (r *Request) endRequest(now time.Time) store.EndRequest {
	e := store.EndRequest{
		ID: rand.Text(), SID: r.SID, UserID: r.UserID, Except: r.Except, Token: r.Token,
		Reason: r.Reason, Note: r.Note, By: r.By, Client: r.Client, Scope: scopeEverywhere,
		Now: now, Until: now.Add(maxLifetime), RetryFrom: now.Add(backchannel.HandoverTimeout), With: r.With,
	}
	if r.SID != "" {
		e.Scope = scopeSession
	}
	if r.Token != "" {
		e.Until = r.Until
	}
	return e
}
