package card

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// tally counts the branches' answers to a card.
type tally struct {
	asked, accepted, refused int
	why                      string // of the first refusal
}

// send shows a card at every branch, counts the answers, and stores how many Redis commands they caused.
func (a *apparatus) send(ctx context.Context, s shown) (tally, error) {
	a.mu.Lock()
	a.shown = s
	a.mu.Unlock()
	a.bench.Log(lab.Acted, "Sent to every branch: %s.", s.what)
	var t tally
	before := a.commands()
	for _, b := range a.branches {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/account", nil)
		if err != nil {
			return t, err
		}
		r.Header.Set("Authorization", "Bearer "+s.raw)
		said, err := a.ask(b, r, "")
		if err != nil {
			return t, err
		}
		t.asked++
		switch {
		case said.status == http.StatusOK:
			t.accepted++
		case said.status == http.StatusUnauthorized && said.Why != "":
			t.refused++
			if t.why == "" {
				t.why = said.Why
			}
		}
	}
	a.mu.Lock()
	a.asked += t.asked
	a.looked += a.commands() - before
	asked, looked := a.asked, a.looked
	a.mu.Unlock()
	a.bench.Find("lookups", lab.Finding{Label: "Redis commands for cards", Text: fmt.Sprintf("%d for %d requests", looked, asked), Value: float64(looked)})
	n := a.office.fetched.Load()
	a.bench.Find("key-fetches", lab.Finding{Label: "Times that keys were fetched", Text: fmt.Sprint(n), Value: float64(n)})
	return t, nil
}

// commands returns the number of commands that all branches have sent to Redis so far.
func (a *apparatus) commands() (n int64) {
	for _, b := range a.branches {
		n += b.rdb.Commands()
	}
	return n
}

// withCookie signs the learner in at the first branch with a session in the shared notebook, sends the cookie to
// every branch, and stores how many recognised it.
func (a *apparatus) withCookie(ctx context.Context) error {
	first := a.branches[0]
	form := url.Values{"name": {a.name()}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, first.url+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	signed, err := a.ask(first, r, "redis")
	if err != nil {
		return err
	}
	if len(signed.cookies) == 0 {
		return errors.New("the card: signing in gave no cookie")
	}
	before, recognised := a.commands(), 0
	for _, b := range a.branches {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/account", nil)
		if err != nil {
			return err
		}
		r.AddCookie(signed.cookies[0])
		said, err := a.ask(b, r, "redis")
		if err != nil {
			return err
		}
		if said.Outcome == lab.Recognised {
			recognised++
		}
	}
	looked := a.commands() - before
	a.found("accepted-cookie", "Cookie: recognised", recognised, len(a.branches))
	a.bench.Find("lookups-cookie", lab.Finding{
		Label: "Redis commands for a cookie", Text: fmt.Sprintf("%d for %d requests", looked, len(a.branches)), Value: float64(looked),
	})
	return nil
}

// reply is a branch's response.
type reply struct {
	answer
	status  int
	cookies []*http.Cookie
}

// ask sends a request and reports the response to the bench.
func (a *apparatus) ask(b *branch, r *http.Request, via string) (reply, error) {
	at := time.Now()
	res, err := a.browser.Do(r)
	if err != nil {
		return reply{}, fmt.Errorf("the card: %s: %w", b.id, err)
	}
	defer func() { _ = res.Body.Close() }()
	said := reply{status: res.StatusCode, cookies: res.Cookies()}
	if err := json.NewDecoder(io.LimitReader(res.Body, 16<<10)).Decode(&said.answer); err != nil {
		return said, fmt.Errorf("the card: the answer of %s: %w", b.id, err)
	}
	a.bench.Request(lab.Request{
		At: at, From: "you", To: b.id, Via: via, Method: r.Method, Path: r.URL.Path, Status: said.status,
		Outcome: said.Outcome, Who: said.Who, Took: time.Since(at), Text: said.Says,
	})
	return said, nil
}

// expiry returns the expiry time in a card, without verifying it; the zero time if it can't be read.
func expiry(raw string) time.Time {
	var claims struct {
		Exp int64 `json:"exp"`
	}
	text, err := b64.DecodeString(split(raw).payload)
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return time.Time{}
	}
	return time.Unix(claims.Exp, 0)
}
