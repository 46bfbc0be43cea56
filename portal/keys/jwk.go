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
)

// JWK is a public signing key (RFC 7517 §4, RFC 7518 §6).
type JWK struct {
	KTY string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	KID string `json:"kid"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	CRV string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

func publicJWK(public crypto.PublicKey, alg string) (JWK, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		j := JWK{KTY: "RSA", Use: "sig", Alg: alg, N: b64(k.N.Bytes()), E: b64(big.NewInt(int64(k.E)).Bytes())}
		return j.identified(map[string]string{"e": j.E, "kty": j.KTY, "n": j.N})
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 0x04, then X and Y at full length (RFC 7518 §6.2.1.2)
		if err != nil {
			return JWK{}, fmt.Errorf("keys: %w", err)
		}
		half := (len(point) - 1) / 2
		j := JWK{KTY: "EC", Use: "sig", Alg: alg, CRV: k.Params().Name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:])}
		return j.identified(map[string]string{"crv": j.CRV, "kty": j.KTY, "x": j.X, "y": j.Y})
	default:
		return JWK{}, fmt.Errorf("keys: keys of type %T are not supported", public)
	}
}

// identified returns j with the thumbprint of the required members as key id. json.Marshal writes them in the order
// that RFC 7638 §3.3 requires.
func (j JWK) identified(required map[string]string) (JWK, error) {
	raw, err := json.Marshal(required)
	if err != nil {
		return JWK{}, fmt.Errorf("keys: thumbprint: %w", err)
	}
	sum := sha256.Sum256(raw)
	j.KID = base64.RawURLEncoding.EncodeToString(sum[:])
	return j, nil
}
