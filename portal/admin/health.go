package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const healthPath = "/admin/health"

// maxNamesShown is how many servers a check names.
const maxNamesShown = 5

type healthView struct {
	frame
	Checks []healthCheck
	Bad    int // checks that found something
}

// healthCheck is the result of one check. Kind is success, warning or error.
type healthCheck struct {
	Name, Kind string
	Found      string // what the check found
	Advice     string // what to do about it; "" if nothing
	URL        string // the page with the details, "" for none
}

// health handles GET /admin/health: it shows what works, and what to do about the rest.
func (a *Console) health(c echo.Context, _ Admin) error {
	ctx := c.Request().Context()
	tallies, err := a.tallies(ctx)
	if err != nil {
		return err
	}
	missing, err := a.missingKeys(ctx)
	if err != nil {
		return err
	}
	view := healthView{Checks: healthChecks(a.loadFleetState(ctx), tallies, missing)}
	for _, check := range view.Checks {
		if check.Kind != "success" {
			view.Bad++
		}
	}
	view.frame = a.frame(c, "Health", "What works, and what to do about the rest.", "health")
	view.Head.Actions = pulse(healthPath)
	return web.Render(c, http.StatusOK, healthPage(view), healthList(view))
}

// missingKeys returns the algorithms without an active signing key.
func (a *Console) missingKeys(ctx context.Context) ([]string, error) {
	all, err := a.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(keys.Algorithms), func(alg string) bool {
		return slices.ContainsFunc(all, func(k keys.Info) bool { return k.Algorithm == alg && k.State == keys.Active })
	}), nil
}

// healthChecks returns the result of each check. A state that Redis would tell is left out while Redis is unavailable.
func healthChecks(fleet fleetState, t store.Counts, missingKeys []string) []healthCheck {
	list := []healthCheck{{Name: "Database", Kind: "success", Found: "It responds."}}
	if fleet.Away != "" {
		list = append(list, healthCheck{
			Name: "Redis", Kind: "error", Found: fleet.Away,
			Advice: "Check that Redis runs, that the servers' Redis URL is right, and that nothing blocks the network between them.",
		})
	} else {
		list = append(list, healthCheck{Name: "Redis", Kind: "success", Found: "It responds."}, denylistCheck(fleet, t), serverCheck(fleet), versionCheck(fleet))
	}
	return append(list, deliveryCheck(t), keyCheck(missingKeys))
}

func denylistCheck(fleet fleetState, t store.Counts) healthCheck {
	check := healthCheck{Name: "Denylist", Kind: "success", Found: "It's complete, and every server can read it.", URL: denylistPath}
	entries, servers := fleet.unreadable()
	switch {
	case fleet.State.Epoch == "":
		check.Kind, check.Found = "error", "Redis has lost its data. Until the denylist is restored, every server refuses signed-in requests."
		check.Advice = "Wait a few seconds: the portal restores it from its database. If that takes longer than a minute, look at the portal's log."
	case entries > 0:
		check.Kind, check.Found = "error", fmt.Sprintf("%s can't be read by %s, which may accept what they revoke.",
			components.Plural(int(entries), "entry", "entries"), components.Plural(servers, "server", "servers"))
		check.Advice = "Look at those servers' logs, and bring them to the version of the portal."
	case t.Waiting > 0:
		check.Kind, check.Found = "warning", formatCount(t.Waiting)+" entries are in the database, but not in Redis yet."
		check.Advice = "Wait a few seconds: the portal writes them as soon as it can. If the number doesn't fall, look at the portal's log."
	}
	return check
}

func serverCheck(fleet fleetState) healthCheck {
	check := healthCheck{Name: "Servers", Kind: "success", URL: serversPath}
	silent, late := fleet.names(unreachable), fleet.names(behind, loading)
	switch {
	case len(silent) > 0:
		check.Kind, check.Found = "error", components.Plural(len(silent), "server isn't", "servers aren't")+" responding: "+listNames(silent)+"."
		check.Advice = "Check that they run and can reach Redis. One that you stopped leaves the list after a minute."
	case len(late) > 0:
		check.Kind, check.Found = "warning", components.Plural(len(late), "server is", "servers are")+" catching up: "+listNames(late)+"."
		check.Advice = "Wait a few seconds. If it lasts longer than a minute, check their connection to Redis, then restart them."
	case len(fleet.Replicas) == 0:
		check.Kind, check.Found = "warning", "No server has reported yet."
		check.Advice = "Wait a few seconds. If none appears, check that the servers use the same Redis as the portal."
	default:
		check.Found = components.Plural(len(fleet.Replicas), "server is", "servers are") + " healthy."
	}
	return check
}

func versionCheck(fleet fleetState) healthCheck {
	var versions []string
	for _, r := range fleet.Replicas {
		if r.Version != "" && !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
		}
	}
	slices.Sort(versions)
	check := healthCheck{Name: "Versions", Kind: "success", Found: "Every server runs the same version.", URL: serversPath}
	if len(versions) > 1 {
		check.Kind, check.Found = "warning", "Servers run different versions: "+listNames(versions)+"."
		check.Advice = "Finish the deployment: replace the servers with the older version."
	}
	return check
}

func deliveryCheck(t store.Counts) healthCheck {
	check := healthCheck{Name: "Deliveries", Kind: "success", Found: "No sign-out notice has failed.", URL: deliveriesPath}
	if t.GivenUp > 0 {
		check.Kind, check.Found = "warning", formatCount(t.GivenUp)+" sign-out notices failed after many tries."
		check.Advice = "Check that the app runs and that its back-channel logout address is right, then resend them."
	}
	return check
}

func keyCheck(missing []string) healthCheck {
	check := healthCheck{Name: "Signing keys", Kind: "success", Found: "Each algorithm has an active key.", URL: keysPath}
	if len(missing) > 0 {
		check.Kind, check.Found = "error", "No active key for "+strings.Join(missing, " and ")+", so people can't sign in to apps."
		check.Advice = "Rotate the key, then activate the new one."
	}
	return check
}

// names returns the names of the replicas that are in one of the states.
func (fleet fleetState) names(states ...string) (list []string) {
	for _, r := range fleet.Replicas {
		if slices.Contains(states, fleet.stateOf(r)) {
			list = append(list, r.Name)
		}
	}
	return list
}

// listNames joins the first names: "shop-1, shop-2 and 3 more".
func listNames(names []string) string {
	if more := len(names) - maxNamesShown; more > 0 {
		return strings.Join(names[:maxNamesShown], ", ") + " and " + components.Count(more) + " more"
	}
	return strings.Join(names, ", ")
}
