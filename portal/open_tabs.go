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
