package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/sso/cookies"
)

const (
	themeCookie = "theme"
	flashCookie = "flash"
	maxFlash    = 300 // characters
)

func themeOf(c echo.Context) string {
	chosen := cookies.Values(c.Request(), themeCookie, func(v string) bool { return v == "light" || v == "dark" })
	if len(chosen) == 0 {
		return "system"
	}
	return chosen[0]
}

// setTheme handles POST /theme: it stores the choice of light, dark or system in a cookie and redirects to the page.
func (s *server) setTheme(c echo.Context) error {
	choice := c.FormValue("theme")
	switch choice {
	case "light", "dark", "system":
	default:
		return Invalid("Choose light, dark or system as the theme.")
	}
	k := &http.Cookie{
		Name: themeCookie, Value: choice, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, Secure: s.Estate.Secure(), SameSite: http.SameSiteLaxMode,
	}
	// One choice for all apps, if browsers accept a cookie for the whole domain.
	if strings.Contains(s.Estate.Domain(), ".") {
		k.Domain = s.Estate.Domain()
	}
	c.SetCookie(k)
	if WantsFragment(c) {
		return c.NoContent(http.StatusNoContent)
	}
	back := LocalPath(c.FormValue("return_to"))
	if back == "" {
		back = "/"
	}
	return SeeOther(c, back)
}

// Flash stores a toast in a cookie, for the next page of this browser.
func Flash(c echo.Context, kind, message string) {
	raw, err := json.Marshal(components.Toast{Kind: kind, Message: truncate(message, maxFlash)})
	if err != nil {
		return
	}
	s := serverOf(c)
	c.SetCookie(&http.Cookie{
		Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(raw), Path: "/", MaxAge: 60,
		HttpOnly: true, Secure: s != nil && s.Estate.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

func popFlash(c echo.Context) []components.Toast {
	sent := cookies.Values(c.Request(), flashCookie, func(v string) bool { _, ok := readFlash(v); return ok })
	if len(sent) == 0 {
		return nil
	}
	c.SetCookie(&http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	t, _ := readFlash(sent[0])
	return []components.Toast{t}
}

func readFlash(value string) (t components.Toast, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(value) > 4*maxFlash || json.Unmarshal(raw, &t) != nil || t.Message == "" {
		return t, false
	}
	switch t.Kind {
	case "success", "info", "warning", "error":
	default:
		t.Kind = "info"
	}
	return t, true
}

func truncate(s string, runes int) string {
	r := []rune(s)
	if len(r) <= runes {
		return s
	}
	return string(r[:runes-1]) + "…"
}
