package diagram

import (
	"maps"
	"slices"

	"github.com/a-h/templ"
)

// drawing is a diagram.
type drawing struct {
	caption string // default; the lesson may give its own
	text    string // text alternative: everything that it shows
	svg     func() templ.Component
}

var drawings = map[string]drawing{
	"branches": {
		caption: "Each branch keeps its own notebook.",
		text: "You go to the bank through its door. Behind the door there are three branches. Each keeps its own notebook. " +
			"Your signature is in the notebook of branch 1 only, so branches 2 and 3 do not know you.",
		svg: branches,
	},
	"shared-notebook": {
		caption: "One notebook for all branches: any of them knows you.",
		text: "You go to the bank through its door. Behind the door there are three branches. None keeps a notebook: all three ask the " +
			"same one, which is Redis. Your signature is in it, so every branch knows you.",
		svg: sharedNotebook,
	},
	"card": {
		caption: "A card that can't be forged: the branch can check it alone.",
		text: "The bank's head office signs a card with its private key and gives it to you. You show it at any of three branches. Each checks " +
			"the signature with the public key that it has, without asking anyone.",
		svg: card,
	},
	"code-flow": {
		caption: "The authorization code flow: the password goes to one place only.",
		text: "Four messages between the browser, an app and the identity provider. One: the browser asks the app for a page. Two: the app sends " +
			"the browser to the provider, where the person signs in. Three: the provider sends the browser back to the app with a code. " +
			"Four: the app exchanges the code for tokens, directly with the provider. Then the browser has a session with the app.",
		svg: codeFlow,
	},
	"layers-of-scale": {
		caption: "Parts with state are hard to scale out, so the state moves down.",
		text: "Four layers, one above the other. At the top the load balancer, which chooses a server. Below it the servers, as many as you like, " +
			"since they keep nothing. Below them Redis, which keeps the sessions. At the bottom the database, which keeps what must never be lost.",
		svg: layers,
	},
}

// Names returns the names of all diagrams, sorted.
func Names() []string { return slices.Sorted(maps.Keys(drawings)) }
