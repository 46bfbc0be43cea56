package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/keys"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/web"
)

const keysPath = "/admin/keys"

// believedFor is how long the page shows which replicas know a key after it was withdrawn or activated.
const believedFor = time.Hour

type keysView struct {
	frame
	Away   string
	Rotate []string // algorithms without a next key
	Keys   []signingKey
}

// signingKey is a key and the replicas that know it. Seen is set for a next key, and for one that was withdrawn or
// activated within believedFor; it is nil for the others.
type signingKey struct {
	keys.Info
	Seen *seen
}

func (k signingKey) url(act string) string { return keysPath + "/" + url.PathEscape(k.KID) + "/" + act }

// seen lists which of the active replicas know a key.
type seen struct {
	With, Without []string // names of replicas
}

func (s *seen) all() int { return len(s.With) + len(s.Without) }

// everybody reports whether there are replicas and all of them know the key.
func (s *seen) everybody() bool { return len(s.With) > 0 && len(s.Without) == 0 }

// who returns which replicas know the key. It skips silent replicas, since they refuse every session.
func who(kid string, replicas []denylist.Replica) *seen {
	s := &seen{}
	for _, r := range replicas {
		switch {
		case r.Silent:
		case slices.Contains(r.KIDs, kid):
			s.With = append(s.With, r.Name)
		default:
			s.Without = append(s.Without, r.Name)
		}
	}
	slices.SortFunc(s.With, natural)
	slices.SortFunc(s.Without, natural)
	return s
}

// listKeys handles GET /admin/keys.
func (a *Console) listKeys(c echo.Context, _ Admin) error {
	list, err := a.Keys.List(c.Request().Context())
	if err != nil {
		return err
	}
	h := a.house(c.Request().Context())
	view := keysView{Away: h.Away}
	for _, alg := range keys.Algorithms {
		if !slices.ContainsFunc(list, func(k keys.Info) bool { return k.Algorithm == alg && k.State == keys.Next }) {
			view.Rotate = append(view.Rotate, alg)
		}
	}
	for _, info := range list {
		k := signingKey{Info: info}
		recently := h.Now.Add(-believedFor)
		if h.Away == "" && (info.State == keys.Next || info.WithdrawnAt.After(recently) || (info.State == keys.Active && info.ActivatedAt.After(recently))) {
			k.Seen = who(info.KID, h.Replicas)
		}
		view.Keys = append(view.Keys, k)
	}
	slices.SortStableFunc(view.Keys, func(x, y signingKey) int { return order(x.State) - order(y.State) })
	view.frame = a.frame(c, "Keys", "The portal signs tokens with these keys. The public keys are published for apps.", "keys")
	view.Head.Actions = pulse(keysPath)
	return web.Render(c, http.StatusOK, keysPage(view), keyList(view))
}

func order(s keys.State) int {
	return slices.Index([]keys.State{keys.Next, keys.Active, keys.Old, keys.Retired, keys.Withdrawn}, s)
}

// rotateKey handles POST /admin/keys/rotate with the field alg.
func (a *Console) rotateKey(c echo.Context, me Admin) error {
	alg := c.FormValue("alg")
	k, err := a.Keys.Rotate(c.Request().Context(), alg, a.aboutKey(c, me, "key.rotated"))
	switch {
	case errors.Is(err, keys.ErrAlgorithm):
		return web.Invalid("Choose " + strings.Join(keys.Algorithms, " or ") + " as the algorithm.")
	case errors.Is(err, keys.ErrPending):
		return moved(c, "There's already a next key for "+alg+".", keysPath)
	case err != nil:
		return err
	}
	web.Flash(c, "success", fmt.Sprintf("The next %s key is published. It starts signing in %s.", k.Algorithm, span(k.ActivatesAt.Sub(a.Now()).Round(time.Minute))))
	return leadOn(c, keysPath)
}

