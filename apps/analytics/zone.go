package analytics

import (
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/sso/cookies"
)

// zoneCookie is the cookie in which zone.js stores the browser's time zone, an IANA name.
const zoneCookie = "zone"

// zoneOf returns the time zone of the browser, or UTC if it is unknown.
func zoneOf(c echo.Context) *time.Location {
	for _, name := range cookies.Values(c.Request(), zoneCookie, func(v string) bool { return period.LoadZone(v) != nil }) {
		return period.LoadZone(name)
	}
	return time.UTC
}
