package signon

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"gatehouse.example/apps/academy/bank/door"
	"gatehouse.example/apps/academy/lab"
)

// IDs of the picture's nodes.
const (
	you      = "you"
	mallory  = "mallory"
	bank     = door.Bank
	provider = "provider"
)

// person is a browser with its user's account.
type person struct {
	id, name, email, password string
	*door.Browser
}

// apparatus is a running experiment.
type apparatus struct {
	bench    *lab.Bench
	door     *door.Door
	wire     *wire
	provider *lab.Provider
	walk     *door.Walk
	victim   person
	attacker person

	mu      sync.Mutex
	outcome *lab.Panel
	instead *lab.Panel // what would have happened without the check
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	if b.Provider == nil {
		return nil, errors.New("signon: no way to open a provider")
	}
	name := b.Person
	if name == "" {
		name = "Alice"
	}
	a := &apparatus{bench: b}
	var err error
	a.door, err = door.Open(ctx, door.Options{Logger: b.Logger, Wire: func(next http.RoundTripper) http.RoundTripper {
		a.wire = &wire{next: next}
		return a.wire
	}})
	if err != nil {
		return nil, err
	}
	a.walk = door.NewWalk(b, a.door, func(string) lab.Node { return lab.Node{ID: provider, Label: "Provider"} })
	a.victim = a.person(you, name, "you@example.com")
	a.attacker = a.person(mallory, "Mallory", "mallory@example.com")
	client := lab.ProviderClient{ID: "bank", Secret: rand.Text() + rand.Text(), BaseURL: a.door.BaseURL}
	a.provider, err = b.Provider(ctx, lab.ProviderOptions{
		Dir: b.Dir, Logger: b.Logger, Clients: []lab.ProviderClient{client},
		Accounts: []lab.ProviderAccount{a.victim.account(), a.attacker.account()},
	})
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.door.Trust(door.Settings{Issuer: a.provider.Issuer, ClientID: client.ID, ClientSecret: client.Secret}); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	b.Log(lab.Note, "The bank is open at %s and trusts the provider %s. You and Mallory have an account there.", a.door.BaseURL, a.provider.Issuer)
	return a, nil
}

func (a *apparatus) person(id, name, email string) person {
	return person{id: id, name: name, email: email, password: rand.Text(), Browser: a.walk.Browser(id, name)}
}

func (p person) account() lab.ProviderAccount {
	return lab.ProviderAccount{Name: p.name, Email: p.email, Password: p.password}
}

// signIn signs a person in at the bank's account page through the provider, until stop reports true for the next
// address.
func (a *apparatus) signIn(ctx context.Context, p person, stop func(*url.URL) bool) (door.Page, error) {
	return p.SignIn(ctx, a.door.BaseURL+door.AccountPath, p.email, p.password, stop)
}

// atCallback reports whether an address is the bank's callback, to stop a sign-in before the authorization response.
func (a *apparatus) atCallback(to *url.URL) bool {
	return strings.HasPrefix(to.String(), a.door.BaseURL+door.CallbackPath)
}

// begin prepares a control: it deletes all cookies and clears the table of hops.
func (a *apparatus) begin() {
	a.victim.Forget()
	a.attacker.Forget()
	a.walk.Begin()
	a.show(nil, "")
}

// Close implements lab.Apparatus.
func (a *apparatus) Close() error {
	a.victim.Close()
	a.attacker.Close()
	err := a.door.Close()
	if a.provider != nil {
		err = errors.Join(err, a.provider.Close())
	}
	return err
}
