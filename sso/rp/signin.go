package rp

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse.example/sso/returnto"
)

// guestLife is how long the provider is not asked again about a guest who moves within the app.
const guestLife = 30 * time.Second

// signIn handles GET /auth/sign-in: it redirects to the provider, to return to return_to afterwards. A signed-in user
// is redirected to return_to at once, unless again=1.
func (a *RP) signIn(w http.ResponseWriter, r *http.Request) error {
	to := returnto.Or(r.URL.Query().Get("return_to"), "/")
	s := stateOf(r.Context())
	switch {
	case s.err != nil:
		return unavailable(w, s.err)
	case s.identity != nil && r.URL.Query().Get("again") != "1":
		return redirect(w, http.StatusSeeOther, to)
	}
	target, err := a.authorizeURL(w, r, &flow{ReturnTo: to})
	if err != nil {
		return unavailable(w, err)
	}
	return redirect(w, http.StatusFound, target)
}

// sendToSignIn answers a guest's request for a protected page. It redirects to sign-in, or answers 409 with a button if
// the browser does not return the session it was just given, to avoid a redirect loop.
func (a *RP) sendToSignIn(w http.ResponseWriter, r *http.Request) error {
	fl := &flow{ReturnTo: returnto.Or(r.URL.RequestURI(), "/")}
	htmx := r.Header.Get("HX-Request") == "true"
	if htmx || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		// A GET of this address has no page: return to the page with the form.
		fl.ReturnTo = a.referringPage(r)
	}
	if stateOf(r.Context()).conflict {
		return offerSignIn(fl.ReturnTo, "This browser has sessions of two different people, so we can't tell which to use. Sign in again to continue.")
	}
	if a.sessions.TakeIssued(w, r) {
		return offerSignIn(fl.ReturnTo, "You signed in, but your browser didn't send the session cookie back. "+
			"Allow cookies for this site, or delete its old ones, and sign in again.")
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if err := r.ParseForm(); err != nil {
			return badResponse("We couldn't read the form. Go back, reload the page and try again.", err)
		}
		var err error
		if fl.Draft, err = a.flows.keepDraft(r.Context(), a.ClientIP(r), r.PostForm); err != nil {
			return unavailable(w, err) // the form is still on the page
		}
	}
	return a.redirectToProvider(w, r, fl)
}

// redirectToProvider starts fl and redirects the browser to the provider, also from an htmx request.
func (a *RP) redirectToProvider(w http.ResponseWriter, r *http.Request, fl *flow) error {
	target, err := a.authorizeURL(w, r, fl)
	if err != nil {
		return unavailable(w, err)
	}
	if r.Header.Get("HX-Request") == "true" {
		w.Header().Set("HX-Redirect", target)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	status := http.StatusFound
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusSeeOther
	}
	return redirect(w, status, target)
}

// signInOffer is the cause of an error whose page offers to sign in again.
type signInOffer struct{ returnTo string }

func (*signInOffer) Error() string { return "rp: the browser must sign in again" }

// Offer returns the page's title, and the label and address of its button.
func (o *signInOffer) Offer() (title, label, address string) {
	return "Please sign in again", "Sign in again", SignInPath + "?" + url.Values{"again": {"1"}, "return_to": {o.returnTo}}.Encode()
}

// offerSignIn returns a 409 error whose page leads to sign-in and back to returnTo.
func offerSignIn(returnTo, message string) error {
	return &Error{Status: http.StatusConflict, Message: message, Err: &signInOffer{returnTo}}
}

// referringPage returns the address of this app's page from which a request was made, or "/" if it is unknown.
func (a *RP) referringPage(r *http.Request) string {
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

// authorizeURL begins a flow and returns the URL of its authorization request (OpenID Connect Core §3.1.2.1, RFC 7636
// §4.3).
func (a *RP) authorizeURL(w http.ResponseWriter, r *http.Request, fl *flow) (string, error) {
	meta, err := a.provider.metadata(r.Context())
	if err != nil {
		return "", err
	}
	state, err := a.flows.startFlow(w, r, fl)
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
	if fl.MaxAge > 0 {
		q.Set("max_age", strconv.Itoa(int(fl.MaxAge/time.Second)))
	}
	sep := "?"
	if strings.Contains(meta.AuthorizationEndpoint, "?") {
		sep = "&"
	}
	return meta.AuthorizationEndpoint + sep + q.Encode(), nil
}

// scopes returns the scopes to request, without those that the provider does not list as supported.
func (a *RP) scopes(meta *metadata) []string {
	wanted := a.Scopes
	if wanted == nil {
		wanted = []string{"profile", "email", "roles"}
		if meta.BackchannelOffline {
			wanted = append(wanted, "offline_access")
		}
	}
	scopes := []string{"openid"}
	for _, s := range wanted {
		if s != "openid" && (len(meta.Scopes) == 0 || slices.Contains(meta.Scopes, s)) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// mayAskSilently reports whether this request is a guest's navigation from outside the app, so that the provider should
// be asked, without showing a page, whether the browser is signed in there (prompt=none).
func (a *RP) mayAskSilently(w http.ResponseWriter, r *http.Request) bool {
	h := r.Header
	if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/auth/") || strings.HasPrefix(r.URL.Path, "/api/") ||
		h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document" {
		return false
	}
	switch h.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site": // a link from a sibling app or another site
	case "none": // typed, or a bookmark
	default:
		return false
	}
	// The marks of an answer that came just now: "no, a guest".
	marks := a.flows.cookieValues(r, "guest", func(v string) bool { return v == guestArriving || v == guestKnown })
	if slices.Contains(marks, guestArriving) {
		a.flows.setCookie(w, "guest", guestKnown, guestLife)
		return false
	}
	return len(marks) == 0 || h.Get("Sec-Fetch-Site") != "none"
}

const (
	guestArriving = "1" // the next navigation comes from the provider's response
	guestKnown    = "2"
)

// silentSignInURL returns the URL of a silent sign-in, or "" if the provider can't be asked: the public page is then
// shown without a sign-in.
func (a *RP) silentSignInURL(w http.ResponseWriter, r *http.Request) string {
	target, err := a.authorizeURL(w, r, &flow{ReturnTo: returnto.Or(r.URL.RequestURI(), "/"), Silent: true})
	if err != nil {
		a.Logger.Warn("cannot try a silent sign-in", "error", err)
		return ""
	}
	return target
}
