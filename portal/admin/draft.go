package admin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
)

// maxDraft limits the cookie's value to what every browser stores, in bytes.
const maxDraft = 3500

// draftLife is the lifetime of a draft, in seconds.
const draftLife = 15 * 60

// draft is what an administrator typed into the form at Page before being asked for the password.
type draft struct {
	Page   string     `json:"page"`
	Fields url.Values `json:"fields"`
}

func (a *Console) draftCookie() string {
	if a.Estate.Secure() {
		return "__Host-portal_draft"
	}
	return "portal_draft"
}

// keepDraft stores the posted fields in a cookie for the form at page, unless they are too long for a cookie.
func (a *Console) keepDraft(c echo.Context, page string) {
	if err := c.Request().ParseForm(); err != nil || len(c.Request().PostForm) == 0 {
		return
	}
	raw, err := json.Marshal(draft{Page: page, Fields: c.Request().PostForm})
	value := base64.RawURLEncoding.EncodeToString(raw)
	if err != nil || len(value) > maxDraft {
		return
	}
	a.setDraft(c, value, draftLife)
}

// draft returns the fields that were typed into the requested form, nil if there are none, and deletes the cookie.
// The fields come from the browser, so they must be validated like any form.
func (a *Console) draft(c echo.Context) url.Values {
	for _, k := range c.Request().CookiesNamed(a.draftCookie()) {
		if len(k.Value) > maxDraft {
			continue
		}
		raw, err := base64.RawURLEncoding.DecodeString(k.Value)
		var d draft
		if err == nil && json.Unmarshal(raw, &d) == nil && d.Page == c.Request().URL.EscapedPath() {
			a.setDraft(c, "", -1)
			return d.Fields
		}
	}
	return nil
}

func (a *Console) setDraft(c echo.Context, value string, maxAge int) {
	c.SetCookie(&http.Cookie{
		Name: a.draftCookie(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: a.Estate.Secure(), SameSite: http.SameSiteLaxMode,
	})
}
