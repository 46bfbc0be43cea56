package token

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// rememberedTokens is how many verified access tokens a verifier keeps in memory; those used least recently go.
	rememberedTokens = 10_000
	// rememberedLength is the length in bytes of the longest token that is remembered: the memory is bounded by that, too.
	// With tokens of a usual size it is some 10 MB.
	rememberedLength = 4 << 10
)

// memory keeps the claims of access tokens that were verified, by the SHA-256 of the token: what is in memory is of no
// use to somebody who gets to read it. All that a signature says is remembered and nothing else, so that whatever may
// change is looked at anew each time: the clock, and whether the key is still published.
type memory struct {
	tokens *lru.Cache[[sha256.Size]byte, verified]
	valid  *jwt.Validator
}

// verified are the claims of a token, and the key that they were verified with.
type verified struct {
	kid    string
	key    crypto.PublicKey
	claims *AccessClaims // of nobody else; handed out as copies
}

func newMemory(checks ...jwt.ParserOption) (memory, error) {
	tokens, err := lru.New[[sha256.Size]byte, verified](rememberedTokens)
	if err != nil {
		return memory{}, fmt.Errorf("token: %w", err)
	}
	return memory{tokens: tokens, valid: jwt.NewValidator(checks...)}, nil
}

// recall is the claims of a token that was verified before, as far as it would be verified again. Without them it has to
// be looked at as if it were new, which also says what is wrong with it.
func (m memory) recall(ctx context.Context, id [sha256.Size]byte, keys KeySource) (*AccessClaims, bool) {
	v, known := m.tokens.Get(id)
	if !known {
		return nil, false
	}
	// A key that has been withdrawn, or replaced under the same name, takes its tokens along.
	if key, err := keys.Key(ctx, v.kid); err != nil || !same(key, v.key) || m.valid.Validate(v.claims) != nil {
		m.tokens.Remove(id)
		return nil, false
	}
	return v.claims.clone(), true
}

func (m memory) remember(id [sha256.Size]byte, v verified) {
	v.claims = v.claims.clone()
	m.tokens.Add(id, v)
}

// same reports whether two keys are alike: keys that were fetched anew are other objects.
func same(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// clone is a copy that shares nothing that could be changed.
func (c *AccessClaims) clone() *AccessClaims {
	d := &struct { // made in one piece
		AccessClaims
		at [4]jwt.NumericDate
	}{AccessClaims: *c}
	d.Audience, d.Roles = slices.Clone(c.Audience), slices.Clone(c.Roles)
	for i, at := range [...]**jwt.NumericDate{&d.ExpiresAt, &d.NotBefore, &d.IssuedAt, &d.AuthTime} {
		if *at != nil {
			d.at[i] = **at
			*at = &d.at[i]
		}
	}
	return &d.AccessClaims
}
