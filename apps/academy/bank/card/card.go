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

	"gatehouse.example/sso/token"
)

// ClientID is the client that all cards are issued to.
const ClientID = "bank-counter"

// Issuer signs cards and publishes the keys that verify them. It is safe for concurrent use, and implements
// [token.KeySource].
type Issuer struct {
	name string
	now  func() time.Time

	mu   sync.RWMutex
	keys []key // published; the last one signs
	next *key  // published, but does not sign yet
	made int
}

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

// New returns an issuer named name (the iss claim) with one signing key. A nil now is time.Now.
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

// Rotate makes the key of Prepare, or else a new key, the signing key, and returns its ID. Earlier keys stay
// published until Withdraw, so that the cards they signed stay valid.
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

// Prepare creates and publishes the key that the next Rotate will use, so that verifiers know it before it signs, and
// returns its ID. Calling it again before Rotate returns the same key.
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

// newKey returns a new key that is not published yet. The caller holds i.mu.
func (i *Issuer) newKey() (*key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("card: %w", err)
	}
	i.made++
	return &key{fmt.Sprintf("key-%d", i.made), private}, nil
}

// Withdraw stops publishing a key: the cards that it signed are no longer valid anywhere. It returns an error for the
// signing key.
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

// KIDs returns the IDs of the published keys that sign or have signed; the last one is the signing key.
func (i *Issuer) KIDs() []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	ids := make([]string, len(i.keys))
	for n, k := range i.keys {
		ids[n] = k.id
	}
	return ids
}

// Name returns the issuer's name, the iss claim of its cards.
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

// Card describes a card to sign.
type Card struct {
	Subject  string // the user
	Audience string // the branches that accept it
	SID      string // of the sign-in that issued it; default: random
	Roles    []string
	Life     time.Duration
}

// Sign returns a card signed with the current signing key.
func (i *Issuer) Sign(c Card) (string, error) {
	if c.Subject == "" || c.Audience == "" || c.Life <= 0 {
		return "", errors.New("card: subject, audience or lifetime is missing")
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
