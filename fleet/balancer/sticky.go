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

	"gatehouse.example/sso/cookies"
)

// sticky assigns a browser to one backend with a cookie that names it.
type sticky struct {
	cookie string
	key    [sha256.Size]byte
	ids    sync.Map // name of a backend → its id in the cookie
	others Policy   // for browsers without a backend, or whose backend is gone
}

// NewSticky returns a Policy that keeps a browser on the backend that answered it first, with a cookie of this name.
// While that backend is healthy it gets all of the browser's requests; when it is gone, the next one in turn gets them,
// and the cookie is replaced. The cookie names the backend by a keyed hash, so that a client can neither learn which
// servers there are nor choose one; the key belongs to this Policy, so that cookies of an earlier one are ignored.
func NewSticky(cookie string) Policy {
	s := &sticky{cookie: cookie, others: NewRoundRobin()}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

func (s *sticky) Pick(r *http.Request, backends []*Backend) *Backend {
	if ids := s.cookieIDs(r); len(ids) > 0 {
		for _, b := range backends {
			if slices.Contains(ids, s.backendID(b)) {
				return b
			}
		}
	}
	return s.others.Pick(r, backends)
}

// Answered sets the browser's cookie, unless it has it. It adds no cookie to a response that shared caches may store.
func (s *sticky) Answered(r *http.Request, by *Backend, answer http.Header) {
	id := s.backendID(by)
	if slices.Contains(s.cookieIDs(r), id) || strings.Contains(answer.Get("Cache-Control"), "public") {
		return
	}
	cookie := http.Cookie{
		Name: s.cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.Header.Get("X-Forwarded-Proto") == "https", // as set by rewrite
	}
	answer.Add("Set-Cookie", cookie.String())
}

// cookieIDs returns what the request's cookies of the name hold.
func (s *sticky) cookieIDs(r *http.Request) []string {
	return cookies.Values(r, s.cookie, func(v string) bool { return len(v) == base64.RawURLEncoding.EncodedLen(idLength) })
}

const idLength = 12 // bytes

func (s *sticky) backendID(b *Backend) string {
	if id, ok := s.ids.Load(b.name); ok {
		return id.(string)
	}
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(b.name))
	id := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:idLength])
	s.ids.Store(b.name, id)
	return id
}
