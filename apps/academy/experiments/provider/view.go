package provider

import (
	"fmt"
	"strings"

	"gatehouse.example/apps/academy/bank/door"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/trace"
)

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	now, suggested, trusted := a.door.Settings(), a.suggested(), a.at()
	node := func(id, what string) lab.Node {
		note := what
		if id == trusted {
			note += ", trusted"
		}
		return lab.Node{ID: id, Label: label(id), State: lab.Up, Note: note, Count: a.walk.Count(id)}
	}
	v.Picture = &lab.Picture{
		Browsers: []lab.Node{{ID: you, Label: "Your browser", State: lab.Up, Note: a.walk.Known(you)}},
		Servers: []lab.Node{
			{ID: door.Bank, Label: "Bank", State: lab.Up, Note: "relying party", Count: a.walk.Count(door.Bank)},
			node(idA, "Gatehouse"), node(idB, "zitadel/oidc"),
		},
		Text: fmt.Sprintf("Your browser, a bank and two providers. The bank trusts %s and takes your browser for %s.", label(trusted), a.walk.Known(you)),
	}
	v.Facts = []lab.Fact{
		{Label: "Issuer", Value: now.Issuer, Code: true},
		{Label: "Client id", Value: now.ClientID, Code: true},
		{Label: "Client secret", Value: trace.Short(now.ClientSecret), Code: true},
		{Label: "The bank takes you for", Value: a.walk.Known(you)},
	}
	v.Controls = map[string]lab.Adjusts{
		"settings": {Values: map[string]string{"issuer": suggested.Issuer, "client-id": suggested.ClientID, "client-secret": suggested.ClientSecret}},
	}
	v.Tables = append(a.walk.Tables(), a.compared())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answer != nil {
		v.Panels = append(v.Panels, *a.answer)
	}
	v.Panels = append(v.Panels, guides()...)
}

// compared returns a table of both discovery documents, and of what the bank knew of the learner through each
// provider.
func (a *apparatus) compared() lab.Table {
	t := lab.Table{ID: "compared", Title: "The two, side by side", Columns: []string{"What", "Provider A", "Provider B"}, Numeric: []bool{false, false, false}}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range []string{
		"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "id_token_signing_alg_values_supported",
		"code_challenge_methods_supported", "authorization_response_iss_parameter_supported", "backchannel_logout_supported",
	} {
		t.Rows = append(t.Rows, []string{name, value(a.said[idA][name]), value(a.said[idB][name])})
	}
	for _, c := range []struct {
		name string
		of   func(door.Answer) string
	}{
		{"your sub", func(x door.Answer) string { return x.Subject }},
		{"your name", func(x door.Answer) string { return x.Who }},
		{"your email", func(x door.Answer) string { return x.Email }},
		{"your roles", func(x door.Answer) string { return strings.Join(x.Roles, " ") }},
	} {
		row := []string{c.name}
		for _, id := range []string{idA, idB} {
			told, there := a.told[id]
			switch got := c.of(told); {
			case !there:
				row = append(row, "not signed in yet")
			case got == "":
				row = append(row, "not notified")
			default:
				row = append(row, got)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// value formats a member of a discovery document.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "not said"
	case []any:
		var all []string
		for _, x := range v {
			all = append(all, fmt.Sprint(x))
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprint(v)
}
