package analytics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse.example/components"
)

// eventField is a field of an event's data, as text.
type eventField struct{ label, value string }

// maxFields and maxItems limit the fields of an event, and the items of an order, that the list shows.
const (
	maxFields = 12
	maxItems  = 5
)

// fieldLabels are the labels of fields whose names do not say it.
var fieldLabels = map[string]string{
	"client_id": "App", "user_id": "Person", "order_id": "Order", "total_cents": "Total", "thread_id": "Thread", "post_id": "Post",
}

// eventFields returns the fields in an event's data, by label; none if it is not an object.
func eventFields(data string) []eventField {
	var object map[string]any
	decoder := json.NewDecoder(strings.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return nil
	}
	var fields []eventField
	delete(object, "client_id") // these two have columns of their own
	delete(object, "method")
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if value := fieldText(name, object[name]); value != "" && len(fields) < maxFields {
			label := cmp.Or(fieldLabels[name], capitalize(strings.ReplaceAll(truncate(name), "_", " ")))
			fields = append(fields, eventField{label, truncate(value)})
		}
	}
	return fields
}

func fieldText(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return strings.ReplaceAll(v, "\n", " ")
	case json.Number:
		if cents, err := v.Int64(); err == nil && strings.HasSuffix(name, "cents") {
			return components.Money(cents)
		}
		return v.String()
	case []any:
		texts := make([]string, 0, maxItems)
		for _, item := range v[:min(len(v), maxItems)] {
			texts = append(texts, itemText(item))
		}
		if more := len(v) - maxItems; more > 0 {
			texts = append(texts, fmt.Sprintf("and %d more", more))
		}
		return strings.Join(texts, "; ") // a name may have a comma
	}
	return itemText(value)
}

// itemText formats an item of an order as "2 × Olive Soap Block", and other values as JSON.
func itemText(item any) string {
	m, _ := item.(map[string]any)
	name, _ := m["name"].(string)
	if quantity, ok := m["quantity"].(json.Number); ok && name != "" {
		return quantity.String() + " × " + name
	}
	if text, ok := item.(string); ok {
		return text
	}
	raw, _ := json.Marshal(item) // it was decoded from JSON
	return string(raw)
}
