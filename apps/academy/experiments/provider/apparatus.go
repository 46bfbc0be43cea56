package provider

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"gatehouse.example/apps/academy/bank/door"
	"gatehouse.example/apps/academy/lab"
)

// The picture's node IDs, which are also the providers' names.
const (
	you = "you"
	idA = "a"
	idB = "b"
)

// apparatus is a running experiment.
type apparatus struct {
	bench   *lab.Bench
	door    *door.Door
	walk    *door.Walk
	browser *door.Browser
	house   *lab.Provider
	other   *other
	right   map[string]door.Settings       // correct settings, by provider
	account map[string]lab.ProviderAccount // by provider

	mu     sync.Mutex
	said   map[string]map[string]any // discovery documents, by provider
	told   map[string]door.Answer    // the bank's last answer, by provider
	answer *lab.Panel
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	if b.Provider == nil {
		return nil, errors.New("provider: no way to open a provider")
	}
	name := b.Person
	if name == "" {
		name = "Alice"
	}
	a := &apparatus{bench: b, right: map[string]door.Settings{}, account: map[string]lab.ProviderAccount{}, said: map[string]map[string]any{}, told: map[string]door.Answer{}}
	var err error
	if a.door, err = door.Open(ctx, door.Options{Logger: b.Logger}); err != nil {
		return nil, err
	}
	a.walk = door.NewWalk(b, a.door, a.node)
	a.browser = a.walk.Browser(you, name)
	if err := a.openProviders(ctx, name); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.trust(b.Setup()["provider"]); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// openProviders starts both providers, each with an account and a client for the bank, and reads their discovery
// documents.
func (a *apparatus) openProviders(ctx context.Context, name string) error {
	for id, client := range map[string]string{idA: "bank", idB: "bank-at-elsewhere"} {
		a.account[id] = lab.ProviderAccount{Name: name, Email: "you@example.com", Password: rand.Text()}
		a.right[id] = door.Settings{ClientID: client, ClientSecret: rand.Text() + rand.Text()}
	}
	client := func(id string) lab.ProviderClient {
		return lab.ProviderClient{ID: a.right[id].ClientID, Secret: a.right[id].ClientSecret, BaseURL: a.door.BaseURL}
	}
	var err error
	a.house, err = a.bench.Provider(ctx, lab.ProviderOptions{
		Dir: a.bench.Dir, Logger: a.bench.Logger, Accounts: []lab.ProviderAccount{a.account[idA]}, Clients: []lab.ProviderClient{client(idA)},
	})
	if err != nil {
		return err
	}
	if a.other, err = openOther(ctx, a.account[idB], client(idB)); err != nil {
		return err
	}
	for id, issuer := range map[string]string{idA: a.house.Issuer, idB: a.other.issuer} {
		s := a.right[id]
		s.Issuer = issuer
		a.right[id] = s
		page, err := door.NewBrowser(nil).Go(ctx, issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			return err
		}
		var said map[string]any
		if err := json.Unmarshal(page.Body, &said); err != nil {
			return fmt.Errorf("provider: %s has no discovery document: %w", issuer, err)
		}
		a.said[id] = said
	}
	a.bench.Log(lab.Note, "The bank is open at %s. Provider A is %s, provider B is %s.", a.door.BaseURL, a.house.Issuer, a.other.issuer)
	return nil
}

func label(id string) string { return "Provider " + strings.ToUpper(id) }

// node returns the node of the provider at a host.
func (a *apparatus) node(host string) lab.Node {
	if u, err := url.Parse(a.right[idB].Issuer); err == nil && u.Host == host {
		return lab.Node{ID: idB, Label: label(idB)}
	}
	return lab.Node{ID: idA, Label: label(idA)}
}

// at returns the provider that the bank's issuer setting leads to, regardless of the other settings.
func (a *apparatus) at() string {
	if strings.TrimSuffix(a.door.Settings().Issuer, "/") == a.right[idB].Issuer {
		return idB
	}
	return idA
}

// suggested returns the settings to fill the form with: those of the provider that the bank does not trust.
func (a *apparatus) suggested() door.Settings {
	if a.at() == idA {
		return a.right[idB]
	}
	return a.right[idA]
}

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	switch control {
	case "sign-in":
		return a.signIn(ctx)
	case "settings":
		return a.settings(args)
	case "trust":
		return a.trust(args["provider"])
	case "wrong-secret":
		return a.wrongSecret(ctx)
	case "wrong-issuer":
		return a.wrongIssuer(ctx)
	}
	return lab.Refusal("This experiment has no such control.")
}

// trust sets the correct settings of a provider.
func (a *apparatus) trust(id string) error {
	if err := a.door.Trust(a.right[id]); err != nil {
		return err
	}
	a.bench.Set("provider", id)
	a.bench.Log(lab.Acted, "The bank trusts %s: %s", label(id), a.right[id].Issuer)
	return nil
}

