package cost

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/sso/token"
)

const (
	issuer   = "https://bank.example"
	audience = "https://branch.bank.example"
)

// office is the bank's head office: it signs cards and verifies them.
type office struct{ cards *card.Issuer }

func newOffice() (*office, error) {
	cards, err := card.New(issuer, nil)
	if err != nil {
		return nil, err
	}
	return &office{cards}, nil
}

// verifier returns a new verifier, which remembers no card.
func (o *office) verifier() (*token.Verifier, error) {
	return token.NewVerifier(issuer, audience, o.cards, nil)
}

// Limits of the number of cards that are signed for the kind that gets each card only once: as many as can be signed
// within signTime.
const (
	mostCards  = 8_000
	leastCards = 200
	signTime   = time.Second
)

// one returns a new card.
func (o *office) one() (string, error) {
	return o.cards.Sign(card.Card{Subject: subject, Audience: audience, Life: cardLife})
}

// many returns different cards.
func (o *office) many(ctx context.Context) ([]string, error) {
	workers, began := runtime.GOMAXPROCS(0), time.Now()
	signed, wrong := make([][]string, workers), make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := 0; n < mostCards/workers && (n < leastCards || time.Since(began) < signTime); n++ {
				raw, err := o.one()
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					wrong[w] = err
					return
				}
				signed[w] = append(signed[w], raw)
			}
		})
	}
	all.Wait()
	return slices.Concat(signed...), errors.Join(wrong...)
}
