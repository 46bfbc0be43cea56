package cookies

import (
	"net/http"
	"slices"
)

// maxValues limits what Values returns, since callers look each value up in Redis or in a database.
const maxValues = 3

// Values returns the values of r's cookies of this name that are well formed: at most three, each once, in the order in
// which the browser sends them. wellFormed has to refuse whatever the service does not set, as far as it can tell
// without a look-up, since a value that it accepts takes the place of another.
func Values(r *http.Request, name string, wellFormed func(value string) bool) []string {
	var values []string
	for _, k := range r.CookiesNamed(name) {
		if len(values) < maxValues && wellFormed(k.Value) && !slices.Contains(values, k.Value) {
			values = append(values, k.Value)
		}
	}
	return values
}
