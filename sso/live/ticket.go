package live

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// maxTicket is the length of the longest ticket that is read.
const maxTicket = 2048

// sealer makes tickets: a sign-in, encrypted and authenticated (AES-256-GCM).
type sealer struct{ aead cipher.AEAD }

// newSealer derives its key from secret, or makes one up.
func newSealer(secret []byte, client string) (sealer, error) {
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "ticket of a page of "+client, 32)
	if err != nil {
		return sealer{}, fmt.Errorf("live: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("live: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("live: %w", err)
	}
	return sealer{aead}, nil
}

// sealed is what a ticket holds.
type sealed struct {
	Sub  string `json:"u"`
	SID  string `json:"s"`
	Time int64  `json:"t"` // milliseconds since 1970
}

func (s sealer) seal(v visit) string {
	raw, _ := json.Marshal(sealed{v.sub, v.sid, v.authenticated.UnixMilli()}) // plain values always marshal
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, raw, nil))
}

// open reports false for what is no ticket of ours.
func (s sealer) open(ticket string) (visit, bool) {
	if ticket == "" || len(ticket) > maxTicket {
		return visit{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil {
		return visit{}, false
	}
	if raw, err = s.aead.Open(nil, nil, raw, nil); err != nil {
		return visit{}, false
	}
	var v sealed
	if json.Unmarshal(raw, &v) != nil {
		return visit{}, false
	}
	return visit{v.Sub, v.SID, time.UnixMilli(v.Time)}, true
}
