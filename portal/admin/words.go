package admin

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"gatehouse/components"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

// reasons are the reasons for a revocation, in the order of the filter's options.
var reasons = []struct{ code, words string }{
	{denylist.Banned, "Banned"},
	{denylist.EndedByAdmin, "Signed out by an administrator"},
	{denylist.SignedOut, "Signed out"},
	{denylist.EndedElsewhere, "Signed out from another device"},
	{denylist.Everywhere, "Signed out everywhere"},
	{denylist.PasswordChanged, "Password changed"},
	{denylist.RolesChanged, "Roles changed"},
	{denylist.AccountDeleted, "Account deleted"},
	{denylist.TokenReplay, "Refresh token used twice"},
	{denylist.TokenRevoked, "Token revoked"},
	{denylist.Replaced, "Replaced by another sign-in"},
	{denylist.TooMany, "Too many sign-ins"},
	{denylist.ProviderLogout, "Signed out by the identity provider"},
}

// why returns the label of a reason, or the code itself if it is unknown.
func why(code string) string {
	for _, r := range reasons {
		if r.code == code {
			return r.words
		}
	}
	return code
}

// about formats a count that stops at countLimit.
func about(n int) string {
	if n >= countLimit {
		return components.Count(countLimit) + "+"
	}
	return components.Count(n)
}

// signInCount formats a user's number of active sign-ins, which is counted up to store.MaxSignInsListed.
func signInCount(n int) string {
	if n >= store.MaxSignInsListed {
		return components.Count(store.MaxSignInsListed) + "+"
	}
	return components.Count(n)
}

// memory formats an amount of memory: 41.8 MiB.
func memory(n int64) string {
	size, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for size >= 1024 && i < len(units)-1 {
		size, i = size/1024, i+1
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + units[i]
}

// span formats a duration: 45 s, 12 min, 3 h 20 min, 2 d 4 h.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// ms formats a duration below 10 s in milliseconds, and a longer one as span does.
func ms(d time.Duration) string {
	if d < 10*time.Second {
		return components.Count(d.Milliseconds()) + " ms"
	}
	return span(d)
}

// rate formats requests per second: 0, 0.4, 12, 1,204.
func rate(r float64) string {
	switch {
	case r <= 0 || math.IsNaN(r):
		return "0"
	case r < 9.95:
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return components.Count(int64(math.Round(r)))
}
