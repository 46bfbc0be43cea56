package session

import (
	"errors"
	"net/http"
)

// Peek returns the session of r without marking it as used, so that a background tab does not keep it from becoming
// idle. It returns nil for a guest and for sessions of different users.
func (s *Store) Peek(r *http.Request) (*Record, error) {
	_, rec, err := s.loadNewest(r)
	if errors.Is(err, ErrConflict) {
		return nil, nil
	}
	return rec, err
}
