package apps_test

import (
	"log/slog"
	"strings"
	"testing"

	"gatehouse.example/apps"
	"gatehouse.example/tests/env"
	"gatehouse.example/web"
)

func TestJoin_NeedsTheClientsSecret(t *testing.T) {
	estate, err := web.ParseEstate("http://house.test")
	if err != nil {
		t.Fatal(err)
	}
	d := apps.Deps{DB: env.DB(t, "shop"), Redis: env.MiniRedis(t), Estate: estate, Replica: "shop-1", Logger: slog.New(slog.DiscardHandler),
		Keys: [][]byte{[]byte("a key of thirty-two random bytes")}}
	if _, _, err := d.Join("shop", true); err == nil || !strings.Contains(err.Error(), "the client's secret is missing") {
		t.Errorf("without a secret: %v", err)
	}
	d.ClientSecret = "secret"
	if _, _, err := d.Join("shop", true); err != nil {
		t.Error(err)
	}
}
