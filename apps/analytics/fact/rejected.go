package fact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse.example/events"
)

// Rejected is an event that is not counted, stored so that an analyst can inspect it.
type Rejected struct {
	ID string // the event's id if that is valid, otherwise a hash of its content
	Reject
	Event string // as received, with characters replaced that cannot be stored, and cut to maxEvent
}

const maxEvent = 8 << 10 // bytes

// RejectEvent returns the Rejected for e with the reason why it is not counted.
func RejectEvent(e events.Event, reject *Reject) Rejected {
	raw, err := json.Marshal(e)
	if err != nil {
		raw = fmt.Appendf(nil, "%+v", e)
	}
	return newRejected(e.ID, *reject, string(raw))
}

// RejectEntry returns the Rejected for a stream entry that is not an event. Its id derives from the entry's id, which
// stays the same when the entry is delivered again.
func RejectEntry(m events.Malformed) Rejected {
	raw, ok := m.Fields["event"].(string)
	if !ok {
		raw = fmt.Sprintf("%v", m.Fields)
	}
	detail := "no event"
	if m.Err != nil {
		detail = m.Err.Error()
	}
	return newRejected("entry:"+m.EntryID, Reject{Reason: Malformed, Detail: truncate(detail)}, raw)
}

func newRejected(id string, reject Reject, raw string) Rejected {
	if id == "" || !isStorable(id, maxID) {
		sum := sha256.Sum256([]byte(raw))
		id = "content:" + hex.EncodeToString(sum[:])
	}
	if len(raw) > maxEvent {
		raw = raw[:maxEvent] + "…"
	}
	raw = strings.Map(func(r rune) rune {
		if r == 0 || r == utf8.RuneError {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(raw, "·"))
	return Rejected{ID: id, Reject: reject, Event: raw}
}
