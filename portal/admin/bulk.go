package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"gatehouse.example/components"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const bulkPath = "/admin/people/bulk"

// maxBulk is the maximum number of people that one action may change, and maxBulkAtOnce the number that are changed
// concurrently: each waits for the confirmation of the servers.
const (
	maxBulk       = 50
	maxBulkAtOnce = 10
)

// bulkAction is an action on several people.
type bulkAction struct {
	key, button, kind, icon string
	request, done           string // with the number of people
}

var bulkActions = []bulkAction{
	{key: "ban", button: "Ban", kind: "quiet-danger", icon: "ban", request: "Ban %s", done: "%d of %s banned"},
	{key: "unban", button: "Lift the ban", kind: "secondary", icon: "lock-open", request: "Lift the ban of %s", done: "Ban lifted for %d of %s"},
	{key: "end", button: "Sign out everywhere", kind: "quiet-danger", icon: "log-out", request: "Sign out %s everywhere", done: "%d of %s signed out everywhere"},
}

// ask returns what the action does to n people: "Ban 2 people".
func (b bulkAction) ask(n int) string { return fmt.Sprintf(b.request, countPeople(n)) }

// bulkPerson is a selected person. Refusal says why the action can't be done to them; "" if it can.
type bulkPerson struct {
	User    store.User // only ID is set if there is no such user
	Self    bool
	State   personState
	Refusal string
}

// bulkResult is what became of a person. ReceiptURL is "" for an action without a receipt.
type bulkResult struct {
	bulkPerson
	Done, Failed bool
	Outcome      string
	ReceiptURL   string
}

type bulkView struct {
	frame
	banInput
	Action   bulkAction
	Possible []bulkPerson
	Refused  []bulkPerson
	URL      string // of the form, with everyone who was selected
	Back     string
}

type bulkDoneView struct {
	frame
	Action   bulkAction
	Results  []bulkResult
	RetryURL string // "" if nothing failed
	Back     string
}

// countPeople formats a number of people.
func countPeople(n int) string {
	if n == 1 {
		return "1 person"
	}
	return components.Count(n) + " people"
}

// bulkForm handles GET /admin/people/bulk with the parameters action, id (one for each person) and back, the query of
// the list from which they were selected.
func (a *Console) bulkForm(c echo.Context, me Admin) error {
	action, people, err := a.readBulk(c, me)
	if err != nil {
		return err
	}
	if len(people) == 0 {
		return web.RedirectWithFlash(c, "info", "Select at least one person.", bulkBack(c))
	}
	return a.showBulk(c, http.StatusOK, bulkView{Action: action, banInput: a.banDraft(c)}, people)
}

func (a *Console) showBulk(c echo.Context, status int, view bulkView, people []bulkPerson) error {
	for _, p := range people {
		if p.Refusal == "" {
			view.Possible = append(view.Possible, p)
		} else {
			view.Refused = append(view.Refused, p)
		}
	}
	view.Tomorrow, view.Back, view.URL = a.tomorrow(), bulkBack(c), bulkURL(c, view.Action, people)
	title, lead := view.Action.ask(len(view.Possible))+"?", "Nothing changes until you confirm below."
	if len(view.Possible) == 0 {
		title, lead = view.Action.button+": not possible", "This can't be done to the people that you selected."
	}
	view.frame = a.frame(c, title, lead, "people", components.NavItem{Label: "People", URL: peoplePath})
	return web.Render(c, status, bulkPage(view))
}

// bulk handles POST /admin/people/bulk with the parameters of bulkForm and, for a ban, the fields of ban. Each person's
// action is a transaction of its own: one that fails does not stop the others. Sending the form twice changes nothing
// the second time, because each transaction checks the person's state.
func (a *Console) bulk(c echo.Context, me Admin) error {
	action, people, err := a.readBulk(c, me)
	if err != nil {
		return err
	}
	if len(people) == 0 {
		return web.RedirectWithFlash(c, "info", "Select at least one person.", bulkBack(c))
	}
	act := a.endAllSignIns
	switch action.key {
	case "ban":
		in, reason, until, err := a.readBan(c)
		if err != nil {
			return err
		}
		if len(in.Faults) > 0 {
			return a.showBulk(c, http.StatusUnprocessableEntity, bulkView{Action: action, banInput: in}, people)
		}
		act = func(c echo.Context, me Admin, u store.User) (revoke.Receipt, error) {
			return a.banUser(c, me, u, reason, until)
		}
	case "unban":
		act = func(c echo.Context, me Admin, u store.User) (revoke.Receipt, error) {
			return revoke.Receipt{Confirmed: true}, a.unbanUser(c, me, u)
		}
	}
	results := make([]bulkResult, len(people))
	var group errgroup.Group
	group.SetLimit(maxBulkAtOnce)
	for i, p := range people {
		group.Go(func() error {
			results[i] = a.bulkOne(c, me, action, p, act)
			return nil
		})
	}
	_ = group.Wait() // no error
	return a.showBulkDone(c, action, results)
}

