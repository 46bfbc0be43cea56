package oidc

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/token"
	"gatehouse.example/web"
)

// logoutRequest is a request to end a sign-in (RP-Initiated Logout 1.0 §2).
type logoutRequest struct {
	Hint     *token.IDClaims // nil without a valid id_token_hint
	ClientID string          // "" if the requesting client is unknown
	Return   string          // registered for that client; "" for the portal's page
	State    string
	sent     params
}

// sid returns the sid in the hint, "" if there is none.
func (q *logoutRequest) sid() string {
	if q.Hint == nil {
		return ""
	}
	return q.Hint.SID
}

// EndSession handles GET and POST requests to the end session endpoint. It ends the sign-in without confirmation if
// the client sends an ID token of the active sign-in in this browser, or if the browser has no session. Otherwise it
// asks the user to confirm, since a link must not sign the user out.
func (h *Handlers) EndSession(c echo.Context) error {
	q, err := h.readLogout(c)
	if err != nil {
		return err
	}
	rec, err := h.Sessions.Load(c.Request())
	switch {
	case errors.Is(err, session.ErrConflict): // it is ambiguous which sign-in to end
		e := web.Fail(http.StatusConflict, "session_conflict", "This browser has sessions of two different people, so we can't tell which to use. Sign in again, which replaces both, then sign out.")
		e.ActionLabel, e.ActionURL = "Sign in again", SignInPath
		return e.WithTitle("Please sign in again")
	case err != nil:
		return web.Unavailable(err)
	}
	confirmed := c.Request().Method == http.MethodPost && q.sent.get("confirm") == "yes"
	switch {
	case rec == nil && q.sid() == "":
		return h.redirectAfterLogout(c, q)
	case rec == nil: // the portal's session expired before the app's
		return h.endSignIns(c, q, q.sid())
	case rec.SID == q.sid():
		return h.endSignIns(c, q, rec.SID)
	case confirmed:
		return h.endSignIns(c, q, rec.SID, q.sid())
	}
	return h.askToSignOut(c, q, rec)
}

// readLogout parses a logout request. It ignores a post_logout_redirect_uri that is not registered for the
// requesting client: the browser is never redirected to it.
func (h *Handlers) readLogout(c echo.Context) (*logoutRequest, error) {
	r := c.Request()
	fail := func(message string) error {
		return web.Fail(http.StatusBadRequest, invalidRequest, message).WithTitle("We can't sign you out")
	}
	sent, err := url.ParseQuery(r.URL.RawQuery)
	if r.Method == http.MethodPost {
		if err = r.ParseForm(); err == nil {
			sent = r.PostForm
		}
	}
	if err != nil {
		return nil, fail("The app that sent you here made a request that we can't read. Go back to the app and try again.")
	}
	p := readParams(sent)
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "confirm"} {
		if what, bad := p.bad[name]; bad {
			return nil, fail("The app that sent you here made a mistake: " + name + " " + what + ".")
		}
	}
	q := &logoutRequest{ClientID: p.get("client_id"), State: p.get("state"), sent: p}
	if raw := p.get("id_token_hint"); raw != "" {
		hint, err := h.Issuer.ReadHint(raw)
		if err == nil && q.ClientID != "" && hint.Audience[0] != q.ClientID { // §2: they must match
			return nil, fail("The app that sent you here used an ID token that was issued to a different app.")
		}
		if err == nil { // a hint that is not the portal's ID token is ignored
			q.Hint, q.ClientID = hint, hint.Audience[0]
		}
	}
	client, ok := h.Clients.Client(r.Context(), q.ClientID)
	if !ok {
		q.ClientID = ""
		return q, nil
	}
	if uri := p.get("post_logout_redirect_uri"); client.AllowsPostLogout(uri) {
		q.Return = uri
	}
	return q, nil
}

// endSignIns ends the given sign-ins and this browser's session. It redirects only after they have ended.
func (h *Handlers) endSignIns(c echo.Context, q *logoutRequest, sids ...string) error {
	ctx := c.Request().Context()
	for _, sid := range sids {
		if sid == "" {
			continue
		}
		if err := revoke.Confirmed(h.Revoker.Revoke(ctx, revoke.Request{SID: sid, Reason: revoke.ByPerson, Client: q.ClientID})); err != nil {
			if errors.Is(err, session.ErrUnavailable) {
				return web.Unavailable(err)
			}
			return err
		}
	}
	if err := h.Sessions.End(ctx, c.Response(), c.Request()); err != nil {
		return web.Unavailable(err)
	}
	return h.redirectAfterLogout(c, q)
}

// redirectAfterLogout redirects to the client, with its state (§3), or to the portal's page.
func (h *Handlers) redirectAfterLogout(c echo.Context, q *logoutRequest) error {
	if q.Return == "" {
		noStore(c.Response().Header())
		return web.SeeOther(c, SignedOutPath)
	}
	if q.State == "" {
		noStore(c.Response().Header())
		return web.SeeOther(c, q.Return)
	}
	return answerRedirect(c, q.Return, url.Values{"state": {q.State}})
}

// logoutView is the confirmation page.
type logoutView struct {
	Shell  components.Shell
	Client string // name of the requesting client; "" if unknown
	Sub    string
	Name   string
	Email  string
	Fields [][2]string // the request's parameters, repeated in the form
}

func (h *Handlers) askToSignOut(c echo.Context, q *logoutRequest, rec *session.Record) error {
	v := logoutView{Shell: web.Shell(c, "Sign out"), Sub: rec.Subject, Name: rec.Name, Email: rec.Email}
	if client, ok := h.Clients.Client(c.Request().Context(), q.ClientID); ok {
		v.Client = client.Name
		web.FormActions(c, client.Origins()...)
	}
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"} {
		if value := q.sent.get(name); value != "" {
			v.Fields = append(v.Fields, [2]string{name, value})
		}
	}
	return web.Render(c, http.StatusOK, logoutPage(v))
}
