package session

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/cookies"
)

const (
	// idLength is the length of rand.Text: 26 characters, 130 bits.
	idLength = 26
	// maxFolders is how deep deleteShadows looks.
	maxFolders = 8
	// issuedTimeout is how long a browser may take to send the session that it was given, in seconds.
	issuedTimeout = 60
)

// IsID reports whether value has the form of an id that rand.Text makes.
func IsID(value string) bool {
	return len(value) == idLength && strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func (s *Store) presentedIDs(r *http.Request) []string { return cookies.Values(r, s.cookie, IsID) }

// presentedSession is a session whose cookie a request carries.
type presentedSession struct {
	id         string
	rec        *Record
	unreadable bool // Redis has an invalid value under its key
}

// loadPresented returns the sessions whose cookies r carries: none for a guest. It costs one round trip to Redis
// and, if Redis has none of them, calls Options.Recover for each until one is found. Its errors wrap ErrUnavailable.
func (s *Store) loadPresented(r *http.Request) ([]presentedSession, error) {
	ids := s.presentedIDs(r)
	raws, err := s.fetchRecords(r, ids)
	if err != nil {
		return nil, err
	}
	var all, lost []presentedSession // cookies without a readable record
	for i, id := range ids {
		if raws[i].Err() != nil {
			lost = append(lost, presentedSession{id: id})
			continue
		}
		rec, err := s.records.open(id, []byte(raws[i].Val()))
		switch {
		case err != nil:
			lost = append(lost, presentedSession{id: id, unreadable: true})
		case rec.Subject != "" && !s.expired(rec):
			all = append(all, presentedSession{id: id, rec: rec})
		}
	}
	for _, b := range lost {
		if len(all) > 0 {
			break
		}
		if b.rec, err = s.recoverSession(r.Context(), b.id, b.unreadable); err != nil {
			return nil, err
		}
		if b.rec != nil {
			all = append(all, b)
		}
	}
	return all, nil
}

// fetchRecords reads the records of ids from Redis. Its errors wrap ErrUnavailable.
func (s *Store) fetchRecords(r *http.Request, ids []string) ([]*redis.StringCmd, error) {
	ctx := r.Context()
	raws := make([]*redis.StringCmd, len(ids))
	if len(ids) == 1 {
		raws[0] = s.hashedKeys.Get(ctx, ids[0])
	} else if len(ids) > 1 {
		_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each command has its own error
			for i, id := range ids {
				raws[i] = p.Get(ctx, s.hashedKeys.key(id))
			}
			return nil
		})
	}
	for _, raw := range raws {
		if err := raw.Err(); err != nil && err != redis.Nil { //nolint:errorlint // go-redis returns it bare
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return raws, nil
}

// loadNewest returns the id and record of r's session, "" and nil for a guest, or ErrConflict if there are sessions of
// different users. Of several sessions of one user it returns the newest.
func (s *Store) loadNewest(r *http.Request) (string, *Record, error) {
	all, err := s.loadPresented(r)
	if err != nil || len(all) == 0 {
		return "", nil, err
	}
	newest := all[0]
	for _, b := range all[1:] {
		if b.rec.Subject != newest.rec.Subject {
			return "", nil, ErrConflict
		}
		if b.rec.CreatedAt.After(newest.rec.CreatedAt) {
			newest = b
		}
	}
	return newest.id, newest.rec, nil
}

// Identify returns the session whose cookie r carries, as Load does, for an answer that may set cookies. If r carries
// sessions of different people, it returns conflict instead of ErrConflict, and deletes those that were set for a
// folder. If there is a session, it deletes the cookie of MarkIssued.
func (s *Store) Identify(w http.ResponseWriter, r *http.Request) (rec *Record, conflict bool, err error) {
	rec, err = s.Load(r)
	if errors.Is(err, ErrConflict) {
		s.deleteShadows(w, r)
		return nil, true, nil
	}
	if rec != nil {
		s.TakeIssued(w, r)
	}
	return rec, false, err
}

// deleteShadows deletes session cookies that were set for a folder of r's path: they come before the store's own, which
// are set for /, and no sign-in replaces them (RFC 6265 §5.3). In secure mode browsers accept no such cookies.
func (s *Store) deleteShadows(w http.ResponseWriter, r *http.Request) {
	if s.options.Secure {
		return
	}
	folder := ""
	for _, name := range strings.SplitN(strings.Trim(r.URL.Path, "/"), "/", maxFolders+1) {
		folder += "/" + name
		for _, path := range []string{folder, folder + "/"} {
			http.SetCookie(w, &http.Cookie{Name: s.cookie, Path: path, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		}
	}
}

// All returns every session of r, at most three. The error wraps ErrUnavailable if Redis does not answer.
func (s *Store) All(r *http.Request) ([]Record, error) {
	all, err := s.loadPresented(r)
	records := make([]Record, len(all))
	for i, b := range all {
		records[i] = *b.rec
	}
	return records, err
}

// MarkIssued sets a cookie which says that the browser was given a session, so that the next page can check that the
// browser sends it ([Store.Issued]).
func (s *Store) MarkIssued(w http.ResponseWriter) {
	s.setCookie(w, s.issuedCookie(), "1", issuedTimeout)
}

// Issued reports whether the browser of r was given a session in the last minute and has not sent it since. Another
// redirect to sign-in would loop.
func (s *Store) Issued(r *http.Request) bool {
	return len(cookies.Values(r, s.issuedCookie(), func(v string) bool { return v == "1" })) > 0
}

// TakeIssued reports what Issued does, and deletes the cookie: the user is told once.
func (s *Store) TakeIssued(w http.ResponseWriter, r *http.Request) bool {
	issued := s.Issued(r)
	if issued {
		s.setCookie(w, s.issuedCookie(), "", -1)
	}
	return issued
}

func (s *Store) issuedCookie() string {
	return cookieName(s.options.Service, "awaited", s.options.Secure)
}
