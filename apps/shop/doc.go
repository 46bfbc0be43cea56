// Package shop is Gatehouse's shop: a catalogue, a cart, a checkout, orders, and a
// JSON API for sibling services.
//
//	catalogue ──▶ product ──▶ cart ──▶ checkout ──▶ order
//	   guests and people alike  │        │
//	   a guest's cart hangs on ─┘        └─ from here on one has to sign in; the
//	   a cookie and is merged into          guest's cart comes along
//	   the person's at sign-in
//
// Every page works without JavaScript: forms post and are answered 303. With it,
// htmx swaps the catalogue as one types and the cart as one counts. The shop's goods
// are in goods/, its SQL in store/.
package shop
