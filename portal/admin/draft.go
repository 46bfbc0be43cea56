package admin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/sso/cookies"
)

// maxDraftBytes limits the cookie's value to what every browser stores, in bytes.
const maxDraftBytes = 3500

// draftSeconds is the lifetime of a draft, in seconds.
const draftSeconds = 15 * 60

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

// saveDraft stores the posted fields in a cookie for the form at a URL, unless they are too long for a cookie.
func (a *Console) saveDraft(c echo.Context, formURL string) {
	page, _, _ := strings.Cut(formURL, "?")
	if err := c.Request().ParseForm(); err != nil || len(c.Request().PostForm) == 0 {
		return
	}
	raw, err := json.Marshal(draft{Page: page, Fields: c.Request().PostForm})
	value := base64.RawURLEncoding.EncodeToString(raw)
	if err != nil || len(value) > maxDraftBytes {
		return
	}
	a.setDraft(c, value, draftSeconds)
}

// takeDraft returns the fields that were typed into the requested form, nil if there are none, and deletes the cookie.
// The fields come from the browser, so they must be validated like any form.
func (a *Console) takeDraft(c echo.Context) url.Values {
	page := c.Request().URL.EscapedPath()
	values := cookies.Values(c.Request(), a.draftCookie(), func(v string) bool { return readDraft(v, page) != nil })
	if len(values) == 0 {
		return nil
	}
	a.setDraft(c, "", -1)
	return readDraft(values[0], page)
}

// readDraft returns the fields of the draft for page in a cookie's value, nil if it is none.
func readDraft(value, page string) url.Values {
	if len(value) > maxDraftBytes {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	var d draft
	if err != nil || json.Unmarshal(raw, &d) != nil || d.Page != page {
		return nil
	}
	return d.Fields
}

func (a *Console) setDraft(c echo.Context, value string, maxAge int) {
	c.SetCookie(&http.Cookie{
		Name: a.draftCookie(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: a.Estate.Secure(), SameSite: http.SameSiteLaxMode,
	})
}
