package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"

	"gatehouse.example/sso/token"
)

// publicJWK returns a public signing key as a JWK (RFC 7517 §4, RFC 7518 §6), with its thumbprint as key id.
func publicJWK(public crypto.PublicKey, alg string) (token.JWK, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	j := token.JWK{Use: "sig", Alg: alg}
	var required map[string]string // the members that the thumbprint covers
	switch k := public.(type) {
	case *rsa.PublicKey:
		j.Kty, j.N, j.E = "RSA", b64(k.N.Bytes()), b64(big.NewInt(int64(k.E)).Bytes())
		required = map[string]string{"e": j.E, "kty": j.Kty, "n": j.N}
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 0x04, then X and Y at full length (RFC 7518 §6.2.1.2)
		if err != nil {
			return j, fmt.Errorf("keys: %w", err)
		}
		half := (len(point) - 1) / 2
		j.Kty, j.Crv, j.X, j.Y = "EC", k.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
		required = map[string]string{"crv": j.Crv, "kty": j.Kty, "x": j.X, "y": j.Y}
	default:
		return j, fmt.Errorf("keys: keys of type %T are not supported", public)
	}
	raw, err := json.Marshal(required) // in the order that RFC 7638 §3.3 requires
	if err != nil {
		return j, fmt.Errorf("keys: thumbprint: %w", err)
	}
	sum := sha256.Sum256(raw)
	j.Kid = b64(sum[:])
	return j, nil
}
