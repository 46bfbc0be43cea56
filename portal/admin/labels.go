package admin

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

// reasonLabels are the reasons for a revocation, in the order of the filter's options.
var reasonLabels = labels{
	{Value: denylist.Banned, Label: "Banned"},
	{Value: denylist.EndedByAdmin, Label: "Signed out by an administrator"},
	{Value: denylist.SignedOut, Label: "Signed out"},
	{Value: denylist.EndedElsewhere, Label: "Signed out from another device"},
	{Value: denylist.Everywhere, Label: "Signed out everywhere"},
	{Value: denylist.PasswordChanged, Label: "Password changed"},
	{Value: denylist.RolesChanged, Label: "Roles changed"},
	{Value: denylist.AccountDeleted, Label: "Account deleted"},
	{Value: denylist.TokenReplay, Label: "Refresh token used twice"},
	{Value: denylist.TokenRevoked, Label: "Token revoked"},
	{Value: denylist.Replaced, Label: "Replaced by another sign-in"},
	{Value: denylist.TooMany, Label: "Too many sign-ins"},
	{Value: denylist.ProviderLogout, Label: "Signed out by the identity provider"},
}

// labels are codes (Value) with the texts that the pages show for them, in the order of a filter's options.
type labels []components.Option

// text returns the label of code, or the code itself if it is unknown.
func (l labels) text(code string) string {
	for _, o := range l {
		if o.Value == code {
			return o.Label
		}
	}
	return code
}

// options returns the options of a filter; all is the label of the one that filters nothing.
func (l labels) options(all string) []components.Option {
	return append([]components.Option{{Label: all}}, l...)
}

// formatCount formats a count that stops at maxCount.
func formatCount(n int) string {
	if n >= maxCount {
		return components.Count(maxCount) + "+"
	}
	return components.Count(n)
}

// formatSignIns formats a user's number of active sign-ins, which is counted up to store.MaxSignInsListed.
func formatSignIns(n int) string {
	if n >= store.MaxSignInsListed {
		return components.Count(store.MaxSignInsListed) + "+"
	}
	return components.Count(n)
}

// formatBytes formats an amount of memory: 41.8 MiB.
func formatBytes(n int64) string {
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

// formatDuration formats a duration: 45 s, 12 min, 3 h 20 min, 2 d 4 h.
func formatDuration(d time.Duration) string {
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

// formatMillis formats a duration below one second in milliseconds, one below 10 s in tenths of a second, and a longer
// one as formatDuration does.
func formatMillis(d time.Duration) string {
	switch {
	case d < time.Second:
		return components.Count(d.Milliseconds()) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return formatDuration(d)
}

// formatRate formats requests per second: 0, 0.4, 12, 1,204.
func formatRate(r float64) string {
	switch {
	case r <= 0 || math.IsNaN(r):
		return "0"
	case r < 9.95:
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return components.Count(int64(math.Round(r)))
}
