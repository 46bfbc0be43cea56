package admin

import (
	"github.com/labstack/echo/v4"

	"gatehouse/web"
)

// overview answers GET /admin.
func (a *Console) overview(c echo.Context, _ Admin) error {
	return web.SeeOther(c, "/admin/people")
}
