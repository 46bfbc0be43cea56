package card

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	bankcard "gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/apps/academy/experiments/lookup"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/token"
)

// notebookKey encrypts the sessions of all branches, which share this process.
var notebookKey = []byte(rand.Text())

// branch is a server that recognises users by a card, or by a cookie whose session is in the shared notebook (Redis).
type branch struct {
	id, label string
	rdb       *lookup.Client
	notebook  *session.Store
	verifier  *token.Verifier
	keys      *published
	answered  atomic.Int64

	http *http.Server
	url  string
}

// answer is a branch's JSON response.
type answer struct {
	Outcome string `json:"outcome"`
	Who     string `json:"who,omitempty"`
	Role    string `json:"role,omitempty"`
	Why     string `json:"why,omitempty"` // of a refusal
	Says    string `json:"says"`
}

func openBranch(ctx context.Context, n int, o *office, redis *lookup.Server) (*branch, error) {
	b := &branch{id: fmt.Sprintf("branch-%d", n), label: fmt.Sprintf("Branch %d", n), keys: &published{office: o}}
	if err := b.keys.read(ctx); err != nil {
		return nil, err
	}
	var err error
	// All parties share one clock here: a card is refused as soon as it expires, and not token.Leeway later.
	exact := func() time.Time { return time.Now().Add(token.Leeway) }
	if b.verifier, err = token.NewVerifier(issuer, audience, b.keys, exact); err != nil {
		return nil, err
	}
	b.rdb = redis.Connect()
	if b.notebook, err = session.New(b.rdb, session.Options{Service: "bank", Keys: [][]byte{notebookKey}}); err != nil {
		_ = b.rdb.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in", b.signIn)
	mux.HandleFunc("GET /account", b.account)
	if b.http, b.url, err = serve(ctx, mux); err != nil {
		_ = b.rdb.Close()
		return nil, err
	}
	return b, nil
}

func (b *branch) close() {
	_ = b.http.Close()
	_ = b.rdb.Close()
}

// account handles GET /account, which requires a card or a session.
func (b *branch) account(w http.ResponseWriter, r *http.Request) {
	b.answered.Add(1)
	if raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		b.byCard(w, r, raw)
		return
	}
	switch rec, err := b.notebook.Load(r); {
	case err != nil:
		say(w, http.StatusServiceUnavailable, answer{Outcome: lab.Refused, Says: b.label + " can't read the notebook right now."})
	case rec == nil:
		say(w, http.StatusUnauthorized, answer{Outcome: lab.Unknown, Says: b.label + " does not know who this is."})
	default:
		say(w, http.StatusOK, answer{Outcome: lab.Recognised, Who: rec.Name, Says: b.label + " looked into the shared notebook: this is " + rec.Name + "."})
	}
}

// byCard answers with the card's claims if the verifier accepts it, and otherwise with the reason.
func (b *branch) byCard(w http.ResponseWriter, r *http.Request, raw string) {
	c, err := b.verifier.Access(r.Context(), raw)
	if err == nil {
		role := strings.Join(c.Roles, ", ")
		say(w, http.StatusOK, answer{Outcome: lab.Recognised, Who: c.Subject, Role: role, Says: b.label + " read the card: this is " + c.Subject + ", " + role + "."})
		return
	}
	why := bankcard.Because(raw, err)
	if why == "" { // not an error of the card
		say(w, http.StatusServiceUnavailable, answer{Outcome: lab.Refused, Says: b.label + " can't check cards right now."})
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 §3
	say(w, http.StatusUnauthorized, answer{Outcome: lab.Refused, Why: why, Says: b.label + " refuses the card: " + why + "."})
}

// signIn handles POST /sign-in: it starts a session in the shared notebook, for comparison with cards.
func (b *branch) signIn(w http.ResponseWriter, r *http.Request) {
	b.answered.Add(1)
	who := r.PostFormValue("name")
	if _, err := b.notebook.Start(r.Context(), w, r, session.Record{Subject: who, Name: who, AuthTime: time.Now()}); err != nil {
		say(w, http.StatusServiceUnavailable, answer{Outcome: lab.Refused, Says: b.label + " can't write to the notebook right now."})
		return
	}
	say(w, http.StatusOK, answer{Outcome: lab.Recognised, Who: who, Says: b.label + " signed " + who + " in, and wrote it into the shared notebook."})
}

func say(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a)
}

// published is one branch's copy of the keys that the head office publishes.
type published struct {
	office *office
	keys   atomic.Pointer[token.RemoteKeys]
}

// Key implements [token.KeySource].
func (p *published) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	return p.keys.Load().Key(ctx, kid)
}

// read fetches the keys again. By itself, package sso/token does so every 30 s, and at once when a card names an
// unknown key.
func (p *published) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	keys := token.NewRemoteKeys(p.office.client, func(context.Context) (string, error) { return p.office.url + "/jwks.json", nil })
	if _, err := keys.Key(ctx, p.office.signer()); err != nil {
		return fmt.Errorf("the card: reading the keys: %w", err)
	}
	p.keys.Store(keys)
	return nil
}
