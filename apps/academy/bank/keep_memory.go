package bank

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"

	"gatehouse.example/sso/cookies"
	"gatehouse.example/sso/session"
)

// maxSessions limits the sessions of a branch. The oldest ones are dropped first.
const maxSessions = 10_000

// memory keeps sessions in a map: the notebook of one branch. No other branch can read it, and it is lost with the
// branch.
type memory struct {
	mu     sync.Mutex
	byID   map[string]string // id → name
	oldest []string
}

func newMemory() *memory { return &memory{byID: map[string]string{}} }

// signIn always creates a new session ID: an attacker may have put the one in the cookie there beforehand (session
// fixation).
func (m *memory) signIn(w http.ResponseWriter, r *http.Request, name string) error {
	id := rand.Text()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetAll(r)
	m.byID[id] = name
	m.oldest = append(m.oldest, id)
	for len(m.oldest) > maxSessions {
		m.forget(m.oldest[0])
	}
	setCookie(w, id)
	return nil
}

func (m *memory) who(r *http.Request) (string, error) {
	if _, err := r.Cookie(CookieName); err != nil {
		return "", noCookie
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range cookies.Values(r, CookieName, session.IsID) {
		if name, known := m.byID[id]; known {
			return name, nil
		}
	}
	return "", stranger("the session that the cookie names is not in its memory")
}

func (m *memory) signOut(w http.ResponseWriter, r *http.Request) error {
	m.mu.Lock()
	m.forgetAll(r)
	m.mu.Unlock()
	dropCookie(w)
	return nil
}

// forgetAll drops the sessions that r brings. The caller holds m.mu.
func (m *memory) forgetAll(r *http.Request) {
	for _, id := range cookies.Values(r, CookieName, session.IsID) {
		m.forget(id)
	}
}

// forget drops a session. The caller holds m.mu.
func (m *memory) forget(id string) {
	if _, known := m.byID[id]; !known {
		return
	}
	delete(m.byID, id)
	for i, one := range m.oldest {
		if one == id {
			m.oldest = append(m.oldest[:i], m.oldest[i+1:]...)
			return
		}
	}
}

func (m *memory) sessions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byID)
}

func (*memory) words() words {
	return words{"wrote it into its own memory", "from its own memory", "dropped the session, if it had it"}
}

func (*memory) ready(context.Context) error { return nil }

func (*memory) close() {}
