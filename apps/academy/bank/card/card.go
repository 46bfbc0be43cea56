// Package card makes the cards of the Academy's bank: access tokens (RFC 9068) that
// the bank signs with a key of its own, and that each branch verifies with package
// sso/token alone. It is the only place of the Academy that signs tokens.
package card

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/sso/token"
)

// ClientID is the client that all cards are issued to: the bank's own counter.
const ClientID = "bank-counter"

// Issuer signs cards and publishes the keys to verify them with. It is safe for
// concurrent use, and implements [token.KeySource].
type Issuer struct {
	name string
	now  func() time.Time

	mu   sync.RWMutex
	keys []key // the published ones; the last one signs
	next *key  // published too, and signs nothing yet
	made int
}

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

// New is an issuer called name (its iss) with one key. now is its clock, time.Now when
// nil.
func New(name string, now func() time.Time) (*Issuer, error) {
	if name == "" {
		return nil, errors.New("card: an issuer needs a name")
	}
	if now == nil {
		now = time.Now
	}
	i := &Issuer{name: name, now: now}
	if _, err := i.Rotate(); err != nil {
		return nil, err
	}
	return i, nil
}

// Rotate makes a new key, or takes the one that Prepare made, which signs from now on,
// and answers with its id. Earlier keys stay published, so that the cards that they
// signed stay good, until Withdraw.
func (i *Issuer) Rotate() (kid string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.next == nil {
		if i.next, err = i.newKey(); err != nil {
			return "", err
		}
	}
	i.keys, i.next = append(i.keys, *i.next), nil
	return i.keys[len(i.keys)-1].id, nil
}

// Prepare makes the key that the next Rotate takes, and publishes it: whoever verifies
// knows it before it signs. It answers with its id, also when it was there already.
func (i *Issuer) Prepare() (kid string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.next == nil {
		if i.next, err = i.newKey(); err != nil {
			return "", err
		}
	}
	return i.next.id, nil
}

// newKey makes one that is not published yet; the lock is held.
func (i *Issuer) newKey() (*key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	i.made++
	return &key{fmt.Sprintf("key-%d", i.made), private}, nil
}

// Withdraw publishes a key no longer: what it signed is good nowhere from now on. The
// key that signs can't be withdrawn.
func (i *Issuer) Withdraw(kid string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.IndexFunc(i.keys, func(k key) bool { return k.id == kid })
	switch {
	case at < 0:
		return fmt.Errorf("card: no key %q is published", kid)
	case at == len(i.keys)-1:
		return fmt.Errorf("card: %q signs", kid)
	}
	i.keys = slices.Delete(i.keys, at, at+1)
	return nil
}

// KIDs are the ids of the published keys that sign or have signed; the last one signs.
func (i *Issuer) KIDs() []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	ids := make([]string, len(i.keys))
	for n, k := range i.keys {
		ids[n] = k.id
	}
	return ids
}

// Name is the issuer's name, the iss of its cards.
func (i *Issuer) Name() string { return i.name }

// Key implements [token.KeySource].
func (i *Issuer) Key(_ context.Context, kid string) (crypto.PublicKey, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for _, k := range i.published() {
		if k.id == kid {
			return &k.private.PublicKey, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", token.ErrUnknownKey, kid)
}

// Card says what is written on a card.
type Card struct {
	Subject  string // whose it is
	Audience string // the branches that it is for
	SID      string // the sign-in that it came from; a random one unless told
	Roles    []string
	Life     time.Duration
}

// Sign makes a card with the key that signs now.
func (i *Issuer) Sign(c Card) (string, error) {
	if c.Subject == "" || c.Audience == "" || c.Life <= 0 {
		return "", errors.New("card: it needs somebody, an audience and a life")
	}
	if c.SID == "" {
		c.SID = rand.Text()
	}
	now := i.now()
	t := jwt.NewWithClaims(jwt.SigningMethodES256, token.AccessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.name, Subject: c.Subject, Audience: jwt.ClaimStrings{c.Audience}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(c.Life)),
		},
		ClientID: ClientID, SID: c.SID, AuthTime: jwt.NewNumericDate(now), Roles: c.Roles,
	})
	i.mu.RLock()
	signer := i.keys[len(i.keys)-1]
	i.mu.RUnlock()
	t.Header["typ"], t.Header["kid"] = token.TypeAccess, signer.id
	raw, err := t.SignedString(signer.private)
	if err != nil {
		return "", fmt.Errorf("card: %w", err)
	}
	return raw, nil
}
