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

	"gatehouse.example/components"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

const keysPath = "/admin/keys"

// keySeenPeriod is how long the page shows which replicas know a key after it was withdrawn or activated.
const keySeenPeriod = time.Hour

type keysView struct {
	frame
	Away   string
	Rotate []string // algorithms without a next key
	Keys   []signingKey
}

// signingKey is a key and the replicas that know it. Seen is set for a next key, and for one that was withdrawn or
// activated within keySeenPeriod; it is nil for the others.
type signingKey struct {
	keys.Info
	Seen *keyReplicas
}

func (k signingKey) url(act string) string { return keysPath + "/" + url.PathEscape(k.KID) + "/" + act }

// keyReplicas lists which of the active replicas know a key.
type keyReplicas struct {
	With, Without []string // names of replicas
}

func (s *keyReplicas) all() int { return len(s.With) + len(s.Without) }

// everybody reports whether there are replicas and all of them know the key.
func (s *keyReplicas) everybody() bool { return len(s.With) > 0 && len(s.Without) == 0 }

// replicasWithKey returns which replicas know the key. It skips silent replicas, since they refuse every session.
func replicasWithKey(kid string, replicas []denylist.Replica) *keyReplicas {
	s := &keyReplicas{}
	for _, r := range replicas {
		switch {
		case r.Silent:
		case slices.Contains(r.KIDs, kid):
			s.With = append(s.With, r.Name)
		default:
			s.Without = append(s.Without, r.Name)
		}
	}
	slices.SortFunc(s.With, compareNames)
	slices.SortFunc(s.Without, compareNames)
	return s
}

// listKeys handles GET /admin/keys.
func (a *Console) listKeys(c echo.Context, _ Admin) error {
	list, err := a.Keys.List(c.Request().Context())
	if err != nil {
		return err
	}
	fleet := a.loadFleetState(c.Request().Context())
	view := keysView{Away: fleet.Away}
	for _, alg := range keys.Algorithms {
		if !slices.ContainsFunc(list, func(k keys.Info) bool { return k.Algorithm == alg && k.State == keys.Next }) {
			view.Rotate = append(view.Rotate, alg)
		}
	}
	for _, info := range list {
		k := signingKey{Info: info}
		recently := fleet.Now.Add(-keySeenPeriod)
		if fleet.Away == "" && (info.State == keys.Next || info.WithdrawnAt.After(recently) || (info.State == keys.Active && info.ActivatedAt.After(recently))) {
			k.Seen = replicasWithKey(info.KID, fleet.Replicas)
		}
		view.Keys = append(view.Keys, k)
	}
	slices.SortStableFunc(view.Keys, func(x, y signingKey) int { return stateOrder(x.State) - stateOrder(y.State) })
	view.frame = a.frame(c, "Keys", "The portal signs tokens with these keys. The public keys are published for apps.", "keys")
	view.Head.Actions = pulse(keysPath)
	return web.Render(c, http.StatusOK, keysPage(view), keyList(view))
}

func stateOrder(s keys.State) int {
	return slices.Index([]keys.State{keys.Next, keys.Active, keys.Old, keys.Retired, keys.Withdrawn}, s)
}

// rotateKey handles POST /admin/keys/rotate with the field alg.
func (a *Console) rotateKey(c echo.Context, me Admin) error {
	alg := c.FormValue("alg")
	k, err := a.Keys.Rotate(c.Request().Context(), alg, a.auditKey(c, me, "key.rotated"))
	switch {
	case errors.Is(err, keys.ErrAlgorithm):
		return web.Invalid("Choose " + strings.Join(keys.Algorithms, " or ") + " as the algorithm.")
	case errors.Is(err, keys.ErrPending):
		return web.RedirectWithFlash(c, "info", "There's already a next key for "+alg+".", keysPath)
	case err != nil:
		return err
	}
	return web.RedirectWithFlash(c, "success", fmt.Sprintf("The next %s key is published. It starts signing in %s.", k.Algorithm, formatDuration(k.ActivatesAt.Sub(a.Now()).Round(time.Minute))), keysPath)
}

// auditKey returns a function that makes the audit row of an action on a key.
func (a *Console) auditKey(c echo.Context, me Admin, action string) keys.AuditFunc {
	return func(k keys.Info) store.Change {
		detail := map[string]any{"algorithm": k.Algorithm}
		if !k.ActivatesAt.IsZero() {
			detail["signs_from"] = k.ActivatesAt.UTC().Format(time.RFC3339)
		}
		return a.audit(c, me, action, "key", k.KID, k.Algorithm, detail)
	}
}

