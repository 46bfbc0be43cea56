package card

import "gatehouse/apps/academy/lab"

// all reports whether each of the named findings has the value of all branches.
func all(f lab.Findings, names ...string) bool {
	for _, name := range names {
		if f.Value(name) == 0 || f.Value(name) != f.Value("branches") {
			return false
		}
	}
	return true
}

// steps returns the guided path.
func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "issue", Title: "A card for every branch",
			Do: "Sign in with a cookie, and visit every branch. Then get a card from the head office, and visit every branch with that. No branch has heard of the card before.",
			Expect: &lab.Expect{Question: "How often is the shared notebook (Redis) asked when you show the card?",
				Options: []string{"Once for each request, as with the cookie", "Once, and then the branches remember you", "Never"}, Right: 2},
			Control: "compare", Button: "Cookie, then card",
			Result: "With the cookie: {{accepted-cookie}} branches knew you, and Redis got **{{lookups-cookie}}**. With the card: {{accepted-good}} branches knew you, and Redis got **{{lookups}}**.",
			Why: "The card says who you are and is signed. A branch checks the signature with the bank's public key, which it has fetched before; after that it believes what is written. " +
				"Look at the three parts on this page: nothing is secret in them.",
			Seen: func(f lab.Findings) bool {
				return all(f, "accepted-good", "accepted-cookie") && f.Value("lookups-cookie") > 0 && f.Has("lookups") && f.Value("lookups") == 0
			},
		},
		{
			ID: "alter", Title: "Change a word",
			Do: "Everybody can decode the payload, so everybody can change it. Make yourself a manager: decode, replace `customer`, encode again. The signature stays as it is.",
			Expect: &lab.Expect{Question: "What do the branches say?",
				Options: []string{"Welcome, manager", "The one that gave out the card refuses, the others don't know better", "All refuse: the signature does not fit any more"}, Right: 2},
			Control: "alter", Button: "Send the altered card",
			Result: "Refused by **{{refused-altered}}** branches: {{refused-altered-why}}.",
			Why:    "The signature is of every letter of the header and the payload. One letter more or less, and it is the signature of something else.",
			Seen:   func(f lab.Findings) bool { return all(f, "refused-altered") },
		},
		{
			ID: "algorithm", Title: "Change the algorithm",
			Do: "The header says how the card is signed. So write `none` there and leave the signature out. Then the subtler trick: write `HS256`, and sign with the bank's *public* key as if it were a shared secret.",
			Expect: &lab.Expect{Question: "Which of the two is accepted?",
				Options: []string{"Both", "Only the one with a signature", "Neither"}, Right: 2},
			Control: "algorithm", Button: "Send both",
			Result: "`none` was refused by **{{refused-none}}** branches: {{refused-none-why}}. `HS256` was refused by **{{refused-hs256}}**: {{refused-hs256-why}}.",
			Why: "Both tricks have really opened doors, in libraries that let the card choose how it is checked. A branch must say which algorithms it believes, and look at nothing else (RFC 8725). " +
				"The public key of the bank is known to everybody; only as a public key is it of use.",
			Seen: func(f lab.Findings) bool { return all(f, "refused-none", "refused-hs256") },
		},
		{
			ID: "other-key", Title: "A key of your own",
			Do:      "Make a key pair of your own, and sign a perfectly formed card with it. In the header, call your key by the name of the bank's.",
			Control: "other-key", Button: "Send my own card",
			Result: "Refused by **{{refused-other-key}}** branches: {{refused-other-key-why}}.",
			Why:    "The name of a key in the header only says which of the bank's keys to try. A branch never takes a key, or the address of one, from the card itself.",
			Seen:   func(f lab.Findings) bool { return all(f, "refused-other-key") },
		},
		{
			ID: "audience", Title: "The wrong door",
			Do: "Now a card that the bank really signed, with its real key, for you: but for its vault. Show it at the branches.",
			Expect: &lab.Expect{Question: "The signature is good. Do the branches accept it?",
				Options: []string{"Yes: the bank signed it", "No: it is for somebody else"}, Right: 1},
			Control: "audience", Button: "Show the vault's card",
			Result: "Refused by **{{refused-wrong-audience}}** branches: {{refused-wrong-audience-why}}.",
			Why: "`aud` says whom a card is for. Without that check every service that you ever show a card to could go and use it elsewhere in your name: " +
				"the smallest app of the house could open the vault.",
			Seen: func(f lab.Findings) bool { return all(f, "refused-wrong-audience") },
		},
		{
			ID: "expire", Title: "Let it expire",
			Do:      "Get a card that is good for two seconds or so. Show it at once, wait, and show it again.",
			Control: "expire", Button: "Show it, wait, show it again", Once: true,
			Result: "At once: accepted by {{accepted-before-expiry}}. Afterwards: refused by **{{refused-expired}}**: {{refused-expired-why}}.",
			Why:    "Nobody told the branches anything: the time stands on the card. It is the only end that a plain card has. How long a stolen one opens doors is the next lesson.",
			Seen:   func(f lab.Findings) bool { return all(f, "accepted-before-expiry", "refused-expired") },
		},
		{
			ID: "rotate", Title: "Change the key under way",
			Do: "Keys have to be changed, and nobody should be signed out by it. The bank publishes the next key, the branches read it, and only then it signs. Cards of both keys are shown all the while.",
			Expect: &lab.Expect{Question: "How many requests are refused meanwhile?",
				Options: []string{"None", "Those with an old card", "Those with a new card, for half a minute"}, Right: 0},
			Control: "rotation", Button: "Rotate the key",
			Result: "Accepted: **{{accepted-during-rotation}}**. Refused: {{refused-during-rotation}}. Redis still got {{lookups}}.",
			Why: "The card names its key, and a branch knows several. Published before it signs: no branch meets a key that it has not heard of. Kept after it signs: cards from yesterday stay good. " +
				"In free mode you can rotate without publishing first.",
			Seen: func(f lab.Findings) bool {
				return f.Value("accepted-during-rotation") > 0 && f.Value("refused-during-rotation") == 0
			},
		},
		{
			ID: "drop", Title: "Drop the old key",
			Do: "The old key stays published until its last card has died. Unless somebody stole it: then it is dropped at once. Do that, and show both cards.",
			Expect: &lab.Expect{Question: "What becomes of cards that the old key signed?",
				Options: []string{"They are good until they expire", "They are refused from now on", "They are signed again by themselves"}, Right: 1},
			Control: "drop", Button: "Drop it now",
			Result: "The card of the old key was refused by **{{refused-after-drop}}** branches: {{refused-after-drop-why}}. The new one was accepted by {{accepted-after-drop}}. " +
				"In the whole experiment Redis got **{{lookups}}** with a card.",
			Why: "A key that is not published signs for nobody. That ends all its cards together, the thief's and everybody else's: a tool for an emergency, not for one person's sign-out.",
			Seen: func(f lab.Findings) bool {
				return all(f, "refused-after-drop", "accepted-after-drop") && f.Value("lookups") == 0
			},
		},
	}
}
