package web

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// contentSecurityPolicy returns a policy that allows what our pages use and nothing inline. daisyUI draws with data:
// images.
func contentSecurityPolicy(formActions []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
		"form-action " + strings.Join(append([]string{"'self'"}, formActions...), " ")
}

const formActionsKey = "gatehouse/web.formActions"

// FormActions allows the forms of this response to lead to origins, in addition to Options.FormActions: the sign-in
// page's form ends at the app that requested the sign-in, which may have been registered a moment ago.
func FormActions(c echo.Context, origins ...string) {
	s := serverOf(c)
	if s == nil || len(origins) == 0 {
		return
	}
	before, _ := c.Get(formActionsKey).([]string)
	all := slices.Concat(before, origins)
	c.Set(formActionsKey, all)
	c.Response().Header().Set("Content-Security-Policy", contentSecurityPolicy(slices.Concat(s.FormActions, all)))
}

func (s *server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", s.csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if s.Estate.Secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		return next(c)
	}
}
