package signon

import (
	"fmt"

	"gatehouse.example/apps/academy/lab"
)

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Picture = &lab.Picture{
		Browsers: []lab.Node{a.browser(you, "Your browser"), a.browser(mallory, "Mallory's browser")},
		Servers: []lab.Node{
			{ID: bank, Label: "Bank", State: lab.Up, Count: a.walk.Count(bank), Note: "relying party"},
			{ID: provider, Label: "Provider", State: lab.Up, Count: a.walk.Count(provider), Note: "knows passwords"},
		},
		Text: fmt.Sprintf("Two browsers, yours and Mallory's, a bank and a provider. The bank takes your browser for %s and Mallory's for %s. The bank has answered %d requests, the provider %d.",
			a.walk.Known(you), a.walk.Known(mallory), a.walk.Count(bank), a.walk.Count(provider)),
	}
	v.Facts = []lab.Fact{
		{Label: "The bank takes your browser for", Value: a.walk.Known(you)},
		{Label: "The bank takes Mallory's browser for", Value: a.walk.Known(mallory)},
		{Label: "Issuer", Value: a.provider.Issuer, Code: true},
		{Label: "Redirect URI", Value: a.door.BaseURL + "/auth/callback", Code: true},
	}
	for _, p := range []*lab.Panel{a.outcome, a.instead} {
		if p != nil {
			v.Panels = append(v.Panels, *p)
		}
	}
	v.Tables = a.walk.Tables()
}

func (a *apparatus) browser(id, label string) lab.Node {
	return lab.Node{ID: id, Label: label, State: lab.Up, Note: a.walk.Known(id)}
}
