package web

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"gatehouse/components"
)

// Estate holds the addresses of the services of one installation: with the base URL http://localhost:8080, service X is
// at http://X.localhost:8080.
type Estate struct {
	scheme, host, domain string
}

// ParseEstate parses a base URL such as http://localhost:8080 or https://example.com.
func ParseEstate(baseURL string) (Estate, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return Estate{}, fmt.Errorf("base URL %q can't be read", baseURL)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Estate{}, fmt.Errorf("base URL %q must begin with http:// or https://", baseURL)
	case u.Hostname() == "":
		return Estate{}, fmt.Errorf("base URL %q names no host", baseURL)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return Estate{}, errors.New("the base URL takes a scheme, a host and a port, nothing more")
	}
	return Estate{scheme: u.Scheme, host: strings.ToLower(u.Host), domain: strings.ToLower(u.Hostname())}, nil
}

// URL returns the origin of a service, without a trailing slash.
func (e Estate) URL(service string) string { return e.scheme + "://" + service + "." + e.host }

// Base returns the origin of the estate itself, without a trailing slash.
func (e Estate) Base() string { return e.scheme + "://" + e.host }

// Secure reports whether browsers use https.
func (e Estate) Secure() bool { return e.scheme == "https" }

// Domain returns the host name of the estate without a port.
func (e Estate) Domain() string { return e.domain }

// catalogue lists the services in the app switcher. roles are those that may open it; none means everyone.
var catalogue = []struct {
	key, name, tagline string
	roles              []string
}{
	{"portal", "Portal", "Your account and sign-ins", nil},
	{"shop", "Shop", "Goods for a well-kept house", nil},
	{"forum", "Forum", "Questions, answers and advice", nil},
	{"analytics", "Analytics", "What happens across the estate", []string{"analyst", "admin"}},
	{"academy", "Academy", "Learn how sign-in scales", nil},
}

// Apps returns the services that a user with these roles may open.
func (e Estate) Apps(roles []string) []components.App {
	apps := make([]components.App, 0, len(catalogue))
	for _, a := range catalogue {
		if len(a.roles) == 0 || overlap(a.roles, roles) {
			apps = append(apps, components.App{Key: a.key, Name: a.name, Tagline: a.tagline, URL: e.URL(a.key)})
		}
	}
	return apps
}

// Name returns the display name of a service, "Shop" for "shop", or "" if it is unknown.
func (e Estate) Name(service string) string {
	for _, a := range catalogue {
		if a.key == service {
			return a.name
		}
	}
	return ""
}

func (e Estate) app(service string) components.App {
	for _, a := range catalogue {
		if a.key == service {
			return components.App{Key: a.key, Name: a.name, Tagline: a.tagline, URL: e.URL(a.key)}
		}
	}
	return components.App{Key: service, Name: service, URL: e.URL(service)}
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
