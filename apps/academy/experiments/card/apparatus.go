package card

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"gatehouse.example/apps/academy/experiments/lookup"
	"gatehouse.example/apps/academy/lab"
)

// apparatus is a running experiment: the head office, its branches, and the learner's card.
type apparatus struct {
	bench    *lab.Bench
	office   *office
	redis    *lookup.Server
	branches []*branch
	browser  *http.Client

	mu       sync.Mutex
	card     string // the learner's
	before   string // the learner's card from before the last rotation
	shown    shown
	asked    int   // requests with a card
	looked   int64 // Redis commands that those caused
	progress *lab.Progress
	waiting  bool // for a card to expire
	work     sync.WaitGroup
}

// shown is the card that was sent last.
type shown struct {
	what, raw       string
	header, payload bool // forged parts
	signature       bool
}

func open(ctx context.Context, b *lab.Bench) (_ lab.Apparatus, err error) {
	a := &apparatus{bench: b, browser: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()
	if a.office, err = openOffice(ctx); err != nil {
		return nil, err
	}
	if a.redis, err = lookup.Start(); err != nil {
		return nil, err
	}
	for n := range b.Setup().Int(branches.Name) {
		one, err := openBranch(ctx, n+1, a.office, a.redis)
		if err != nil {
			return nil, err
		}
		a.branches = append(a.branches, one)
	}
	b.Find("branches", lab.Finding{Label: "Branches", Text: fmt.Sprint(len(a.branches)), Value: float64(len(a.branches))})
	return a, nil
}

// Close implements lab.Apparatus.
func (a *apparatus) Close() error {
	a.work.Wait()
	a.browser.CloseIdleConnections()
	for _, b := range a.branches {
		b.close()
	}
	if a.office != nil {
		a.office.close()
	}
	if a.redis != nil {
		a.redis.Close()
	}
	return nil
}

const (
	errNoCard  = lab.Refusal("You have no card yet. Get one first.")
	errWaiting = lab.Refusal("A card is about to expire. Wait two seconds.")
	errOneKey  = lab.Refusal("There is only one key. Rotate it first.")
	errNoOld   = lab.Refusal("There is no card of an older key to show. Get a card, and rotate.")
	errKeys    = lab.Refusal("There are many keys already. Drop the old ones first.")
)

// maxKeys is the maximum number of published keys.
const maxKeys = 6

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, _ lab.Args) error {
	a.mu.Lock()
	card, waiting := a.card, a.waiting
	a.mu.Unlock()
	if waiting {
		return errWaiting
	}
	switch control {
	case "issue":
		return a.issue(ctx)
	case "compare":
		return a.compare(ctx)
	case "expire":
		return a.expire(ctx)
	case "other-key":
		return a.forgeWithOtherKey(ctx)
	case "audience":
		return a.forVault(ctx)
	case "prepare":
		return a.prepare(ctx)
	case "drop":
		return a.drop(ctx)
	}
	if card == "" {
		return errNoCard
	}
	switch control {
	case "show":
		return a.showGood(ctx, card)
	case "alter":
		return a.refused(ctx, "refused-altered", "Altered card", shown{what: "Altered: the customer is a manager now", raw: altered(card), payload: true})
	case "none":
		return a.forgeNone(ctx, card)
	case "hs256":
		return a.forgeHS256(ctx, card)
	case "algorithm":
		if err := a.forgeNone(ctx, card); err != nil {
			return err
		}
		return a.forgeHS256(ctx, card)
	case "rotate":
		return a.rotate(ctx, card)
	case "rotation":
		if err := a.prepare(ctx); err != nil {
			return err
		}
		return a.rotate(ctx, card)
	}
	return fmt.Errorf("the card: no control %q", control)
}

// name returns the subject of the learner's card.
func (a *apparatus) name() string {
	if a.bench.Person != "" {
		return a.bench.Person
	}
	return "Learner"
}

// issue issues a card and shows it at every branch.
func (a *apparatus) issue(ctx context.Context) error {
	card, err := a.office.sign(a.name(), audience, cardLife)
	if err != nil {
		return err
	}
	a.bench.Log(lab.Acted, "The head office signed a card for you with %s. No branch was notified.", a.office.signer())
	a.mu.Lock()
	a.card = card
	a.mu.Unlock()
	return a.showGood(ctx, card)
}

func (a *apparatus) showGood(ctx context.Context, card string) error {
	t, err := a.send(ctx, shown{what: "Your card", raw: card})
	if err == nil {
		a.found("accepted-good", "Good card: accepted", t.accepted, t.asked)
	}
	return err
}

// compare requests the same page with a cookie first, then with a card.
func (a *apparatus) compare(ctx context.Context) error {
	if err := a.withCookie(ctx); err != nil {
		return err
	}
	return a.issue(ctx)
}

// refused sends a card that should be refused, and stores how many branches refused it.
func (a *apparatus) refused(ctx context.Context, name, label string, s shown) error {
	t, err := a.send(ctx, s)
	if err == nil {
		a.found(name, label+": refused", t.refused, t.asked)
		a.because(name, label, t)
	}
	return err
}

// found stores the finding "n of of".
func (a *apparatus) found(name, label string, n, of int) {
	a.bench.Find(name, lab.Finding{Label: label, Text: fmt.Sprintf("%d of %d", n, of), Value: float64(n)})
}

// because stores the reason that the first branch gave.
func (a *apparatus) because(name, label string, t tally) {
	if t.why != "" {
		a.bench.Find(name+"-why", lab.Finding{Label: label + ": the reason", Text: t.why, Value: float64(t.refused)})
	}
}
