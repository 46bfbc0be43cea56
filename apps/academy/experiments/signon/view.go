package signon

import (
	"fmt"

	"gatehouse/apps/academy/lab"
)

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Picture = &lab.Picture{
		Browsers: []lab.Node{a.browser(you, "Your browser"), a.browser(mallory, "Mallory's browser")},
		Servers: []lab.Node{
			{ID: bank, Label: "Bank", State: lab.Up, Count: a.count[bank], Note: "relying party"},
			{ID: provider, Label: "Provider", State: lab.Up, Count: a.count[provider], Note: "knows passwords"},
		},
		Text: fmt.Sprintf("Two browsers, yours and Mallory's, a bank and a provider. The bank takes your browser for %s and Mallory's for %s. The bank has answered %d requests, the provider %d.",
			or(a.known[you], "a guest"), or(a.known[mallory], "a guest"), a.count[bank], a.count[provider]),
	}
	v.Facts = []lab.Fact{
		{Label: "The bank takes your browser for", Value: or(a.known[you], "a guest")},
		{Label: "The bank takes Mallory's browser for", Value: or(a.known[mallory], "a guest")},
		{Label: "Issuer", Value: a.provider.Issuer, Code: true},
		{Label: "Redirect URI", Value: a.door.BaseURL + "/auth/callback", Code: true},
	}
	for _, p := range []*lab.Panel{a.outcome, a.instead} {
		if p != nil {
			v.Panels = append(v.Panels, *p)
		}
	}
	if len(a.rows) > 0 {
		v.Tables = []lab.Table{{
			ID: "hops", Title: "The hops, one by one", Columns: []string{"", "From → to", "Way", "Request", "Parameters", "Answer", "Took"},
			Numeric: []bool{true, false, false, false, false, true, true}, Rows: append([][]string(nil), a.rows...),
		}}
	}
}

func (a *apparatus) browser(id, label string) lab.Node {
	return lab.Node{ID: id, Label: label, State: lab.Up, Note: or(a.known[id], "guest"), Count: a.count[id]}
}
