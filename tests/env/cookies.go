package env

import "net/http"

// MalformedCookies is a transport that sends three malformed cookies of the same name before each cookie, as a browser
// does that has them for a folder of the site (RFC 6265 §5.4).
type MalformedCookies struct{ Next http.RoundTripper }

// RoundTrip sends r with the malformed cookies by Next, http.DefaultTransport if nil.
func (m MalformedCookies) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Cookies()
	r = r.Clone(r.Context())
	r.Header.Del("Cookie")
	for _, k := range sent {
		for _, value := range []string{"x", "y", "z", k.Value} {
			r.AddCookie(&http.Cookie{Name: k.Name, Value: value})
		}
	}
	if m.Next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return m.Next.RoundTrip(r)
}
