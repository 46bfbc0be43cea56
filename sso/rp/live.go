package rp

import (
	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/sso/live"
	"gatehouse/sso/session"
)

// newLive returns the handler that tells open tabs that their user was signed out.
func newLive(c Config, sessions *session.Store) (*live.Handler, error) {
	var watcher live.Watcher = &live.Sessions{Store: sessions, Client: c.ClientID}
	if c.Denied != nil {
		watcher = c.Denied
	}
	return live.New(live.Options{
		Client: c.ClientID, Sessions: sessions, Watcher: watcher,
		Keys: c.Keys, Name: c.AppName, Logger: c.Logger,
	})
}

// Streams returns the number of tabs connected to this replica.
func (a *RP) Streams() int { return a.live.Streams() }

// Live returns the data with which an open page learns that its user was signed out, or nil for a guest.
func Live(c echo.Context) *components.Live {
	v := requestIdentityOf(c)
	if v == nil || v.person == nil {
		return nil
	}
	p := v.rp.live.Page(v.person.Subject, v.person.SID, v.person.AuthTime)
	return &components.Live{
		StreamURL: live.StreamPath, StateURL: live.StatePath, Ticket: p.Ticket, Person: p.Person, SignIn: p.SignIn,
	}
}
