// Package shop is Gatehouse's shop: a catalogue, a cart, a checkout, orders, reviews, and a JSON API for other
// services.
//
//	catalogue ──▶ product ──▶ cart ──▶ checkout ──▶ order
//	         guests and users   │        │
//	   a guest's cart belongs ──┘        └─ requires a sign-in; the guest's
//	   to a cookie and is merged into       cart is kept
//	   the user's cart at sign-in
//
// The checkout has four pages: address, shipping, a test payment, and the review that places the order. What is chosen
// is kept with the cart (store/choices.go).
//
// An order is placed, paid, packed, sent and delivered by the clock, without a job, or earlier by a merchant
// (store/status.go, merchant.go). Until it is packed its user can cancel it, and after its delivery return it.
//
// Buyers review what they ordered (reviews.go); the catalogue can be filtered and sorted by the ratings.
//
// Every page works without JavaScript: forms are posted and answered with 303. With JavaScript, htmx updates the
// catalogue while the user types, and the cart when a quantity changes. The shop's goods are in goods/, its SQL in
// store/.
package shop
