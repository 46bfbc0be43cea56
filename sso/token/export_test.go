package token

// CachedTokens returns the number of cached access tokens.
func (v *Verifier) CachedTokens() int { return v.cache.tokens.Len() }

// ClearCache removes all cached tokens.
func (v *Verifier) ClearCache() { v.cache.tokens.Purge() }
