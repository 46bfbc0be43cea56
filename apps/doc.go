// Package apps is the code that the sibling apps share: their dependencies, and how each becomes a relying party of the
// portal. Each app is a package below this one; no app imports another.
package apps
