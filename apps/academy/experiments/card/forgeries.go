package card

import "context"

func (a *apparatus) forgeNone(ctx context.Context, card string) error {
	return a.refused(ctx, "refused-none", "Algorithm none",
		shown{what: "Algorithm none, no signature", raw: unsigned(card, a.office.signer()), header: true, payload: true, signature: true})
}

func (a *apparatus) forgeHS256(ctx context.Context, card string) error {
	raw, err := confused(ctx, card, a.office)
	if err != nil {
		return err
	}
	return a.refused(ctx, "refused-hs256", "HS256 with the public key",
		shown{what: "HS256, with the public key as the secret", raw: raw, header: true, payload: true, signature: true})
}

func (a *apparatus) forgeWithOtherKey(ctx context.Context) error {
	raw, err := foreign(a.name(), a.office.signer())
	if err != nil {
		return err
	}
	return a.refused(ctx, "refused-other-key", "Another key", shown{what: "Signed with a key of your own", raw: raw, payload: true, signature: true})
}

func (a *apparatus) forVault(ctx context.Context) error {
	raw, err := a.office.sign(a.name(), vault, cardLife)
	if err != nil {
		return err
	}
	return a.refused(ctx, "refused-wrong-audience", "Another audience", shown{what: "Really signed by the bank, for the vault", raw: raw})
}
