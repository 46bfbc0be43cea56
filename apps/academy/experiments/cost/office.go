package cost

import (
	"context"
	"runtime"
	"sync"

	"gatehouse/apps/academy/bank/card"
	"gatehouse/sso/token"
)

const (
	issuer   = "https://bank.example"
	audience = "https://branch.bank.example"
)

// office is the bank's head office: it signs cards, and says how to verify them.
type office struct{ cards *card.Issuer }

func newOffice() (*office, error) {
	cards, err := card.New(issuer, nil)
	if err != nil {
		return nil, err
	}
	return &office{cards}, nil
}

// verifier is a new one, which remembers no card.
func (o *office) verifier() (*token.Verifier, error) {
	return token.NewVerifier(issuer, audience, o.cards, nil)
}

// sign makes n cards that differ.
func (o *office) sign(ctx context.Context, n int) ([]string, error) {
	cards := make([]string, n)
	workers := min(runtime.GOMAXPROCS(0), n)
	wrong := make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < n && wrong[w] == nil; i += workers {
				if wrong[w] = ctx.Err(); wrong[w] == nil {
					cards[i], wrong[w] = o.cards.Sign(card.Card{Subject: subject, Audience: audience, Life: cardLife})
				}
			}
		})
	}
	all.Wait()
	for _, err := range wrong {
		if err != nil {
			return nil, err
		}
	}
	return cards, nil
}