// settings sets the entered settings; empty ones are taken from suggested. It returns a Refusal for an issuer that is
// not one of the two providers.
func (a *apparatus) settings(args lab.Args) error {
	old, s := a.door.Settings(), a.suggested()
	for name, into := range map[string]*string{"issuer": &s.Issuer, "client-id": &s.ClientID, "client-secret": &s.ClientSecret} {
		if typed := args[name]; typed != "" {
			*into = typed
		}
	}
	if u, err := url.Parse(s.Issuer); err != nil || u.Scheme != "http" || !a.ours(u.Host) {
		return lab.Refusal("In this experiment the issuer has to be one of the two providers that run here.")
	}
	if err := a.door.Trust(s); err != nil {
		return lab.Refusal("The bank can't use that: " + err.Error() + ".")
	}
	a.bench.Set("provider", a.at())
	var changed []string
	for _, c := range [][3]string{{"issuer", old.Issuer, s.Issuer}, {"client id", old.ClientID, s.ClientID}, {"client secret", old.ClientSecret, s.ClientSecret}} {
		if c[1] != c[2] {
			changed = append(changed, c[0])
		}
	}
	a.bench.Find("settings-changed", lab.Finding{Label: "Settings changed", Text: fmt.Sprint(len(changed)), Value: float64(len(changed))})
	a.bench.Find("which-changed", lab.Finding{Label: "Which", Text: strings.Join(changed, ", ")})
	a.bench.Log(lab.Acted, "Settings changed: %s. The bank trusts %s now.", strings.Join(changed, ", "), s.Issuer)
	return nil
}

// ours reports whether a host is that of one of the two providers: the bank calls no other host.
func (a *apparatus) ours(host string) bool {
	for _, s := range a.right {
		if u, err := url.Parse(s.Issuer); err == nil && u.Host == host {
			return true
		}
	}
	return false
}

// walkIn signs in with an empty browser.
func (a *apparatus) walkIn(ctx context.Context) (door.Page, error) {
	a.walk.Begin()
	a.browser.Forget()
	who := a.account[a.at()]
	p, err := a.browser.SignIn(ctx, a.door.BaseURL+door.AccountPath, who.Email, who.Password, nil)
	if err == nil {
		a.show(p)
	}
	return p, err
}

func (a *apparatus) signIn(ctx context.Context) error {
	p, err := a.walkIn(ctx)
	if err != nil {
		return err
	}
	said, id := door.Read(p.Body), a.at()
	if p.Status != http.StatusOK || said.Who == "" {
		a.bench.Log(lab.Bad, "You are not signed in: %d, %s %s", p.Status, said.Error, said.Cause)
		return nil
	}
	a.mu.Lock()
	a.told[id] = said
	a.mu.Unlock()
	a.bench.Find("signed-in-"+id, lab.Finding{Label: "Signed in with " + label(id), Text: said.Who, Value: 1})
	a.bench.Find("sub-"+id, lab.Finding{Label: "sub at " + label(id), Text: said.Subject})
	a.bench.Find("issuer-"+id, lab.Finding{Label: "iss of " + label(id), Text: a.right[id].Issuer})
	return nil
}

// wrongSecret signs in with a wrong last character in the client secret.
func (a *apparatus) wrongSecret(ctx context.Context) error {
	s := a.right[a.at()]
	last := "x"
	if strings.HasSuffix(s.ClientSecret, last) {
		last = "y"
	}
	s.ClientSecret = s.ClientSecret[:len(s.ClientSecret)-1] + last
	return a.mistake(ctx, s, "refused-wrong-secret", "A wrong secret", func(p door.Page, cause string) bool {
		return p.Status == http.StatusBadRequest && p.URL.Path == door.CallbackPath && strings.Contains(cause, "invalid_client")
	})
}

// wrongIssuer signs in with an additional slash at the end of the issuer.
func (a *apparatus) wrongIssuer(ctx context.Context) error {
	s := a.right[a.at()]
	s.Issuer += "/"
	return a.mistake(ctx, s, "refused-wrong-issuer", "A wrong issuer", func(p door.Page, cause string) bool {
		return p.Status == http.StatusServiceUnavailable && p.URL.Path == door.AccountPath && strings.Contains(cause, "names a different issuer")
	})
}

func (a *apparatus) mistake(ctx context.Context, s door.Settings, name, title string, seen func(p door.Page, cause string) bool) error {
	if err := a.door.Trust(s); err != nil {
		return err
	}
	p, err := a.walkIn(ctx)
	if err != nil {
		return err
	}
	said := door.Read(p.Body)
	_, cause, found := strings.Cut(said.Cause, ".well-known/openid-configuration ")
	if found {
		cause = "its document " + cause
	} else {
		cause = said.Cause
	}
	f := lab.Finding{Label: title, Text: fmt.Sprintf("%d: %s", p.Status, cause)}
	if seen(p, said.Cause) {
		f.Value = 1
	}
	a.bench.Find(name, f)
	a.bench.Log(lab.Bad, "%s: the bank answered %d. %s", title, p.Status, said.Cause)
	return nil
}

func (a *apparatus) show(p door.Page) {
	said := door.Read(p.Body)
	text := fmt.Sprintf("%s %s\n\n%d %s\n", p.Method, p.URL.Path, p.Status, http.StatusText(p.Status))
	tone := lab.Good
	if p.Status >= http.StatusBadRequest {
		tone = lab.Bad
	}
	for _, line := range [][2]string{{"who", said.Who}, {"sub", said.Subject}, {"email", said.Email}, {"sid", said.SID}, {"roles", strings.Join(said.Roles, " ")}, {"error", said.Error}, {"cause (in the log)", said.Cause}} {
		if line[1] != "" {
			text += line[0] + ": " + line[1] + "\n"
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = &lab.Panel{ID: "answer", Title: "What the bank answered", Code: text, Tone: tone}
}

// Close implements lab.Apparatus.
func (a *apparatus) Close() error {
	if a.browser != nil {
		a.browser.Close()
	}
	err := a.door.Close()
	if a.other != nil {
		err = errors.Join(err, a.other.Close())
	}
	if a.house != nil {
		err = errors.Join(err, a.house.Close())
	}
	return err
}
