package card

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	bankcard "gatehouse.example/apps/academy/bank/card"
)

// Issuer and audiences of the cards.
const (
	issuer   = "https://bank.example"
	audience = "bank-branch"
	vault    = "bank-vault" // another audience of the same bank
)

// cardLife is the lifetime of an ordinary card.
const cardLife = 15 * time.Minute

// office is the bank's head office: it signs cards and publishes the keys to verify them with at GET /jwks.json.
type office struct {
	cards   *bankcard.Issuer
	http    *http.Server
	url     string
	fetched atomic.Int64 // number of times that its keys were fetched
	client  *http.Client // used by the branches to fetch the keys
}

func openOffice(ctx context.Context) (*office, error) {
	cards, err := bankcard.New(issuer, nil)
	if err != nil {
		return nil, err
	}
	o := &office{cards: cards, client: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks.json", o.keys)
	if o.http, o.url, err = serve(ctx, mux); err != nil {
		return nil, err
	}
	return o, nil
}

// serve starts an HTTP server on loopback and returns its URL.
func serve(ctx context.Context, h http.Handler) (*http.Server, string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("the card: a listener: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: patience, IdleTimeout: time.Minute}
	go func() { _ = s.Serve(ln) }()
	return s, "http://" + ln.Addr().String(), nil
}

func (o *office) keys(w http.ResponseWriter, _ *http.Request) {
	o.fetched.Add(1)
	set, err := o.cards.JWKS()
	if err != nil {
		http.Error(w, "no keys", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(set)
}

// sign returns a card with the given subject, audience and lifetime.
func (o *office) sign(who, audience string, life time.Duration) (string, error) {
	return o.cards.Sign(bankcard.Card{Subject: who, Audience: audience, Roles: []string{"customer"}, Life: life})
}

// signer returns the ID of the signing key.
func (o *office) signer() string {
	all := o.cards.KIDs()
	return all[len(all)-1]
}

// keyNames describes the published keys.
func (o *office) keyNames() string {
	set, err := o.cards.JWKS()
	if err != nil {
		return ""
	}
	signer, next := o.signer(), false
	var names []string
	for _, k := range set.Keys {
		switch {
		case k.Kid == signer:
			names, next = append(names, k.Kid+" (signs)"), true
		case next:
			names = append(names, k.Kid+" (signs next)")
		default:
			names = append(names, k.Kid+" (signs no more)")
		}
	}
	return strings.Join(names, ", ")
}

func (o *office) close() {
	_ = o.http.Close()
	o.client.CloseIdleConnections()
}
