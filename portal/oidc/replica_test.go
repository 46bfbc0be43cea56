package oidc_test

import (
	"strings"
	"testing"

	"gatehouse.example/portal/oidc"
)

func TestReplica_OnlyAPlainNameIsBelieved(t *testing.T) {
	for agent, want := range map[string]string{
		"Gatehouse-RP (shop-2)": "shop-2", "Gatehouse-RP (Shop.eu_1-a)": "Shop.eu_1-a",
		"Gatehouse-RP (" + strings.Repeat("a", 64) + ")": strings.Repeat("a", 64), "Gatehouse-RP (" + strings.Repeat("a", 65) + ")": "",
		"": "", "Go-http-client/1.1": "", "Gatehouse-RP ()": "", "Gatehouse-RP (-)": "", "Gatehouse-RP (a b)": "", "Gatehouse-RP (<b>)": "",
		"Gatehouse-RP (a)\n": "", "Gatehouse-RP (a\x00)": "", "x Gatehouse-RP (a)": "", "Gatehouse-RP (a) x": "", "Gatehouse-RP (ä)": "",
	} {
		if got := oidc.ReplicaOf(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}