// keyQuestionView is a page that asks for confirmation before a key is changed.
type keyQuestionView struct {
	frame
	signingKey
	Action string
	Fault  string // why the key was not changed
	Away   string // why it is unknown which replicas know the key
}

// keyQuestion returns the view of a confirmation page for the key that the path names. title has a placeholder for the
// key's algorithm.
func (a *Console) keyQuestion(c echo.Context, title, act string) (keyQuestionView, error) {
	info, err := a.Keys.Find(c.Request().Context(), param(c, "kid"))
	if errors.Is(err, keys.ErrChanged) {
		return keyQuestionView{}, web.NotFound("This key")
	}
	if err != nil {
		return keyQuestionView{}, err
	}
	fleet := a.loadFleetState(c.Request().Context())
	view := keyQuestionView{signingKey: signingKey{Info: info}, Away: fleet.Away}
	if fleet.Away == "" {
		view.Seen = replicasWithKey(info.KID, fleet.Replicas)
	}
	view.Action = view.url(act)
	view.frame = a.frame(c, fmt.Sprintf(title, info.Algorithm), "", "keys", components.NavItem{Label: "Keys", URL: keysPath})
	return view, nil
}

// activateKeyForm handles GET /admin/keys/:kid/activate.
func (a *Console) activateKeyForm(c echo.Context, _ Admin) error {
	view, err := a.keyQuestion(c, "Activate the next %s key now?", "activate")
	switch {
	case err != nil:
		return err
	case view.State != keys.Next:
		return web.RedirectWithFlash(c, "info", "That key is no longer a next key.", keysPath)
	}
	return web.Render(c, http.StatusOK, activatePage(view))
}

// activateKey handles POST /admin/keys/:kid/activate. The field anyway=yes activates a key that some replica may not
// know.
func (a *Console) activateKey(c echo.Context, me Admin) error {
	view, err := a.keyQuestion(c, "Activate the next %s key now?", "activate")
	if err != nil {
		return err
	}
	if view.State == keys.Next && (view.Seen == nil || !view.Seen.everybody()) && c.FormValue("anyway") != "yes" {
		view.Fault = "Some servers may not have the key yet. Wait a moment, or tick the box."
		return web.Render(c, http.StatusConflict, activatePage(view))
	}
	note := a.auditKey(c, me, "key.activated")
	if view.Seen == nil || !view.Seen.everybody() {
		note = a.auditKey(c, me, "key.activated_unseen")
	}
	k, err := a.Keys.Activate(c.Request().Context(), view.KID, note)
	if errors.Is(err, keys.ErrChanged) {
		return web.RedirectWithFlash(c, "info", "That key is no longer a next key.", keysPath)
	}
	if err != nil {
		return err
	}
	return web.RedirectWithFlash(c, "success", "The new "+k.Algorithm+" key is now signing.", keysPath)
}

// withdrawKeyForm handles GET /admin/keys/:kid/withdraw.
func (a *Console) withdrawKeyForm(c echo.Context, _ Admin) error {
	view, err := a.keyQuestion(c, "Withdraw this %s key?", "withdraw")
	switch {
	case err != nil:
		return err
	case view.State == keys.Withdrawn:
		return web.RedirectWithFlash(c, "info", "That key is already withdrawn.", keysPath)
	}
	return web.Render(c, http.StatusOK, withdrawPage(view))
}

// withdrawKey handles POST /admin/keys/:kid/withdraw.
func (a *Console) withdrawKey(c echo.Context, me Admin) error {
	k, err := a.Keys.Withdraw(c.Request().Context(), param(c, "kid"), a.auditKey(c, me, "key.withdrawn"))
	if errors.Is(err, keys.ErrChanged) || errors.Is(err, keys.ErrPending) {
		return web.RedirectWithFlash(c, "info", "That key is already withdrawn, or has just become active. Check the list.", keysPath)
	}
	if err != nil {
		return err
	}
	return web.RedirectWithFlash(c, "success", "The "+k.Algorithm+" key was withdrawn. Servers stop accepting it within a minute. The list shows which still do.", keysPath)
}
