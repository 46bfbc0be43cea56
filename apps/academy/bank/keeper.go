package bank

import (
	"context"
	"net/http"
	"slices"
)

// Kind says where a bank keeps its sessions.
type Kind string

// The kinds.
const (
	Memory       Kind = "memory"        // in the memory of the branch
	Redis        Kind = "redis"         // in a Redis that all branches share
	Card         Kind = "card"          // in a signed card that the browser carries
	CardDenylist Kind = "card-denylist" // the same, and each branch knows the revoked cards
)

func (k Kind) known() bool { return slices.Contains([]Kind{Memory, Redis, Card, CardDenylist}, k) }

// CookieName is the name of the cookie that holds a session ID or a card.
const CookieName = "bank_session"

// keeper stores and recognises the sessions of one branch.
type keeper interface {
	// signIn starts a new session for name in the browser.
	signIn(w http.ResponseWriter, r *http.Request, name string) error
	// who returns the name of the signed-in user. The error is a stranger, a refusal or an absence.
	who(r *http.Request) (string, error)
	signOut(w http.ResponseWriter, r *http.Request) error
	sessions() int // number kept in the branch's memory; -1 if the kind keeps none there
	// words returns phrases for where the session was stored, how it is recognised and how it was ended.
	words() words
	// ready waits until sessions can be recognised, after what they depend on has been restarted.
	ready(ctx context.Context) error
	close()
}

type words struct{ signedIn, known, signedOut string }

// stranger is the error of a request without a known session. Its text is the reason.
type stranger string

func (s stranger) Error() string { return string(s) }

// refusal is the error of a request with an invalid credential. Its text is the reason.
type refusal string

func (r refusal) Error() string { return string(r) }

// absence is the error of a request that can't be decided now, and the reason. The cookie must be kept.
type absence string

func (a absence) Error() string { return string(a) }

// noCookie is the error of every kind for a browser without the cookie.
const noCookie = stranger("no cookie came along")

func setCookie(w http.ResponseWriter, value string) { writeCookie(w, value, 0) }

func dropCookie(w http.ResponseWriter) { writeCookie(w, "", -1) }

func writeCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
