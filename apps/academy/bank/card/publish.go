package card

import (
	"encoding/base64"
	"fmt"
	"slices"

	"gatehouse.example/sso/token"
)

// published returns all keys that verifiers should know. The caller holds i.mu.
func (i *Issuer) published() []key {
	if i.next == nil {
		return i.keys
	}
	return append(slices.Clip(i.keys), *i.next)
}

// JWKS returns the public halves of the published keys (RFC 7517), for verifiers that run in another process than the
// issuer.
func (i *Issuer) JWKS() (token.JWKS, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var set token.JWKS
	for _, k := range i.published() {
		point, err := k.private.PublicKey.Bytes() // 0x04, then X and Y at full length (RFC 7518 §6.2.1.2)
		if err != nil {
			return set, fmt.Errorf("card: %w", err)
		}
		b64, half := base64.RawURLEncoding.EncodeToString, (len(point)-1)/2
		set.Keys = append(set.Keys, token.JWK{
			Kty: "EC", Crv: "P-256", Use: "sig", Alg: "ES256", Kid: k.id, X: b64(point[1 : 1+half]), Y: b64(point[1+half:]),
		})
	}
	return set, nil
}
