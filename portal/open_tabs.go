package portal

import (
	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/sso/signoutpush"
)

// openTab returns the data that a page embeds to watch its sign-in; nil for a guest.
func (a *App) openTab(c echo.Context) *components.Live {
	rec, err := a.pages.Session(c)
	if err != nil || rec == nil {
		return nil
	}
	p := a.tabs.Page(rec.Subject, rec.SID, rec.AuthTime)
	return &components.Live{
		StreamURL: signoutpush.StreamPath, StateURL: signoutpush.StatePath, Ticket: p.Ticket, Person: p.Person, SignIn: p.SignIn,
	}
}
