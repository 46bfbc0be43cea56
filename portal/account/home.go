package account

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/web"
)

type homeView struct {
	Shell components.Shell
	Apps  []components.App // the tiles
	Name  string           // of the user, "" for a guest
	Ended []endedView      // ended sign-ins that the user has not acknowledged
}

// Home handles GET /: it shows the apps that the user may open, or a welcome to guests. The page is public, so it is
// shown while Redis is unavailable, too.
func (p *Pages) Home(c echo.Context) error {
	view := homeView{}
	if !p.Unavailable(c) {
		v, err := p.loadVisitor(c)
		if err != nil {
			return err
		}
		if v != nil {
			view.Name = v.user.Name
			if view.Ended, err = p.endedNotices(c.Request().Context(), v.user); err != nil {
				return err
			}
		}
	}
	view.Shell = web.Shell(c, "Home")
	for _, app := range view.Shell.Apps {
		if app.Key != view.Shell.App.Key {
			view.Apps = append(view.Apps, app)
		}
	}
	return web.Render(c, http.StatusOK, homePage(view))
}
