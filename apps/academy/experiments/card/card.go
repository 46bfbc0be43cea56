package card

import (
	"time"

	"gatehouse.example/apps/academy/lab"
)

// patience is the timeout of a request.
const patience = 3 * time.Second

// shortLife is the lifetime of the card that is left to expire. Cards count whole seconds, so it is valid for 1.5 to
// 2.5 seconds.
const shortLife = 2500 * time.Millisecond

var branches = lab.Param{Name: "branches", Label: "Branches", Type: lab.Int, Default: "3", Min: 1, Max: 6, Unit: "branches"}

// Experiment returns the description of "The card".
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name:  "the-card",
		Title: "The card",
		Lead:  "A signed card tells every branch who you are. Try to forge it, and read why each branch refuses.",
		Real: "The head office and the branches are real HTTP servers on loopback. Each branch verifies cards with the package that the estate runs (`sso/token`), and says why it refuses one in more words " +
			"than a real API tells a stranger. It fetches the bank's public keys over HTTP. Redis is an embedded server; each command that a branch sends to it is counted. Two things are quicker than in production: a branch reads the keys again " +
			"when this page says so (the estate does it every half minute), and it refuses a card the moment it expires, since all have one clock here (the estate forgives clocks that are 30 seconds apart).",
		Params: []lab.Param{branches},
		Controls: []lab.Control{
			{Name: "issue", Label: "Get a card", Icon: "id-card", Group: "Your card", Primary: true, Hint: "The head office signs it, and you show it at every branch."},
			{Name: "show", Label: "Show it everywhere", Icon: "send", Group: "Your card"},
			{Name: "compare", Label: "Cookie, then card", Icon: "cookie", Group: "Your card", Hint: "The same pages with a session of the shared notebook, to compare the lookups."},
			{Name: "expire", Label: "Let one expire", Icon: "timer", Group: "Your card", Hint: "A card that is good for two seconds or so."},
			{Name: "alter", Label: "Change what is written on it", Icon: "pencil", Group: "Forge"},
			{Name: "none", Label: "Algorithm: none", Icon: "shield-off", Group: "Forge"},
			{Name: "hs256", Label: "Algorithm: HS256 with the public key", Icon: "shuffle", Group: "Forge"},
			{Name: "algorithm", Label: "Both tricks with the algorithm", Icon: "shield-off", Group: "Forge"},
			{Name: "other-key", Label: "Sign it with a key of my own", Icon: "key", Group: "Forge"},
			{Name: "audience", Label: "Use a card for the vault", Icon: "map-pin", Group: "Forge"},
			{Name: "rotation", Label: "Rotate the key under way", Icon: "refresh-cw", Group: "Keys", Hint: "Publish the next key, then sign with it. Old and new cards are shown meanwhile."},
			{Name: "prepare", Label: "Publish the next key", Icon: "megaphone", Group: "Keys"},
			{Name: "rotate", Label: "Sign with the next key", Icon: "key", Group: "Keys", Hint: "Without publishing it first, if you like to see what comes of it."},
			{Name: "drop", Label: "Drop the old key", Icon: "trash-2", Group: "Keys", Danger: true},
		},
		Steps: steps(),
		Open:  open,
	}
}
