package oidc

import "regexp"

// ourClient matches the User-Agent with which package rp names its replica in token requests. The client can set it
// to any name: it is only shown to administrators.
var ourClient = regexp.MustCompile(`^Gatehouse-RP \(([A-Za-z0-9][A-Za-z0-9._-]{0,63})\)$`)

// replicaOf returns the replica of an app that sent a token request, "" if the User-Agent does not name one.
func replicaOf(userAgent string) string {
	if m := ourClient.FindStringSubmatch(userAgent); m != nil {
		return m[1]
	}
	return ""
}
