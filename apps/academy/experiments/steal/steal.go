package steal

import (
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// The ways to keep sessions.
const (
	plain      = "plain"
	short      = "short"
	inRedis    = "redis"
	denylisted = "denylist"
)

// way is one of these ways, with its texts.
type way struct {
	name, label string
	brief       string // label below a bar
	kind        bank.Kind
	what        string // what is stolen
	costs       string // the price of the short exposure
}

var ways = []way{
	{plain, "JWT with a long life", "Long life", bank.Card, "card", "Nothing: no lookup, no server that must not stop. And no sign-out."},
	{short, "JWT with a short life", "Short life", bank.Card, "card", "A new card every few seconds or minutes, from a server that then has to be there, and a refresh token to guard."},
	{inRedis, "Redis session", "Redis", bank.Redis, "cookie", "A lookup for each request. While Redis is unavailable, no one is recognised."},
	{denylisted, "JWT with denylist", "Denylist", bank.CardDenylist, "card", "A connection to Redis for each branch, and a refusal after a second without contact to it."},
}

func wayOf(name string) (way, bool) {
	for _, w := range ways {
		if w.name == name {
			return w, true
		}
	}
	return way{}, false
}

// longLife is the lifetime of a plain card.
const longLife = time.Hour

var (
	kind     = lab.Param{Name: "kind", Label: "How it is kept", Type: lab.Choice, Default: plain, Options: options()}
	branches = lab.Param{Name: "branches", Label: "Branches", Type: lab.Int, Default: "3", Min: 1, Max: 4, Unit: "branches"}
	life     = lab.Param{Name: "life", Label: "Short life", Hint: "Of a card with a short life.", Type: lab.Int, Default: "3", Min: 2, Max: 10, Unit: "s"}
	watch    = lab.Param{Name: "watch", Label: "The attacker tries for", Hint: "At most; a card with a short life is always watched to its end.", Type: lab.Int, Default: "5", Min: 1, Max: 10, Unit: "s"}
)

func options() (all []lab.Option) {
	for _, w := range ways {
		all = append(all, lab.Option{Value: w.name, Label: w.label})
	}
	return all
}

// Experiment returns the description of "Steal the token".
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name:  "steal-the-token",
		Title: "Steal the token",
		Lead:  "Copy your own token, sign out, and measure for how long the copy still opens the door.",
		Real: "You and the attacker are two HTTP clients with a cookie jar each; the theft is a copy of your cookie's value. Branches are real HTTP servers, and sessions, cards and the denylist are " +
			"the packages that the estate runs (`sso/session`, `sso/token`, `sso/denylist`). Every replay is a real request to a branch, and the seconds are taken from the clock. " +
			"Two things are made short: a \"short life\" is a few seconds here and some minutes elsewhere, and the branches do not forgive clocks that are apart, which gives a card 30 seconds more in the estate. How a token is stolen is not shown.",
		Params: []lab.Param{kind, branches, life, watch},
		Controls: []lab.Control{
			{Name: "arrange", Label: "Build the bank", Icon: "building-2", Group: "The bank", Fields: []lab.Param{kind}, Hint: "A new one: everybody is signed out."},
			{Name: "sign-in", Label: "Sign in", Icon: "log-in", Group: "You"},
			{Name: "sign-out", Label: "Sign out", Icon: "log-out", Group: "You", Primary: true, Hint: "The attacker, if there is one, goes on trying meanwhile."},
			{Name: "steal", Label: "Copy the token", Icon: "copy", Group: "The attacker", Danger: true, Hint: "Signs you in first, if you are not."},
			{Name: "theft", Label: "All of it at once", Icon: "play", Group: "The attacker", Fields: []lab.Param{kind}, Hint: "Build the bank, sign in, copy, sign out, replay."},
			{Name: "stop", Label: "Stop the replay", Icon: "square", Group: "The attacker"},
		},
		Steps: steps(),
		Path:  func(setup lab.Args) { setup[kind.Name] = plain }, // the path continues with the other ways
		Open:  open,
	}
}
