package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const failedSignInsPath = "/admin/sign-ins/failed"

// failurePeriod is the period of which failed sign-ins are counted.
const failurePeriod = 24 * time.Hour

type failedSignInsView struct {
	frame
	Rows []store.FailedAddress
	More bool // there are more addresses than a page shows
}

// failedSignIns handles GET /admin/sign-ins/failed: the addresses with the most failed sign-ins of the last day.
func (a *Console) failedSignIns(c echo.Context, _ Admin) error {
	rows, more, err := a.Store.FailedSignIns(c.Request().Context(), a.Now().Add(-failurePeriod), perPage)
	if err != nil {
		return err
	}
	view := failedSignInsView{Rows: rows, More: more}
	view.frame = a.frame(c, "Failed sign-ins", "The addresses with the most failed sign-ins in the last 24 hours.", "sign-ins",
		components.NavItem{Label: "Sign-ins", URL: signInsPath})
	return web.Render(c, http.StatusOK, failedSignInsPage(view))
}

// signInTabs returns the links between the two pages about sign-ins.
func signInTabs(failed bool) []components.NavItem {
	return []components.NavItem{
		{Label: "Active", URL: signInsPath, Current: !failed},
		{Label: "Failed", URL: failedSignInsPath, Current: failed},
	}
}

// failuresURL returns the audit's page of the failed sign-ins of the period.
func failuresURL() string { return pageURL(auditPath, "action", store.SignInFailed) }
