package portal

import (
	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
)

// openTab returns the data that a page embeds to watch its sign-in; nil for a guest.
func (a *App) openTab(c echo.Context) *components.Live {
	rec, err := a.pages.Session(c)
	if err != nil || rec == nil {
		return nil
	}
	live := components.Live(a.tabs.Page(rec.Subject, rec.SID, rec.AuthTime))
	return &live
}

// countUnread returns the number of unread notifications of the signed-in user.
func (a *App) countUnread(c echo.Context) int {
	rec, err := a.pages.Session(c)
	if err != nil || rec == nil {
		return 0
	}
	return a.unread.Get(c.Request().Context(), rec.Subject)
}
