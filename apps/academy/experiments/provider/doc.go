// Package provider is the experiment "Someone else's provider": one app, two OpenID Connect providers, and the three
// settings that tell the app which of them to trust.
//
//	you ──▶ bank (bank/door: Echo, sso/rp) ── trusts ──▶ provider A: a Gatehouse portal of the run
//	                                            or ────▶ provider B: zitadel/oidc, a third-party implementation
//
// Both have a registered client for the bank, and one account each, in the learner's name.
package provider
