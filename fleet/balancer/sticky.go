package balancer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"

	"gatehouse/sso/cookies"
)

// sticky keeps a browser on one backend by a cookie that names it.
type sticky struct {
	cookie string
	key    [sha256.Size]byte
	ids    sync.Map // name of a backend → its name in the cookie
	others Policy   // for whoever has no backend yet, or has lost it
}

// NewSticky returns a Policy that keeps a browser on the backend that answered it first, by a cookie of this name. While
// that backend is healthy it gets all of the browser's requests; when it is gone, the next one in turn gets them, and
// the cookie is renewed. The cookie names the backend by a keyed hash, so that nobody can read from it which servers there
// are, nor choose one; the key is this Policy's own, so that cookies of an earlier one count as none.
func NewSticky(cookie string) Policy {
	s := &sticky{cookie: cookie, others: NewRoundRobin()}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

func (s *sticky) Pick(r *http.Request, backends []*Backend) *Backend {
	if ids := s.asked(r); len(ids) > 0 {
		for _, b := range backends {
			if slices.Contains(ids, s.id(b)) {
				return b
			}
		}
	}
	return s.others.Pick(r, backends)
}

// Answered gives the browser its cookie, unless it has it. An answer that shared caches may keep is for others, too.
func (s *sticky) Answered(r *http.Request, by *Backend, answer http.Header) {
	id := s.id(by)
	if slices.Contains(s.asked(r), id) || strings.Contains(answer.Get("Cache-Control"), "public") {
		return
	}
	cookie := http.Cookie{
		Name: s.cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.Header.Get("X-Forwarded-Proto") == "https", // as rewrite has found it
	}
	answer.Add("Set-Cookie", cookie.String())
}

// asked returns what the request's cookies of the name hold.
func (s *sticky) asked(r *http.Request) []string {
	return cookies.Values(r, s.cookie, func(v string) bool { return len(v) == base64.RawURLEncoding.EncodedLen(idLength) })
}

const idLength = 12 // bytes

func (s *sticky) id(b *Backend) string {
	if id, ok := s.ids.Load(b.name); ok {
		return id.(string)
	}
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(b.name))
	id := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:idLength])
	s.ids.Store(b.name, id)
	return id
}
