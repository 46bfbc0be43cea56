package rp

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/returnto"
)

// guestLife is how long a browser that is signed in nowhere is not asked again,
// while it moves within the app.
const guestLife = 30 * time.Second

// signIn sends the browser to the provider and back to return_to. With again=1 it does so
// also for who is signed in here already: the provider is asked once more.
func (a *RP) signIn(c echo.Context) error {
	to := returnto.Or(c.QueryParam("return_to"), "/")
	v := visitOf(c)
	switch {
	case v.err != nil:
		return unavailable(c, v.err)
	case v.person != nil && c.QueryParam("again") != "1":
		return c.Redirect(http.StatusSeeOther, to)
	}
	target, err := a.authorizeURL(c, &flow{ReturnTo: to})
	if err != nil {
		return unavailable(c, err)
	}
	return c.Redirect(http.StatusFound, target)
}

// sendToSignIn is what Required does with a guest.
func (a *RP) sendToSignIn(c echo.Context) error {
	r := c.Request()
	fl := &flow{ReturnTo: returnto.Or(r.URL.RequestURI(), "/")}
	htmx := r.Header.Get("HX-Request") == "true"
	if htmx || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		// There is no page at this address to come back to: it is the one with the form.
		fl.ReturnTo = a.cameFrom(r)
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEApplicationForm) {
		if err := r.ParseForm(); err != nil {
			return echo.NewHTTPError(http.StatusBadRequest, "The form that was sent can't be read.").SetInternal(err)
		}
		if a.flows.mayKeep(r.Context(), c.RealIP(), size(r.PostForm)) {
			fl.Draft = r.PostForm
		}
	}
	target, err := a.authorizeURL(c, fl)
	if err != nil {
		return unavailable(c, err)
	}
	if htmx {
		c.Response().Header().Set("HX-Redirect", target)
		return c.NoContent(http.StatusOK)
	}
	status := http.StatusFound
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusSeeOther
	}
	return c.Redirect(status, target)
}

// cameFrom is the page of this app that a request was made from.
func (a *RP) cameFrom(r *http.Request) string {
	page := r.Header.Get("HX-Current-URL")
	if page == "" {
		page = r.Referer()
	}
	if rest, ok := strings.CutPrefix(page, a.BaseURL); ok {
		if before, _, found := strings.Cut(rest, "#"); found {
			rest = before
		}
		return returnto.Or(rest, "/")
	}
	return "/"
}

func size(v url.Values) int { return len(v.Encode()) }

// authorizeURL begins a flow and is where the browser goes for it (OpenID Connect
// Core §3.1.2.1, RFC 7636 §4.3).
func (a *RP) authorizeURL(c echo.Context, fl *flow) (string, error) {
	meta, err := a.provider.metadata(c.Request().Context())
	if err != nil {
		return "", err
	}
	state, err := a.flows.begin(c, fl)
	if err != nil {
		return "", fmt.Errorf("rp: the sign-in can't begin: %w", err)
	}
	challenge := sha256.Sum256([]byte(fl.Verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {a.ClientID}, "redirect_uri": {a.redirectURI()},
		"scope": {strings.Join(a.scopes(meta), " ")}, "state": {state}, "nonce": {fl.Nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	if fl.Silent {
		q.Set("prompt", "none")
	}
	sep := "?"
	if strings.Contains(meta.AuthorizationEndpoint, "?") {
		sep = "&"
	}
	target := meta.AuthorizationEndpoint + sep + q.Encode()
	a.asked(c, state, target)
	return target, nil
}

// scopes leaves out what the provider says it does not know.
func (a *RP) scopes(meta *metadata) []string {
	scopes := []string{"openid"}
	for _, s := range a.Scopes {
		if s != "openid" && (len(meta.Scopes) == 0 || slices.Contains(meta.Scopes, s)) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// mayAskSilently reports whether this request is a person arriving at a page from
// elsewhere, for whom it is worth asking the provider, without showing anything,
// whether they are signed in there (prompt=none).
func (a *RP) mayAskSilently(c echo.Context) bool {
	r := c.Request()
	h := r.Header
	if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/auth/") || strings.HasPrefix(r.URL.Path, "/api/") ||
		h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document" {
		return false
	}
	switch h.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site": // a link from a sibling or from anywhere
	case "none": // typed, or a bookmark
	default:
		return false
	}
	// The marks of an answer that came just now: "no, a guest".
	if k, err := c.Cookie(a.flows.cookie("guest")); err == nil && k.Value != "" {
		if k.Value == guestArriving {
			a.flows.set(c, "guest", guestKnown, guestLife)
			return false
		}
		return h.Get("Sec-Fetch-Site") != "none"
	}
	return true
}

const (
	guestArriving = "1" // the next navigation is the provider's answer
	guestKnown    = "2"
)

// silently is where to send the browser, or "" when the provider or Redis can't
// be asked: a public page is then shown as it is.
func (a *RP) silently(c echo.Context) string {
	target, err := a.authorizeURL(c, &flow{ReturnTo: returnto.Or(c.Request().URL.RequestURI(), "/"), Silent: true})
	if err != nil {
		a.Logger.Warn("the provider can't be asked silently", "error", err)
		return ""
	}
	return target
}
