package academy

import (
	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/web"
)

// shell returns the frame of a page. section is the address of the navigation entry that is marked as current.
func shell(c echo.Context, title, section string) components.Shell {
	s := web.Shell(c, title)
	s.Nav = append(s.Nav,
		components.NavItem{Label: "Lessons", URL: "/", Icon: "book-open", Current: section == "/"},
		components.NavItem{Label: "Experiments", URL: "/experiments", Icon: "flask-conical", Current: section == "/experiments"},
		components.NavItem{Label: "Rooms", URL: "/rooms", Icon: "school", Current: section == "/rooms"},
	)
	return s
}
