package card

import "gatehouse.example/apps/academy/lab"

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
			Do: "Sign in with a cookie, and visit every branch. Then get a card from the head office, and visit every branch with that. No branch has seen the card before.",
			Expect: &lab.Expect{Question: "How often is the shared notebook (Redis) asked when you show the card?",
				Options: []string{"Once for each request, as with the cookie", "Once, and then the branches remember you", "Never"}, Right: 2},
			Control: "compare", Button: "Cookie, then card",
			Result: "With the cookie: {{accepted-cookie}} branches recognised you, and Redis got **{{lookups-cookie}}**. With the card: {{accepted-good}} branches recognised you, and Redis got **{{lookups}}**.",
			Why: "The card says who you are and is signed. A branch checks the signature with the bank's public key, which it fetched earlier, and then trusts what the card says. " +
				"Look at the three parts on this page: none of them is secret.",
			Seen: func(f lab.Findings) bool {
				return all(f, "accepted-good", "accepted-cookie") && f.Value("lookups-cookie") > 0 && f.Has("lookups") && f.Value("lookups") == 0
			},
		},
		{
			ID: "alter", Title: "Change a word",
			Do: "Anyone can decode the payload, so anyone can change it. Make yourself a manager: decode, replace `customer`, encode again. The signature stays as it is.",
			Expect: &lab.Expect{Question: "What do the branches say?",
				Options: []string{"Welcome, manager", "Only the branch that issued the card refuses it", "All refuse: the signature no longer matches"}, Right: 2},
			Control: "alter", Button: "Send the altered card",
			Result: "Refused by **{{refused-altered}}** branches: {{refused-altered-why}}.",
			Why:    "The signature covers every character of the header and the payload. Change one character, and it no longer matches.",
			Seen:   func(f lab.Findings) bool { return all(f, "refused-altered") },
		},
		{
			ID: "algorithm", Title: "Change the algorithm",
			Do: "The header says how the card is signed. So write `none` there and leave the signature out. Then the subtler trick: write `HS256`, and sign with the bank's *public* key as if it were a shared secret.",
			Expect: &lab.Expect{Question: "Which of the two is accepted?",
				Options: []string{"Both", "Only the one with a signature", "Neither"}, Right: 2},
			Control: "algorithm", Button: "Send both",
			Result: "`none` was refused by **{{refused-none}}** branches: {{refused-none-why}}. `HS256` was refused by **{{refused-hs256}}**: {{refused-hs256-why}}.",
			Why: "Both tricks have worked in real libraries that let the card choose how it is checked. A branch must list the algorithms that it accepts, and ignore everything else (RFC 8725). " +
				"Everyone knows the bank's public key, so it must never be used as a secret.",
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
			ID: "audience", Title: "The wrong audience",
			Do: "Now a card that the bank really signed for you, with its real key, but for its vault. Show it at the branches.",
			Expect: &lab.Expect{Question: "The signature is good. Do the branches accept it?",
				Options: []string{"Yes: the bank signed it", "No: it's for a different service"}, Right: 1},
			Control: "audience", Button: "Show the vault's card",
			Result: "Refused by **{{refused-wrong-audience}}** branches: {{refused-wrong-audience-why}}.",
			Why: "`aud` says which service a card is for. Without this check, every service that gets your card could use it elsewhere in your name: " +
				"the smallest app could open the vault.",
			Seen: func(f lab.Findings) bool { return all(f, "refused-wrong-audience") },
		},
		{
			ID: "expire", Title: "Let it expire",
			Do:      "Get a card that is valid for about two seconds. Show it immediately, wait, and show it again.",
			Control: "expire", Button: "Show it, wait, show it again", Once: true,
			Result: "At once: accepted by {{accepted-before-expiry}}. Afterwards: refused by **{{refused-expired}}**: {{refused-expired-why}}.",
			Why:    "The branches need no message for this, because the card contains the time. A plain card ends in no other way. The next lesson shows how long a stolen one keeps working.",
			Seen:   func(f lab.Findings) bool { return all(f, "accepted-before-expiry", "refused-expired") },
		},
		{
			ID: "rotate", Title: "Rotate the key",
			Do: "Keys have to be changed without signing anyone out. The bank publishes the next key, the branches read it, and only then the bank signs with it. Meanwhile you show cards of both keys.",
			Expect: &lab.Expect{Question: "How many requests are refused meanwhile?",
				Options: []string{"None", "Those with an old card", "Those with a new card, for half a minute"}, Right: 0},
			Control: "rotation", Button: "Rotate the key",
			Result: "Accepted: **{{accepted-during-rotation}}**. Refused: {{refused-during-rotation}}. Redis still got {{lookups}}.",
			Why: "The card names its key, and a branch knows several. Published before it signs: no branch sees a key that it doesn't know. Kept after it signs: cards from yesterday stay valid. " +
				"In free mode you can rotate without publishing first.",
			Seen: func(f lab.Findings) bool {
				return f.Value("accepted-during-rotation") > 0 && f.Value("refused-during-rotation") == 0
			},
		},
		{
			ID: "drop", Title: "Drop the old key",
			Do: "The old key stays published until its last card has expired, unless it was stolen: then it is dropped immediately. Do that, and show both cards.",
			Expect: &lab.Expect{Question: "What happens to cards signed with the old key?",
				Options: []string{"They stay valid until they expire", "They are refused from now on", "They're automatically signed again"}, Right: 1},
			Control: "drop", Button: "Drop it now",
			Result: "The card of the old key was refused by **{{refused-after-drop}}** branches: {{refused-after-drop-why}}. The new one was accepted by {{accepted-after-drop}}. " +
				"In the whole experiment Redis got **{{lookups}}** with a card.",
			Why: "Cards of an unpublished key are refused. That ends all of them together, the thief's and everyone else's: it's for emergencies, not for signing out one person.",
			Seen: func(f lab.Findings) bool {
				return all(f, "refused-after-drop", "accepted-after-drop") && f.Value("lookups") == 0
			},
		},
	}
}
