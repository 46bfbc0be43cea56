package signoutpush

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"gatehouse.example/sso/seal"
)

// maxTicket is the maximum length of a ticket, in bytes.
const maxTicket = 2048

// ticketSealer seals tickets: an encrypted and authenticated sign-in.
type ticketSealer struct{ *seal.Sealer }

// newTicketSealer returns a sealer with keys derived from secrets, or from a random secret if there are none.
func newTicketSealer(secrets [][]byte, client string) (ticketSealer, error) {
	if len(secrets) == 0 {
		secrets = [][]byte{[]byte(rand.Text())}
	}
	sealer, err := seal.New("ticket of a page of "+client, secrets...)
	return ticketSealer{sealer}, err
}

// sealed is the content of a ticket.
type sealed struct {
	Sub  string `json:"u"`
	SID  string `json:"s"`
	Time int64  `json:"t"` // milliseconds since 1970
}

func (s ticketSealer) seal(v signInRef) string {
	raw, _ := json.Marshal(sealed{v.sub, v.sid, v.authenticated.UnixMilli()}) // plain values always marshal
	return s.SealText(raw, "")
}

// open returns the signInRef sealed in ticket, and false if ticket was not sealed by s.
func (s ticketSealer) open(ticket string) (signInRef, bool) {
	if ticket == "" || len(ticket) > maxTicket {
		return signInRef{}, false
	}
	raw, err := s.OpenText(ticket, "")
	if err != nil {
		return signInRef{}, false
	}
	var v sealed
	if json.Unmarshal(raw, &v) != nil {
		return signInRef{}, false
	}
	return signInRef{v.Sub, v.SID, time.UnixMilli(v.Time)}, true
}
