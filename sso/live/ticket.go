package live

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"gatehouse/sso/seal"
)

// maxTicket is the length of the longest ticket that is read.
const maxTicket = 2048

// ticketSealer seals tickets: a sign-in, encrypted and authenticated.
type ticketSealer struct{ *seal.Sealer }

// newTicketSealer derives its keys from secrets, or makes up a secret if there is none.
func newTicketSealer(secrets [][]byte, client string) (ticketSealer, error) {
	if len(secrets) == 0 {
		secrets = [][]byte{[]byte(rand.Text())}
	}
	sealer, err := seal.New("ticket of a page of "+client, secrets...)
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

// open returns the visit sealed in ticket, and false if ticket was not sealed by s.
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
