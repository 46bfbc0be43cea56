package live

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"time"

	"gatehouse/sso/seal"
)

// maxTicket is the length of the longest ticket that is read.
const maxTicket = 2048

// ticketSealer seals tickets: a sign-in, encrypted and authenticated.
type ticketSealer struct{ *seal.Sealer }

// newTicketSealer derives its key from secret, or makes up a secret if that is empty.
func newTicketSealer(secret []byte, client string) (ticketSealer, error) {
	if len(secret) == 0 {
		secret = []byte(rand.Text())
	}
	sum := sha256.Sum256(secret) // of any length
	sealer, err := seal.New("ticket of a page of "+client, sum[:])
	return ticketSealer{sealer}, err
}

// sealed is what a ticket holds.
type sealed struct {
	Sub  string `json:"u"`
	SID  string `json:"s"`
	Time int64  `json:"t"` // milliseconds since 1970
}

func (s ticketSealer) seal(v visit) string {
	raw, _ := json.Marshal(sealed{v.sub, v.sid, v.authenticated.UnixMilli()}) // plain values always marshal
	return s.SealText(raw, "")
}

// open reports false for what is no ticket of ours.
func (s ticketSealer) open(ticket string) (visit, bool) {
	if ticket == "" || len(ticket) > maxTicket {
		return visit{}, false
	}
	raw, err := s.OpenText(ticket, "")
	if err != nil {
		return visit{}, false
	}
	var v sealed
	if json.Unmarshal(raw, &v) != nil {
		return visit{}, false
	}
	return visit{v.Sub, v.SID, time.UnixMilli(v.Time)}, true
}
