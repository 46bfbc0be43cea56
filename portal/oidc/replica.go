package oidc

import "regexp"

// ourClient is how package rp names itself and its replica in the User-Agent of its token requests. The name is a
// client's word about itself: it is shown to admins, and nothing is decided by it.
var ourClient = regexp.MustCompile(`^Gatehouse-RP \(([A-Za-z0-9][A-Za-z0-9._-]{0,63})\)$`)

// replicaOf is the replica of an app that a token request is from, "" where it does not say.
func replicaOf(userAgent string) string {
	if m := ourClient.FindStringSubmatch(userAgent); m != nil {
		return m[1]
	}
	return ""
}
