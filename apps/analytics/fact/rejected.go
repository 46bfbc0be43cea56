package fact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse/events"
)

// Rejected is an event that is not counted, stored so that an analyst can inspect it.
type Rejected struct {
	ID string // the event's id if that is valid, otherwise a hash of its content
	Reject
	Event string // as received, with characters replaced that cannot be stored, and cut to maxKept
}

const maxKept = 8 << 10 // bytes

// Keep returns the Rejected for e with the reason why it is not counted.
func Keep(e events.Event, reject *Reject) Rejected {
	raw, err := json.Marshal(e)
	if err != nil {
		raw = fmt.Appendf(nil, "%+v", e)
	}
	return kept(e.ID, *reject, string(raw))
}

// KeepEntry returns the Rejected for a stream entry that is not an event. Its id derives from the entry's id, which
// stays the same when the entry is delivered again.
func KeepEntry(m events.Malformed) Rejected {
	raw, ok := m.Fields["event"].(string)
	if !ok {
		raw = fmt.Sprintf("%v", m.Fields)
	}
	detail := "no event"
	if m.Err != nil {
		detail = m.Err.Error()
	}
	return kept("entry:"+m.EntryID, Reject{Reason: Malformed, Detail: clip(detail)}, raw)
}

func kept(id string, reject Reject, raw string) Rejected {
	if id == "" || !text(id, maxID) {
		sum := sha256.Sum256([]byte(raw))
		id = "content:" + hex.EncodeToString(sum[:])
	}
	if len(raw) > maxKept {
		raw = raw[:maxKept] + "…"
	}
	raw = strings.Map(func(r rune) rune {
		if r == 0 || r == utf8.RuneError {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(raw, "·"))
	return Rejected{ID: id, Reject: reject, Event: raw}
}
