package signon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/apps/academy/bank/door"
	"gatehouse/apps/academy/lab"
	"gatehouse/sso/hops"
)

// The nodes of the picture.
const (
	you      = "you"
	mallory  = "mallory"
	bank     = "bank"
	provider = "provider"
)

// person is somebody with a browser and an account.
type person struct {
	id, name, email, password string
	*door.Browser
}

// apparatus is the experiment, running.
type apparatus struct {
	bench    *lab.Bench
	door     *door.Door
	wire     *wire
	provider *lab.Provider
	victim   person
	attacker person

	mu      sync.Mutex
	known   map[string]string // who the bank takes a browser for, by its node
	count   map[string]int64  // requests answered, by node
	rows    [][]string        // the hops of the last control
	front   int
	back    int
	outcome *lab.Panel
	instead *lab.Panel // what would have happened without the defence
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	if b.Provider == nil {
		return nil, errors.New("signon: nobody can open a provider")
	}
	name := b.Person
	if name == "" {
		name = "Alice"
	}
	a := &apparatus{bench: b, known: map[string]string{}, count: map[string]int64{}}
	a.victim = a.person(you, name, "you@example.com")
	a.attacker = a.person(mallory, "Mallory", "mallory@example.com")
	var err error
	a.door, err = door.Open(ctx, door.Options{Logger: b.Logger, Wire: func(next http.RoundTripper) http.RoundTripper {
		a.wire = &wire{next: next}
		return a.wire
	}})
	if err != nil {
		return nil, err
	}
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
	return person{id: id, name: name, email: email, password: rand.Text(), Browser: door.NewBrowser(func(p door.Page) { a.saw(id, name, p) })}
}

func (p person) account() lab.ProviderAccount {
	return lab.ProviderAccount{Name: p.name, Email: p.email, Password: p.password}
}

// signIn takes a person's browser to the bank's account page, through the provider, until stop says to stop.
func (a *apparatus) signIn(ctx context.Context, p person, stop func(*url.URL) bool) (door.Page, error) {
	return p.SignIn(ctx, a.door.BaseURL+door.AccountPath, p.email, p.password, stop)
}

// atCallback stops before the provider's answer gets to the bank.
func (a *apparatus) atCallback(to *url.URL) bool {
	return strings.HasPrefix(to.String(), a.door.BaseURL+door.CallbackPath)
}

// begin is the start of a control: fresh browsers, and an empty table of hops.
func (a *apparatus) begin() {
	a.victim.Forget()
	a.attacker.Forget()
	a.door.Noted()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rows, a.front, a.back, a.outcome, a.instead = nil, 0, 0, nil, nil
	a.known = map[string]string{}
}

// saw takes down a request of a browser, after what the bank did with its provider meanwhile.
func (a *apparatus) saw(from, name string, p door.Page) {
	to, label := provider, "Provider"
	if strings.HasPrefix(a.door.BaseURL, p.URL.Scheme+"://"+p.URL.Host) {
		to, label = bank, "Bank"
	}
	for _, h := range a.door.Noted() {
		if h.From != hops.Browser && !h.Alone() {
			a.called(h)
		}
	}
	said := door.Answer{}
	if to == bank {
		said = door.Read(p.Body)
	}
	r := lab.Request{At: p.At, From: from, To: to, Method: p.Method, Path: p.URL.Path, Status: p.Status, Took: p.Took, Outcome: lab.Answered, Who: said.Who}
	switch {
	case p.Status >= http.StatusBadRequest:
		r.Outcome = lab.Refused
		r.Text = fmt.Sprintf("%s: %s %s of %s answered %d. %s", name, p.Method, p.URL.Path, label, p.Status, said.Error)
	case p.To != nil:
		r.Text = fmt.Sprintf("%s: %s %s of %s answered %d: on to %s.", name, p.Method, p.URL.Path, label, p.Status, hops.Address(p.To))
	case to == bank && said.Who != "":
		r.Outcome = lab.Recognised
		r.Text = fmt.Sprintf("%s: the bank answered %d and knows %s.", name, p.Status, said.Who)
	case to == bank:
		r.Outcome = lab.Unknown
		r.Text = fmt.Sprintf("%s: the bank answered %d to a guest.", name, p.Status)
	default:
		r.Text = fmt.Sprintf("%s: %s %s of %s answered %d with a page.", name, p.Method, p.URL.Path, label, p.Status)
	}
	a.bench.Request(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.front++
	a.count[to]++
	if to == bank {
		a.known[from] = said.Who
	}
	a.rows = append(a.rows, []string{
		fmt.Sprint(len(a.rows) + 1), name + " → " + label, "browser", p.Method + " " + p.URL.Path, parameters(p.URL.Query()), fmt.Sprint(p.Status), milliseconds(p.Took),
	})
}

// called takes down a call from the bank to its provider.
func (a *apparatus) called(h hops.Hop) {
	at, _ := url.Parse(h.Address)
	outcome := lab.Answered
	if h.Status >= http.StatusBadRequest {
		outcome = lab.Refused
	}
	a.bench.Request(lab.Request{
		At: h.At, From: bank, To: provider, Method: h.Method, Path: at.Path, Status: h.Status, Took: h.Took, Outcome: outcome,
		Text: fmt.Sprintf("Server to server: %s %s answered %d. %s", h.Method, at.Path, h.Status, member(h.Answer, "error_description")),
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.back++
	a.count[provider]++
	sent := make([]string, 0, len(h.Sent))
	for _, v := range h.Sent {
		sent = append(sent, v.Name+"="+v.Text)
	}
	a.rows = append(a.rows, []string{
		fmt.Sprint(len(a.rows) + 1), "Bank → Provider", "server to server", h.Method + " " + at.Path, strings.Join(sent, ", "), fmt.Sprint(h.Status), milliseconds(h.Took),
	})
}

func member(values []hops.Value, name string) string {
	for _, v := range values {
		if v.Name == name {
			return v.Text
		}
	}
	return ""
}

func parameters(q url.Values) string {
	var out []string
	for _, v := range hops.Values(hops.InQuery, q) {
		out = append(out, v.Name+"="+v.Text)
	}
	return strings.Join(out, ", ")
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
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
