package token

// Remembered is how many access tokens are in memory.
func (v *Verifier) Remembered() int { return v.memory.tokens.Len() }

// Forget empties the memory.
func (v *Verifier) Forget() { v.memory.tokens.Purge() }
