package fact

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"gatehouse.example/events"
)

// readers maps each event type to the function that reads its data into a Fact.
var readers = map[string]func(data map[string]any, f *Fact) *Reject{
	events.Deployed:       readDeployed,
	events.SignIn:         readSignIn,
	events.SignOut:        readSignOut,
	events.Registered:     func(map[string]any, *Fact) *Reject { return nil },
	events.UserBanned:     func(map[string]any, *Fact) *Reject { return nil },
	events.CartStarted:    func(map[string]any, *Fact) *Reject { return nil },
	events.OrderPlaced:    readOrder,
	events.OrderCancelled: readCancellation,
	events.ThreadCreated:  func(map[string]any, *Fact) *Reject { return nil },
	events.PostCreated:    func(map[string]any, *Fact) *Reject { return nil },
	events.VoteCast:       readVote,
}

func readSignIn(data map[string]any, f *Fact) *Reject {
	if reject := readClient(data, f); reject != nil {
		return reject
	}
	return readVariant(data, "method", f, Password, SSO)
}

func readSignOut(data map[string]any, f *Fact) *Reject {
	if reject := readClient(data, f); reject != nil {
		return reject
	}
	return readVariant(data, "scope", f, Session, Everywhere)
}

// readClient sets f.App to the event's client_id, if it has one. Without one, the event belongs to the portal itself.
func readClient(data map[string]any, f *Fact) *Reject {
	v, there := data["client_id"]
	if !there || v == "" || v == nil {
		return nil
	}
	id, ok := v.(string)
	if !ok || !NamePattern.MatchString(id) {
		return malformed("client_id")
	}
	f.App = id
	return nil
}

func readVariant(data map[string]any, field string, f *Fact, allowed ...string) *Reject {
	v, _ := data[field].(string)
	for _, a := range allowed {
		if v == a {
			f.Variant = a
			return nil
		}
	}
	return malformed("%s", field)
}

func readVote(data map[string]any, f *Fact) *Reject {
	value, ok := readInteger(data["value"], -1, 1)
	if !ok || value == 0 {
		return malformed("value")
	}
	f.Variant = Given
	if value < 0 {
		f.Variant = TakenBack
	}
	return nil
}

// readDeployed sets the variant of f to the version.
func readDeployed(data map[string]any, f *Fact) *Reject {
	version, _ := data["version"].(string)
	if strings.TrimSpace(version) == "" || !isStorable(version, maxVersion) {
		return malformed("version")
	}
	f.Variant = version
	return nil
}

const (
	maxCents    = 1_000_000_000_000 // sums of these stay far below the maximum of a BIGINT
	maxQuantity = 1_000_000
	maxItems    = 500
)

func readOrder(data map[string]any, f *Fact) *Reject {
	total, ok := readInteger(data["total_cents"], 0, maxCents)
	if !ok {
		return malformed("total_cents")
	}
	items, ok := data["items"].([]any)
	if !ok || len(items) == 0 || len(items) > maxItems {
		return malformed("items")
	}
	f.Cents = total
	for i, item := range items {
		s, field := readSale(item)
		if field != "" {
			return malformed("items[%d].%s", i, field)
		}
		f.Sales = append(f.Sales, s)
	}
	return nil
}

func readCancellation(data map[string]any, f *Fact) *Reject {
	total, ok := readInteger(data["total_cents"], 0, maxCents)
	if !ok {
		return malformed("total_cents")
	}
	f.Cents = -total
	return readVariant(data, "how", f, Cancelled, Returned)
}

// readSale reads one line of an order. field names the first invalid field, "" if all are valid.
func readSale(item any) (s Sale, field string) {
	m, ok := item.(map[string]any)
	if !ok {
		return s, "type"
	}
	if s.Product, ok = readProductID(m["product"]); !ok {
		return s, "product"
	}
	if s.Name, _ = m["name"].(string); strings.TrimSpace(s.Name) == "" || !isStorable(s.Name, maxText) {
		return s, "name"
	}
	if s.Quantity, ok = readInteger(m["quantity"], 1, maxQuantity); !ok {
		return s, "quantity"
	}
	if s.Cents, ok = readInteger(m["cents"], 0, maxCents); !ok {
		return s, "cents"
	}
	return s, ""
}

// readProductID reads a product's identifier, which may be text or a number.
func readProductID(v any) (string, bool) {
	if n, ok := readInteger(v, 0, math.MaxInt32); ok {
		return strconv.FormatInt(n, 10), true
	}
	s, _ := v.(string)
	return s, s != "" && isStorable(s, maxText)
}

// readInteger reads an integer from least to most, as a Go integer or as decoded from JSON.
func readInteger(v any, least, most int64) (int64, bool) {
	var n int64
	switch v := v.(type) {
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, false
		}
		n = int64(v)
	case int:
		n = int64(v)
	case int64:
		n = v
	case json.Number:
		i, err := v.Int64()
		if err != nil {
			return 0, false
		}
		n = i
	default:
		return 0, false
	}
	return n, n >= least && n <= most
}

func truncate(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText]) + "…"
	}
	return s
}
