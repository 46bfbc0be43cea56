package components_test

import (
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"gatehouse.example/components"
)

// render draws a component with text as its child.
func render(t *testing.T, c templ.Component, child string) string {
	t.Helper()
	ctx := templ.WithChildren(t.Context(), templ.Raw(child))
	var b strings.Builder
	if err := c.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements parses a page and gives each element with the named attributes.
func elements(t *testing.T, page, tag string) []map[string]string {
	t.Helper()
	var found []map[string]string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				t.Fatal(z.Err())
			}
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if token.Data != tag {
				continue
			}
			attrs := map[string]string{}
			for _, a := range token.Attr {
				if _, twice := attrs[a.Key]; twice {
					t.Errorf("<%s> has %s twice", tag, a.Key)
				}
				attrs[a.Key] = a.Val
			}
			found = append(found, attrs)
		}
	}
}

func shell() components.Shell {
	apps := []components.App{
		{Key: "portal", Name: "Portal", URL: "http://portal.localhost:8080", Tagline: "Your account"},
		{Key: "shop", Name: "Shop", URL: "http://shop.localhost:8080", Tagline: "Good things"},
	}
	return components.Shell{
		Title: "Orders", App: apps[1], Apps: apps, Person: &components.Person{Name: "Alice Demo", Email: "alice@example.com", Roles: []string{"customer"}},
		SignOutAction: "/auth/sign-out", ProfileURL: "http://portal.localhost:8080/profile", Theme: "dark", Path: "/orders?page=2",
		Replica: "shop-2", RequestID: "r-1", Toasts: []components.Toast{{Kind: "success", Message: "Saved"}},
		Nav:    []components.NavItem{{Label: "Orders", URL: "/orders", Current: true}},
		Search: &components.Search{Action: "/search", Name: "q", Placeholder: "Search products", Target: "#results"},
	}
}

func TestPage_ShowsThePersonAndTheReplica(t *testing.T) {
	page := render(t, components.Page(shell()), "<h1>Orders</h1>")
	for _, want := range []string{
		"<!doctype html>", "<title>Orders · Gatehouse Shop</title>", `data-app="shop"`, `data-theme="dark"`, "<h1>Orders</h1>", "Alice Demo", "alice@example.com", "customer",
		`action="/auth/sign-out"`, "<strong data-replica>shop-2</strong>", "<code>r-1</code>", "Saved", `name="return_to" value="/orders?page=2"`, `hx-target="#results"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "Sign in") {
		t.Error("someone who is signed in is asked to sign in")
	}
}

func TestPage_OfAGuest(t *testing.T) {
	s := shell()
	s.Person, s.SignInURL, s.Theme, s.Search = nil, "/auth/sign-in?return_to=%2Forders", "", nil
	page := render(t, components.Page(s), "")
	if !strings.Contains(page, `href="/auth/sign-in?return_to=%2Forders"`) || strings.Contains(page, "Sign out") {
		t.Error("a guest is not offered to sign in, or is offered to sign out")
	}
	if strings.Contains(page, "data-theme=\"") {
		t.Error("without a choice the browser's preference must decide")
	}
	s.Unavailable = true
	if page = render(t, components.Page(s), ""); strings.Contains(page, "Sign in") || !strings.Contains(page, "Account unavailable") {
		t.Error("where nobody can tell who this is, the header must not say guest")
	}
}

func TestPage_EscapesWhatPeopleWrite(t *testing.T) {
	s := shell()
	const evil = `"><script>alert(1)</script>`
	s.Title, s.Path, s.Person.Name, s.RequestID, s.Search.Value, s.Toasts[0].Message = evil, evil, evil, evil, evil, evil
	s.Nav[0].URL = "javascript:alert(1)"
	page := render(t, components.Page(s), "")
	if strings.Contains(page, "<script>") || strings.Contains(page, "javascript:") {
		t.Error("markup came through")
	}
}

func TestField_WiresHintAndError(t *testing.T) {
	page := render(t, components.Field(components.FieldView{
		Label: "Email", Name: "email", Type: "email", Value: `a"b`, Hint: "For the receipt.", Error: "Enter an address.", Required: true,
	}), "")
	input := elements(t, page, "input")[0]
	for key, want := range map[string]string{
		"id": "email", "type": "email", "value": `a"b`, "aria-invalid": "true", "aria-describedby": "email-error email-hint", "required": "",
	} {
		if got, ok := input[key]; !ok || got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if elements(t, page, "label")[0]["for"] != "email" {
		t.Error("the label is not the field's")
	}
	plain := elements(t, render(t, components.Field(components.FieldView{Label: "Name", Name: "name"}), ""), "input")[0]
	for _, key := range []string{"aria-invalid", "aria-describedby", "required", "maxlength"} {
		if _, ok := plain[key]; ok {
			t.Errorf("a plain field has %s", key)
		}
	}
}

func TestField_NeverGivesAPasswordBack(t *testing.T) {
	page := render(t, components.Field(components.FieldView{Label: "Password", Name: "password", Type: "password", Value: "secret"}), "")
	if strings.Contains(page, "secret") {
		t.Error("the password is in the page")
	}
}

func TestTextArea_KeepsItsTextExactly(t *testing.T) {
	for _, text := range []string{"plain", "\nan empty first line", "  spaces\n\nand lines  ", "</textarea><script>"} {
		page := render(t, components.TextArea(components.TextAreaView{Label: "Body", Name: "body", Value: text}), "")
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for n := range doc.Descendants() {
			if n.Type == html.TextNode && n.Parent.Data == "textarea" {
				got = n.Data
			}
		}
		if got != text {
			t.Errorf("wrote %q, the browser reads %q", text, got)
		}
	}
}

func TestSelect_ChoosesTheValueAndGroups(t *testing.T) {
	page := render(t, components.Select(components.SelectView{Label: "Country", Name: "country", Value: "DE", Options: []components.Option{
		{Value: "NO", Label: "Norway", Group: "Europe"}, {Value: "DE", Label: "Germany", Group: "Europe"}, {Value: "US", Label: "United States", Group: "America"},
	}}), "")
	if n := len(elements(t, page, "optgroup")); n != 2 {
		t.Errorf("%d groups", n)
	}
	for _, o := range elements(t, page, "option") {
		if _, selected := o["selected"]; selected != (o["value"] == "DE") {
			t.Errorf("%s selected: %v", o["value"], selected)
		}
	}
}

func TestCheckbox_IsACheckboxARadioButtonOrASwitch(t *testing.T) {
	for want, view := range map[string]components.CheckboxView{
		"checkbox":        {Label: "Yes", Name: "yes"},
		"radio":           {Label: "Yes", Name: "yes", Radio: true},
		"checkbox switch": {Label: "Yes", Name: "yes", Toggle: true},
	} {
		input := elements(t, render(t, components.Checkbox(view), ""), "input")[0] // which has no attribute twice
		if got := strings.TrimSpace(input["type"] + " " + input["role"]); got != want {
			t.Errorf("a %s is a %s", want, got)
		}
		if _, stray := input["else"]; stray {
			t.Errorf("a %s has an attribute of ours, and not of HTML's: %v", want, input)
		}
	}
}

func TestPagination_ShowsTheWayAndOnlyWhereNeeded(t *testing.T) {
	url := func(n int) string { return "?page=" + string(rune('0'+n)) }
	if got := render(t, components.Pagination(components.Pages{Page: 1, Total: 1, URL: url}), ""); got != "" {
		t.Errorf("one page has %q", got)
	}
	page := render(t, components.Pagination(components.Pages{Page: 2, Total: 3, URL: url}), "")
	for _, want := range []string{`href="?page=1" rel="prev"`, `href="?page=3" rel="next"`, `aria-current="page"`} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %s in %s", want, page)
		}
	}
	keyset := render(t, components.Pagination(components.Pages{NextURL: "?after=x"}), "")
	if !strings.Contains(keyset, `href="?after=x"`) || !strings.Contains(keyset, `aria-disabled="true"`) {
		t.Errorf("keyset form: %s", keyset)
	}
}

