package card

import (
	"context"

	"gatehouse.example/apps/academy/lab"
)

// reread makes every branch fetch the keys again.
func (a *apparatus) reread(ctx context.Context) error {
	for _, b := range a.branches {
		if err := b.keys.read(ctx); err != nil {
			return err
		}
	}
	a.bench.Log(lab.Note, "Every branch has read the keys of the head office: %s.", a.office.keyNames())
	return nil
}

// prepare publishes the next key, which does not sign yet.
func (a *apparatus) prepare(ctx context.Context) error {
	if len(a.office.cards.KIDs()) >= maxKeys {
		return errKeys
	}
	kid, err := a.office.cards.Prepare()
	if err != nil {
		return err
	}
	a.bench.Log(lab.Acted, "The head office published %s. It signs nothing yet.", kid)
	return a.reread(ctx)
}

// rotate shows the old card, makes the next key the signing key, and shows a new card and the old one. It stores how
// many requests were accepted and refused in total.
func (a *apparatus) rotate(ctx context.Context, old string) error {
	if len(a.office.cards.KIDs()) >= maxKeys {
		return errKeys
	}
	all, err := a.send(ctx, shown{what: "Your card, while the next key is published", raw: old})
	if err != nil {
		return err
	}
	kid, err := a.office.cards.Rotate()
	if err != nil {
		return err
	}
	a.bench.Log(lab.Acted, "From now on the head office signs with %s.", kid)
	card, err := a.office.sign(a.name(), audience, cardLife)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.before, a.card = old, card
	a.mu.Unlock()
	for _, s := range []shown{{what: "A new card, signed with " + kid, raw: card}, {what: "The card from before the rotation", raw: old}} {
		t, err := a.send(ctx, s)
		if err != nil {
			return err
		}
		all.accepted, all.asked = all.accepted+t.accepted, all.asked+t.asked
	}
	a.found("accepted-during-rotation", "Accepted during the rotation", all.accepted, all.asked)
	a.found("refused-during-rotation", "Refused during the rotation", all.asked-all.accepted, all.asked)
	return nil
}

// drop stops publishing the old keys, and shows cards of the old and the new key.
func (a *apparatus) drop(ctx context.Context) error {
	kids := a.office.cards.KIDs()
	a.mu.Lock()
	old, card := a.before, a.card
	a.mu.Unlock()
	switch {
	case len(kids) < 2:
		return errOneKey
	case old == "":
		return errNoOld
	}
	for _, kid := range kids[:len(kids)-1] {
		if err := a.office.cards.Withdraw(kid); err != nil {
			return err
		}
		a.bench.Log(lab.Acted, "The head office publishes %s no longer.", kid)
	}
	if err := a.reread(ctx); err != nil {
		return err
	}
	if err := a.refused(ctx, "refused-after-drop", "Card of the dropped key", shown{what: "The card from before the rotation", raw: old}); err != nil {
		return err
	}
	t, err := a.send(ctx, shown{what: "Your card", raw: card})
	if err == nil {
		a.found("accepted-after-drop", "New card after the drop: accepted", t.accepted, t.asked)
	}
	return err
}