// bulkOne does the action to one person.
func (a *Console) bulkOne(
	c echo.Context, me Admin, action bulkAction, p bulkPerson, act func(echo.Context, Admin, store.User) (revoke.Receipt, error),
) bulkResult {
	r := bulkResult{bulkPerson: p, Outcome: p.Refusal}
	if p.Refusal != "" {
		return r
	}
	err := c.Request().Context().Err()
	var done revoke.Receipt
	if err == nil {
		done, err = act(c, me, p.User)
	}
	switch {
	case err == nil:
		r.Done = true
		if done.ID != "" {
			r.ReceiptURL = receiptURL(done.ID)
		}
		if !done.Confirmed {
			r.Outcome = "Not every server has confirmed yet"
		}
	case errors.Is(err, store.ErrBanned):
		r.Outcome = "Already banned"
	case errors.Is(err, store.ErrNotBanned):
		r.Outcome = "Not banned"
	case errors.Is(err, store.ErrLastAdmin):
		r.Outcome = "The only administrator who can sign in"
	case errors.Is(err, store.ErrNotFound):
		r.Outcome = "Deleted account"
	case errors.Is(err, store.ErrEnded) && p.Self:
		r.Outcome = "Not signed in anywhere else"
	case errors.Is(err, store.ErrEnded):
		r.Outcome = "Not signed in"
	default:
		r.Failed, r.Outcome = true, "Nothing was changed because of an error on our side"
		if errors.Is(err, context.DeadlineExceeded) {
			r.Outcome = "Nothing was changed because it took too long"
		}
		a.Logger.Error("a bulk action failed for a user", "action", action.key, "user", p.User.ID, "error", err, "request_id", web.RequestID(c))
	}
	return r
}

func (a *Console) showBulkDone(c echo.Context, action bulkAction, results []bulkResult) error {
	done, failed := 0, []bulkPerson(nil)
	for _, r := range results {
		if r.Done {
			done++
		}
		if r.Failed {
			failed = append(failed, r.bulkPerson)
		}
	}
	view := bulkDoneView{Action: action, Results: results, Back: bulkBack(c)}
	lead := "Each change has its own row in the audit log."
	if done == 0 {
		lead = "Nothing was changed."
	}
	if len(failed) > 0 {
		view.RetryURL = bulkURL(c, action, failed)
		lead = fmt.Sprintf("Something went wrong for %s. You can try again for them.", countPeople(len(failed)))
	}
	title := fmt.Sprintf(action.done, done, countPeople(len(results)))
	view.frame = a.frame(c, title, lead, "people", components.NavItem{Label: "People", URL: peoplePath})
	return web.Render(c, http.StatusOK, bulkDonePage(view))
}

// readBulk returns the action and the people of the request's URL, in the order of their names. It returns a 422 error
// for an unknown action and for more than maxBulk people.
func (a *Console) readBulk(c echo.Context, me Admin) (bulkAction, []bulkPerson, error) {
	params := c.QueryParams()
	i := slices.IndexFunc(bulkActions, func(b bulkAction) bool { return b.key == params.Get("action") })
	if i < 0 {
		return bulkAction{}, nil, web.Invalid("Choose what to do with the people that you selected.").WithTitle("No such action")
	}
	var ids, valid []string
	seen := map[string]bool{}
	for _, id := range params["id"] {
		if !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
	}
	if len(ids) > maxBulk {
		return bulkAction{}, nil, web.Invalid(fmt.Sprintf("You selected %s people. Go back and select at most %d at a time.",
			components.Count(len(ids)), maxBulk)).WithTitle("Too many people")
	}
	for _, id := range ids {
		if isID(id) {
			valid = append(valid, id)
		}
	}
	users, err := a.Store.UsersByID(c.Request().Context(), valid)
	if err != nil {
		return bulkAction{}, nil, err
	}
	slices.SortFunc(users, func(u, v store.User) int { return cmp.Or(cmp.Compare(u.Name, v.Name), cmp.Compare(u.ID, v.ID)) })
	var people []bulkPerson
	for _, u := range users {
		p := bulkPerson{User: u, Self: u.ID == me.ID, State: personStateOf(u, a.Now())}
		p.Refusal = p.refusal(bulkActions[i], a.Now())
		people, seen[u.ID] = append(people, p), false
	}
	for _, id := range ids {
		if seen[id] {
			people = append(people, bulkPerson{User: store.User{ID: id}, Refusal: "No account has this ID"})
		}
	}
	return bulkActions[i], people, nil
}

// refusal returns why the action can't be done to p, or "". Whether p is the last administrator is up to the
// transaction: before it, the administrator who asks is another one.
func (p bulkPerson) refusal(action bulkAction, now time.Time) string {
	switch {
	case p.State.Deleted:
		return "Deleted account"
	case action.key == "ban" && p.Self:
		return "Your own account"
	case action.key == "ban" && p.User.Disabled(now):
		return "Already banned"
	case action.key == "unban" && !p.User.Disabled(now):
		return "Not banned"
	}
	return ""
}

// bulkBack returns the list from which the people were selected.
func bulkBack(c echo.Context) string {
	back, _ := url.ParseQuery(c.QueryParam("back"))
	return parsePeopleQuery(back).here()
}

// bulkURL returns the URL of an action on people. The people are in the URL of the form, too, so that they are still
// selected after the password was asked for.
func bulkURL(c echo.Context, action bulkAction, people []bulkPerson) string {
	q := url.Values{"action": {action.key}, "back": {queryOf(bulkBack(c))}}
	for _, p := range people {
		q.Add("id", p.User.ID)
	}
	return bulkPath + "?" + q.Encode()
}
