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
	// maxCachedTokens is the maximum number of verified access tokens that a verifier caches; the least recently used
	// are evicted.
	maxCachedTokens = 10_000
	// maxCachedLength is the maximum length of a token that is cached, in bytes. It bounds the cache's memory: with
	// tokens of usual size, to about 10 MB.
	maxCachedLength = 4 << 10
)

// tokenCache caches the claims of verified access tokens by the SHA-256 of the token, so that the cache holds no usable
// token. It caches only the result of the signature check; what may change is checked each time: the expiry, and
// whether the key is still published.
type tokenCache struct {
	tokens *lru.Cache[[sha256.Size]byte, cachedToken]
	valid  *jwt.Validator
}

// cachedToken holds the claims of a token and the key that verified it.
type cachedToken struct {
	kid    string
	key    crypto.PublicKey
	claims *AccessClaims // never shared; callers get copies
}

func newTokenCache(checks ...jwt.ParserOption) (tokenCache, error) {
	tokens, err := lru.New[[sha256.Size]byte, cachedToken](maxCachedTokens)
	if err != nil {
		return tokenCache{}, fmt.Errorf("token: %w", err)
	}
	return tokenCache{tokens: tokens, valid: jwt.NewValidator(checks...)}, nil
}

// get returns the claims of a token that was verified before and is still valid. Otherwise it returns false, and the
// token must be verified again, which also yields the error.
func (c tokenCache) get(ctx context.Context, id [sha256.Size]byte, keys KeySource) (*AccessClaims, bool) {
	v, known := c.tokens.Get(id)
	if !known {
		return nil, false
	}
	// A key that was withdrawn, or replaced under the same kid, invalidates its tokens.
	if key, err := keys.Key(ctx, v.kid); err != nil || !equalKeys(key, v.key) || c.valid.Validate(v.claims) != nil {
		c.tokens.Remove(id)
		return nil, false
	}
	return v.claims.clone(), true
}

func (c tokenCache) add(id [sha256.Size]byte, v cachedToken) {
	v.claims = v.claims.clone()
	c.tokens.Add(id, v)
}

// equalKeys reports whether two keys are equal; keys that were fetched again are other objects.
func equalKeys(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// clone returns a deep copy.
func (c *AccessClaims) clone() *AccessClaims {
	d := &struct { // one allocation
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
