package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/sso/cookies"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/token"
)

// cards stores no session: the user's name is in a signed card, which a browser carries in the cookie and a program
// in the Authorization header (RFC 6750 §2.1).
type cards struct {
	bank     *Bank
	audience string
	verifier *token.Verifier
	denied   *endedCards // nil for the Kind Card
}

func newCards(b *Bank, audience string, denied *endedCards) (*cards, error) {
	now := b.o.Now
	if b.o.Exact {
		if now == nil {
			now = time.Now
		}
		ours := now
		now = func() time.Time { return ours().Add(token.Leeway) }
	}
	v, err := token.NewVerifier(b.issuer.Name(), audience, b.issuer, now)
	if err != nil {
		return nil, err
	}
	return &cards{bank: b, audience: audience, verifier: v, denied: denied}, nil
}

func (c *cards) signIn(w http.ResponseWriter, _ *http.Request, name string) error {
	raw, err := c.bank.issuer.Sign(card.Card{Subject: name, Audience: c.audience, SID: rand.Text(), Life: c.bank.o.Life})
	if err == nil {
		setCookie(w, raw)
	}
	return err
}

func (c *cards) who(r *http.Request) (string, error) {
	claims, err := c.read(r)
	if err != nil {
		return "", err
	}
	if c.denied == nil {
		return claims.Subject, nil
	}
	switch err := c.denied.mirror.Check(claims.Subject, claims.SID, claims.ID, claims.Authenticated()); {
	case errors.Is(err, denylist.ErrDenied):
		return "", refusal("the card is on the denylist")
	case err != nil:
		return "", absence("it hasn't reached Redis for a second, so it can't know which cards were revoked, and doesn't guess. The cookie is kept")
	}
	return claims.Subject, nil
}

// read verifies the card with the bank's public keys alone, and returns its claims. It does not consult the denylist.
// Of several cookies it takes the first with a valid card.
func (c *cards) read(r *http.Request) (*token.AccessClaims, error) {
	raw, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	raws := []string{raw}
	if !bearer {
		cookie, err := r.Cookie(CookieName)
		if err != nil {
			return nil, noCookie
		}
		if raws = cookies.Values(r, CookieName, isCompact); len(raws) == 0 {
			raws = []string{cookie.Value} // the verifier says what is wrong
		}
	}
	var claims *token.AccessClaims
	var err error
	for _, raw := range raws {
		if claims, err = c.verifier.Access(r.Context(), raw); err == nil {
			break
		}
	}
	if why := card.Why(err); why != "" {
		return nil, refusal("the card is refused: " + why)
	}
	return claims, err
}

// isCompact reports whether value has the three parts of a signed token (RFC 7515 §7.1).
func isCompact(value string) bool { return strings.Count(value, ".") == 2 }

// signOut removes the card from this browser. A copy of the card stays valid until it expires, unless there is a
// denylist.
func (c *cards) signOut(w http.ResponseWriter, r *http.Request) error {
	if c.denied != nil {
		if claims, err := c.read(r); err == nil {
			if err := c.denied.end(r.Context(), claims); err != nil {
				return absence("it can't write to the denylist, because Redis isn't responding. The cookie is kept")
			}
		}
	}
	dropCookie(w)
	return nil
}

func (*cards) sessions() int { return -1 }

func (c *cards) words() words {
	if c.denied != nil {
		return words{"gave out a signed card", "from the card, which is not on its denylist", "put the sign-in on the denylist"}
	}
	return words{"gave out a signed card", "from the card alone", "took the card out of the browser; a copy of it stays good"}
}

func (c *cards) ready(ctx context.Context) error {
	if c.denied == nil {
		return nil
	}
	return c.denied.ready(ctx)
}

func (c *cards) close() {
	if c.denied != nil {
		c.denied.close()
	}
}

// endedCards is a branch's mirror of the denylist.
type endedCards struct {
	rdb    *redis.Client
	log    *denylist.Log
	mirror *denylist.Mirror
	stop   context.CancelFunc
	ended  chan struct{}
}

func newEndedCards(rdb *redis.Client, branch string, log *slog.Logger) (*endedCards, error) {
	l, err := denylist.NewLog(rdb)
	if err != nil {
		return nil, err
	}
	m, err := denylist.NewMirror(denylist.Options{Redis: rdb, Service: "bank", Replica: branch, Logger: log})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &endedCards{rdb: rdb, log: l, mirror: m, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		_ = m.Run(ctx) // ends with ctx, without an error
	}()
	return d, nil
}

// ready waits until the mirror is up to date.
func (d *endedCards) ready(ctx context.Context) error {
	return until(ctx, func() bool { return d.mirror.Ready(ctx) == nil })
}

// end puts a card's sign-in on the denylist until every card of it has expired.
func (d *endedCards) end(ctx context.Context, c *token.AccessClaims) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := d.log.Write(ctx, denylist.Entry{
		Kind: denylist.SignIn, Value: c.SID, Until: c.ExpiresAt.Add(time.Minute), Reason: denylist.SignedOut, Client: card.ClientID, At: time.Now(),
	})
	if err != nil {
		return fmt.Errorf("bank: ending a sign-in: %w", err)
	}
	return nil
}

func (d *endedCards) close() {
	d.stop()
	<-d.ended
	_ = d.rdb.Close()
}
