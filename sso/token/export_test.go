package token

// Remembered is how many access tokens are in memory.
func (v *Verifier) Remembered() int { return v.cache.tokens.Len() }

// Forget empties the memory.
func (v *Verifier) Forget() { v.cache.tokens.Purge() }
