package portal

import (
	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/sso/session"
	"gatehouse/sso/signoutpush"
)

// newLive returns the handler that notifies open tabs of the portal that the user was signed out.
func newLive(d Deps, sessions *session.Store) (*signoutpush.Handler, error) {
	return signoutpush.New(signoutpush.Options{
		Client: service, Sessions: sessions, Watcher: d.Denied, Keys: append([][]byte{d.Key}, d.OldKeys...), ClientName: d.Estate.Name, Logger: d.Logger,
	})
}

// tab returns the data that a page embeds to watch its sign-in; nil for a guest.
func (a *App) tab(c echo.Context) *components.Live {
	rec, err := a.pages.Session(c)
	if err != nil || rec == nil {
		return nil
	}
	live := components.Live(a.live.Page(rec.Subject, rec.SID, rec.AuthTime))
	return &live
}
