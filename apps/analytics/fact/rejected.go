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

// Rejected is an event that is not counted, kept so that somebody can look at it.
type Rejected struct {
	ID string // of the event if it has a usable one, otherwise made from its content
	Reject
	Event string // as it came, as far as that can be stored
}

const maxKept = 8 << 10 // bytes

// Keep is e with why it was not counted.
func Keep(e events.Event, reject *Reject) Rejected {
	raw, err := json.Marshal(e)
	if err != nil {
		raw = fmt.Appendf(nil, "%+v", e)
	}
	return kept(e.ID, *reject, string(raw))
}

// KeepEntry is a stream entry that was no event at all. Its id is the stream's, which does not change when the entry
// is delivered again.
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
