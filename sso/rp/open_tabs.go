package rp

import (
	"net/http"

	"gatehouse.example/sso/session"
	"gatehouse.example/sso/signoutpush"
)

// newLive returns the handler that tells open tabs that their user was signed out.
func newLive(c Config, sessions *session.Store) (*signoutpush.Handler, error) {
	var watcher signoutpush.Watcher = &signoutpush.Sessions{Store: sessions, Client: c.ClientID}
	if c.Denied != nil {
		watcher = c.Denied
	}
	return signoutpush.New(signoutpush.Options{
		Client: c.ClientID, Sessions: sessions, Watcher: watcher,
		Keys: c.Keys, ClientName: c.AppName, Logger: c.Logger, Unread: c.Unread,
	})
}

// Streams returns the number of tabs connected to this replica.
func (a *RP) Streams() int { return a.live.Streams() }

// Live returns the data with which an open page learns that its user was signed out, or nil for a guest.
func Live(r *http.Request) *signoutpush.Page {
	s := stateOf(r.Context())
	if s == nil || s.identity == nil {
		return nil
	}
	p := s.rp.live.Page(s.identity.Subject, s.identity.SID, s.identity.AuthTime)
	return &p
}
