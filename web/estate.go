package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse.example/components"
)

// Estate has the services of one installation and their addresses: service X of http://localhost:8080 is at
// http://X.localhost:8080.
type Estate struct {
	scheme, host, domain string
	apps                 []App
}

// ParseEstate parses a base URL such as http://localhost:8080 or https://example.com. Pages show apps.
func ParseEstate(baseURL string, apps ...App) (Estate, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return Estate{}, fmt.Errorf("base URL %q is not valid", baseURL)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Estate{}, fmt.Errorf("base URL %q must begin with http:// or https://", baseURL)
	case u.Hostname() == "":
		return Estate{}, fmt.Errorf("base URL %q has no host", baseURL)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return Estate{}, errors.New("the base URL must be a scheme, a host and a port only")
	}
	return Estate{scheme: u.Scheme, host: strings.ToLower(u.Host), domain: strings.ToLower(u.Hostname()), apps: apps}, nil
}

// URL returns the origin of a service, without a slash at its end.
func (e Estate) URL(service string) string { return e.scheme + "://" + service + "." + e.host }

// Base returns the origin of the estate itself, without a slash at its end.
func (e Estate) Base() string { return e.scheme + "://" + e.host }

// IsZero reports whether e is not an estate that ParseEstate returned.
func (e Estate) IsZero() bool { return e.host == "" }

// Secure reports whether browsers reach the estate by https.
func (e Estate) Secure() bool { return e.scheme == "https" }

// Domain returns the host name of the estate without a port.
func (e Estate) Domain() string { return e.domain }

// App is what people see of a service in the app switcher.
type App struct {
	Key     string // name of the service, and of its host below the estate's: shop
	Name    string // Shop
	Tagline string
	Roles   []string // that may open it; none means all
	Pages   []Page   // that people can go to from everywhere
	Inbox   string   // path of the page with a person's notifications, "" for none
}

// Apps returns the services of the estate, in the order in which they are shown.
func (e Estate) Apps() []App { return e.apps }

// AppsFor returns the services that a person with these roles may open.
func (e Estate) AppsFor(roles []string) []components.App {
	shown := make([]components.App, 0, len(e.apps))
	for _, a := range e.apps {
		if mayOpen(a.Roles, roles) {
			shown = append(shown, e.appView(a))
		}
	}
	return shown
}

// Name returns what people call a service: "Shop" for "shop"; "" if the estate has none of this name.
func (e Estate) Name(service string) string {
	i := slices.IndexFunc(e.apps, func(a App) bool { return a.Key == service })
	if i < 0 {
		return ""
	}
	return e.apps[i].Name
}

// inbox returns the address of the inbox of the estate, or "" if it has none.
func (e Estate) inbox() string {
	for _, a := range e.apps {
		if a.Inbox != "" {
			return e.URL(a.Key) + a.Inbox
		}
	}
	return ""
}

func (e Estate) appOf(service string) components.App {
	for _, a := range e.apps {
		if a.Key == service {
			return e.appView(a)
		}
	}
	return components.App{Key: service, Name: service, URL: e.URL(service)}
}

func (e Estate) appView(a App) components.App {
	return components.App{Key: a.Key, Name: a.Name, Tagline: a.Tagline, URL: e.URL(a.Key)}
}
