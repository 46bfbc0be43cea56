package analytics

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/events"
)

// tile is one figure at the top of the page, compared with the previous period.
type tile struct {
	label, icon string
	apps        []string // as in panel
	value       func(f *figures) (now, before int64)
	show        func(int64) string
}

func countText(n int64) string { return countCell(n).show }

func cellTotal(c store.Cell) int64 { return c.Total }
func cellCents(c store.Cell) int64 { return c.Cents }

func countOf(value func(store.Cell) int64, typ string, variants ...string) func(f *figures) (int64, int64) {
	return func(f *figures) (int64, int64) { return f.totals(value, typ, variants...) }
}

// tiles lists the tiles in the order of the page.
// icons: log-in log-out users user-plus shopping-bag banknote message-square thumbs-up
var tiles = []tile{
	{"Sign-ins", "log-in", nil, countOf(cellTotal, events.SignIn), countText},
	{"Active people", "users", nil, func(f *figures) (int64, int64) { return f.everyone[0], f.everyone[1] }, countText},
	{"Orders", "shopping-bag", []string{"shop"}, countOf(cellTotal, events.OrderPlaced), countText},
	{"Revenue", "banknote", []string{"shop"}, revenueTotal, wholeDollars},
	{"Posts and threads", "message-square", []string{"forum"}, postsAndThreads, countText},
	{"Votes", "thumbs-up", []string{"forum"}, countOf(cellTotal, events.VoteCast, fact.Given), countText},
	{"Sign-outs", "log-out", []string{"portal", "analytics"}, countOf(cellTotal, events.SignOut), countText},
	{"New accounts", "user-plus", []string{"portal"}, countOf(cellTotal, events.Registered), countText},
}

func postsAndThreads(f *figures) (int64, int64) {
	posts, postsBefore := f.totals(cellTotal, events.PostCreated)
	threads, threadsBefore := f.totals(cellTotal, events.ThreadCreated)
	return posts + threads, postsBefore + threadsBefore
}

func revenueTotal(f *figures) (int64, int64) {
	placed, placedBefore := f.totals(cellCents, events.OrderPlaced)
	cancelled, cancelledBefore := f.totals(cellCents, events.OrderCancelled)
	return placed + cancelled, placedBefore + cancelledBefore
}

// maxTiles limits the tiles for all apps together: two full rows of three.
const maxTiles = 6

// stats returns the tiles that cover app, made from f.
func stats(f *figures, app string) []components.StatView {
	views := make([]components.StatView, 0, len(tiles))
	for _, t := range tiles {
		if app != "" && len(t.apps) > 0 && !slices.Contains(t.apps, app) || app == "" && len(views) == maxTiles {
			continue
		}
		now, before := t.value(f)
		v := components.StatView{Label: t.label, Icon: t.icon, Value: t.show(now)}
		v.Hint = "no earlier data to compare"
		if f.compared {
			v.Change, v.Trend, v.Hint = describeChange(now, before, t.show)
		}
		views = append(views, v)
	}
	return views
}

// describeChange describes the difference from the previous period: the relative change with its sign, its direction
// ("up" or "down"), and the value before.
func describeChange(now, before int64, show func(int64) string) (change, trend, hint string) {
	hint = "from " + show(before)
	switch {
	case now == before:
		return "", "", "no change"
	case before == 0:
		return "", "", "none previously"
	}
	percent := float64(now-before) / math.Abs(float64(before)) * 100
	trend, change = "up", "+"
	if percent < 0 {
		trend, change = "down", minus
	}
	switch size := math.Abs(percent); {
	case size >= 1000 && now > 0 && before > 0:
		change = fmt.Sprintf("×%.0f", float64(now)/float64(before))
	case size >= 10:
		change += fmt.Sprintf("%.0f%%", size)
	default:
		change += fmt.Sprintf("%.1f%%", size)
	}
	return change, trend, hint
}

// wholeDollars formats an amount rounded to dollars, to fit into a tile.
func wholeDollars(cents int64) string {
	rounded := int64(math.Round(float64(cents)/100)) * 100
	return signed(rounded, func(cents int64) string { return strings.TrimSuffix(components.Money(cents), ".00") })
}
