package bank

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Kind says how a bank keeps who somebody is.
type Kind string

// The kinds of keeping it.
const (
	Memory       Kind = "memory"        // in the memory of the branch
	Redis        Kind = "redis"         // in sessions in a Redis that all branches share
	Card         Kind = "card"          // on a signed card that the browser carries
	CardDenylist Kind = "card-denylist" // the same, and each branch knows which cards were ended
)

func (k Kind) known() bool { return slices.Contains([]Kind{Memory, Redis, Card, CardDenylist}, k) }

// CookieName is the name of the cookie that a session's id, or a card, travels in.
const CookieName = "bank_session"

// keeper knows who a request is from, for one branch.
type keeper interface {
	// signIn gives the browser a new session of name's.
	signIn(w http.ResponseWriter, r *http.Request, name string) error
	// who is the name of who is signed in. The error is a stranger, a refusal or an
	// absence.
	who(r *http.Request) (string, error)
	signOut(w http.ResponseWriter, r *http.Request) error
	sessions() int // kept in the branch's memory; -1 where none are
	// words say where it was written, where it is known from and how it was ended.
	words() words
	// ready waits until it can know people, once what it needs is there again.
	ready(ctx context.Context) error
	close()
}

type words struct{ signedIn, known, signedOut string }

// stranger says that nobody knows whose request it is.
type stranger string

func (s stranger) Error() string { return string(s) }

// refusal says that what came along is not to be believed.
type refusal string

func (r refusal) Error() string { return string(r) }

// absence says that it can't be known just now, and why. The cookie is to be kept.
type absence string

func (a absence) Error() string { return string(a) }

// noCookie is what every kind says of a browser that brings nothing.
const noCookie = stranger("no cookie came along")

func setCookie(w http.ResponseWriter, value string) { writeCookie(w, value, 0) }

func dropCookie(w http.ResponseWriter) { writeCookie(w, "", -1) }

func writeCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// duration is one that may change under way.
type duration struct{ ns atomic.Int64 }

func (d *duration) set(v time.Duration) { d.ns.Store(int64(v)) }
func (d *duration) get() time.Duration  { return time.Duration(d.ns.Load()) }
