package card

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	bankcard "gatehouse.example/apps/academy/bank/card"
)

// parts are the three parts of a card: BASE64URL(header).BASE64URL(payload).BASE64URL(signature) (RFC 7519 §3, RFC
// 7515 §3.1).
type parts struct{ header, payload, signature string }

func split(raw string) parts {
	p := strings.SplitN(raw+"..", ".", 4)
	return parts{p[0], p[1], p[2]}
}

func (p parts) String() string { return p.header + "." + p.payload + "." + p.signature }

var b64 = base64.RawURLEncoding

// readable decodes a part and returns it as indented JSON.
func readable(encoded string) string {
	text, err := b64.DecodeString(encoded)
	if err != nil {
		return "(can't be decoded)"
	}
	var v json.RawMessage = text
	pretty, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return string(text)
	}
	return string(pretty)
}

// altered returns the card with the role changed to manager and the original signature.
func altered(raw string) string {
	p := split(raw)
	text, _ := b64.DecodeString(p.payload) //nolint:errcheck // a card of our own
	p.payload = b64.EncodeToString([]byte(strings.Replace(string(text), "customer", "manager", 1)))
	return p.String()
}

// unsigned returns the altered card with the algorithm "none" and no signature (RFC 7515 §A.5).
func unsigned(raw, kid string) string {
	p := split(altered(raw))
	p.header, p.signature = header("none", kid), ""
	return p.String()
}

// confused returns the altered card signed with HS256, with the bank's public key as the secret: a branch that
// trusted the header's algorithm would verify it with that key and accept it.
func confused(ctx context.Context, raw string, o *office) (string, error) {
	kid := o.signer()
	public, err := o.cards.Key(ctx, kid)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("the card: %w", err)
	}
	p := split(altered(raw))
	p.header = header("HS256", kid)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(p.header + "." + p.payload))
	p.signature = b64.EncodeToString(mac.Sum(nil))
	return p.String(), nil
}

func header(alg, kid string) string {
	text, _ := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "at+jwt"}) //nolint:errchkjson // of strings
	return b64.EncodeToString(text)
}

// foreign returns a card signed with another key under the ID of the bank's key.
func foreign(who, kid string) (string, error) {
	other, err := bankcard.New(issuer, nil)
	if err != nil {
		return "", err
	}
	for all := other.KIDs(); all[len(all)-1] != kid; all = other.KIDs() {
		if len(all) > 1000 {
			return "", fmt.Errorf("the card: no key of the name %q", kid)
		}
		if _, err := other.Rotate(); err != nil {
			return "", err
		}
	}
	return other.Sign(bankcard.Card{Subject: who, Audience: audience, Roles: []string{"manager"}, Life: cardLife})
}
