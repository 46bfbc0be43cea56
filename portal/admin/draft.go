package admin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
)

// maxDraft is how long a cookie may be that every browser keeps, in bytes.
const maxDraft = 3500

// draftLife is how long a draft waits, in seconds.
const draftLife = 15 * 60

// draft is what somebody typed into the form at Page before they had to give their password.
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

// keepDraft lets the browser carry what was typed to the form at page. One that is too long for a cookie is not kept.
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

// draft is what was typed into the form that is being asked for, nil if nothing waits. It is handed out once. It
// comes from the browser like any form, so it is to be checked like one.
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