// aboutKey returns a function that makes the audit row of an action on a key.
func (a *Console) aboutKey(c echo.Context, me Admin, action string) keys.Note {
	return func(k keys.Info) store.Change {
		detail := map[string]any{"algorithm": k.Algorithm}
		if !k.ActivatesAt.IsZero() {
			detail["signs_from"] = k.ActivatesAt.UTC().Format(time.RFC3339)
		}
		return a.audit(c, me, action, "key", k.KID, k.Algorithm, detail)
	}
}

// askKeyView is a page that asks for confirmation before a key is changed.
type askKeyView struct {
	frame
	signingKey
	Action string
	Fault  string // why the key was not changed
	Away   string // why it is unknown which replicas know the key
}

// askKey returns the view of a confirmation page for the key that the path names. title has a placeholder for the
// key's algorithm.
func (a *Console) askKey(c echo.Context, title, act string) (askKeyView, error) {
	info, err := a.Keys.Find(c.Request().Context(), param(c, "kid"))
	if errors.Is(err, keys.ErrChanged) {
		return askKeyView{}, web.NotFound("This key")
	}
	if err != nil {
		return askKeyView{}, err
	}
	h := a.house(c.Request().Context())
	view := askKeyView{signingKey: signingKey{Info: info}, Away: h.Away}
	if h.Away == "" {
		view.Seen = who(info.KID, h.Replicas)
	}
	view.Action = view.url(act)
	view.frame = a.frame(c, fmt.Sprintf(title, info.Algorithm), "", "keys", components.NavItem{Label: "Keys", URL: keysPath})
	return view, nil
}

// askActivate handles GET /admin/keys/:kid/activate.
func (a *Console) askActivate(c echo.Context, _ Admin) error {
	view, err := a.askKey(c, "Activate the next %s key now?", "activate")
	switch {
	case err != nil:
		return err
	case view.State != keys.Next:
		return moved(c, "That key is no longer a next key.", keysPath)
	}
	return web.Render(c, http.StatusOK, activatePage(view))
}

// activateKey handles POST /admin/keys/:kid/activate. The field anyway=yes activates a key that some replica may not
// know.
func (a *Console) activateKey(c echo.Context, me Admin) error {
	view, err := a.askKey(c, "Activate the next %s key now?", "activate")
	if err != nil {
		return err
	}
	if view.State == keys.Next && (view.Seen == nil || !view.Seen.everybody()) && c.FormValue("anyway") != "yes" {
		view.Fault = "Some servers may not have the key yet. Wait a moment, or tick the box."
		return web.Render(c, http.StatusConflict, activatePage(view))
	}
	note := a.aboutKey(c, me, "key.activated")
	if view.Seen == nil || !view.Seen.everybody() {
		note = a.aboutKey(c, me, "key.activated_unseen")
	}
	k, err := a.Keys.Activate(c.Request().Context(), view.KID, note)
	if errors.Is(err, keys.ErrChanged) {
		return moved(c, "That key is no longer a next key.", keysPath)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "success", "The new "+k.Algorithm+" key is now signing.")
	return leadOn(c, keysPath)
}

// askWithdraw handles GET /admin/keys/:kid/withdraw.
func (a *Console) askWithdraw(c echo.Context, _ Admin) error {
	view, err := a.askKey(c, "Withdraw this %s key?", "withdraw")
	switch {
	case err != nil:
		return err
	case view.State == keys.Withdrawn:
		return moved(c, "That key is already withdrawn.", keysPath)
	}
	return web.Render(c, http.StatusOK, withdrawPage(view))
}

// withdrawKey handles POST /admin/keys/:kid/withdraw.
func (a *Console) withdrawKey(c echo.Context, me Admin) error {
	k, err := a.Keys.Withdraw(c.Request().Context(), param(c, "kid"), a.aboutKey(c, me, "key.withdrawn"))
	if errors.Is(err, keys.ErrChanged) || errors.Is(err, keys.ErrPending) {
		return moved(c, "That key is already withdrawn, or has just become active. Check the list.", keysPath)
	}
	if err != nil {
		return err
	}
	web.Flash(c, "success", "The "+k.Algorithm+" key was withdrawn. Servers stop accepting it within a minute. The list shows which still do.")
	return leadOn(c, keysPath)
}
