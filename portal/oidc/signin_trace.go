package oidc

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/codes"
	"gatehouse.example/sso/cookies"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/trace"
	"gatehouse.example/web"
)

// The steps of a sign-in are recorded in Deps.Trace, with shortened values. A failure to record never fails a
// sign-in.

// TraceSignIn returns middleware that records the requests of a browser to the authorization endpoint, and to the
// sign-in page and its form.
func (h *Handlers) TraceSignIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		h.tagBrowser(c)
		err := next(c)
		r := c.Request()
		step := trace.Step{
			Kind: trace.Authorize, At: began, Took: time.Since(began), From: trace.Browser, To: trace.Provider, Replica: h.Replica,
			Method: r.Method, Address: h.Issuer.URL() + r.URL.Path, Sent: trace.Sent(r), Status: c.Response().Status,
			Tag: browserTag(c),
		}
		state := r.URL.Query().Get("state")
		if r.URL.Path == SignInPath {
			step.Kind = trace.SignInPage
			if r.Method == http.MethodPost {
				step.Kind = trace.SignInForm
				step.Sent = append(step.Sent, trace.Values(trace.InForm, r.PostForm)...)
			}
			state = pendingState(r)
		}
		location := c.Response().Header().Get(echo.HeaderLocation)
		if fault := (*redirectFault)(nil); errors.As(err, &fault) {
			step.Status = http.StatusSeeOther
			location = fault.location()
		} else if page := (*web.Error)(nil); errors.As(err, &page) {
			step.Status = page.Status
		}
		step.Answer = append(trace.Location(location), trace.Cookies(c.Response().Header())...)
		h.Trace.Record(trace.ID(state), step)
		return err
	}
}

const browserTagKey = "gatehouse/portal/oidc.browserTag"

// tagBrowser sets a cookie when a browser begins a sign-in, to distinguish its steps from those of other browsers.
func (h *Handlers) tagBrowser(c echo.Context) {
	secure := strings.HasPrefix(h.Issuer.URL(), "https://")
	name := "portal_trace"
	if secure {
		name = "__Host-" + name
	}
	id := ""
	if ids := cookies.Values(c.Request(), name, session.IsID); len(ids) > 0 {
		id = ids[0]
	} else if c.Request().URL.Path == AuthorizePath {
		id = rand.Text()
		c.SetCookie(&http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode})
	}
	c.Set(browserTagKey, trace.BrowserTag(id))
}

// browserTag returns the tag of the request's browser, "" if it has none.
func browserTag(c echo.Context) string {
	tag, _ := c.Get(browserTagKey).(string)
	return tag
}

// pendingState returns the state of the authorization request to which the sign-in page leads back; "" if it leads
// elsewhere.
func pendingState(r *http.Request) string {
	back := r.URL.Query().Get("return_to")
	if r.Method == http.MethodPost {
		back = r.PostForm.Get("return_to")
	}
	u, err := url.Parse(back)
	if err != nil || u.Path != AuthorizePath {
		return ""
	}
	return u.Query().Get("state")
}

// traceExchange records the checks that were made before a code is exchanged for tokens.
func (h *Handlers) traceExchange(c echo.Context, q tokenRequest, code codes.Code) {
	now := time.Now()
	check := func(name, text string) trace.Value { return trace.Value{In: trace.InCheck, Name: name, Text: text} }
	h.Trace.Record(code.Flow, trace.Step{
		Kind: trace.Redeemed, At: now, From: trace.Provider, To: trace.Provider, Replica: h.Replica,
		Method: http.MethodPost, Address: h.Issuer.URL() + TokenPath, Status: http.StatusOK, Tag: code.Tag,
		Sent: []trace.Value{
			check("client", q.client.ID+" authenticated ("+q.client.AuthMethod+")"),
			check("code", "issued to this client, and not used before"),
			check("redirect_uri", "the same as in the authorization request"),
			check("code_verifier", "its SHA-256 hash is the code_challenge "+trace.Short(code.Challenge)),
		},
	})
}