func TestErrorPage_TellsWhatAPersonNeeds(t *testing.T) {
	page := render(t, components.ErrorPage(components.ErrorView{
		Shell: shell(), Status: 503, Title: "Away for a moment", Message: "Please try again.", RequestID: "r-1", RetryAfter: 2,
	}), "")
	for _, want := range []string{"Error 503", "Away for a moment", "Please try again.", "r-1", `data-retry="2"`, `href="/orders?page=2"`} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %s", want)
		}
	}
	if strings.Count(page, "r-1") != 1 {
		t.Error("the request id is on the page twice")
	}
	page = render(t, components.ErrorPage(components.ErrorView{Shell: shell(), Status: 404, Title: "Not here", HomeURL: "/"}), "")
	if strings.Contains(page, "data-retry=") || !strings.Contains(page, `href="/"`) {
		t.Error("a 404 is not tried again, and leads home")
	}
}

func TestErrorFragment_IsAToast(t *testing.T) {
	part := render(t, components.ErrorFragment(components.ErrorView{Status: 500, Title: "Oh", Message: "It broke", RequestID: "r-2"}), "")
	if !strings.Contains(part, "data-toast") || !strings.Contains(part, "r-2") || strings.Contains(part, "<html") {
		t.Error(part)
	}
}

func TestToastOOB_GoesToTheToasts(t *testing.T) {
	if part := render(t, components.ToastOOB(components.Toast{Kind: "success", Message: "Added"}), ""); !strings.Contains(part, `hx-swap-oob="beforeend:#toasts"`) {
		t.Error(part)
	}
}

func TestPage_NamesTheReplicaOnDemand(t *testing.T) {
	open := func(s components.Shell, p templ.Component) bool {
		page := render(t, p, "")
		if !strings.Contains(page, "<strong data-replica>shop-2</strong>") {
			t.Errorf("%s: the page does not name its replica", s.App.Key)
		}
		return !strings.Contains(page, "<summary>Technical details</summary>")
	}
	s := shell()
	if open(s, components.Page(s)) {
		t.Error("the replica is shown without being asked for")
	}
	if !open(s, components.ErrorPage(components.ErrorView{Shell: s, Status: 500})) {
		t.Error("the replica is hidden on an error page")
	}
	s.App.Key = "academy"
	if !open(s, components.Page(s)) {
		t.Error("the replica is hidden in the Academy")
	}
}

func TestAvatar_HasTheColourOfTheUser(t *testing.T) {
	tone := func(id, name string) string {
		return elements(t, render(t, components.Avatar(id, name, ""), ""), "span")[0]["data-tone"]
	}
	if tone("u-1", "Alice Demo") != tone("u-1", "Anna Dee") {
		t.Error("a user's colour changes with the name")
	}
	tones := map[string]bool{}
	for _, id := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		tones[tone(id, "Alice Demo")] = true
	}
	if len(tones) < 6 {
		t.Errorf("26 users have %d colours", len(tones))
	}
}
