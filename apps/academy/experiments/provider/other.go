package provider

import (
	"context"
	"crypto/rand"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	"gatehouse.example/apps/academy/lab"
)

// other is provider B: zitadel/oidc with an in-memory store and a form of its own.
type other struct {
	issuer  string
	server  *http.Server
	serving sync.WaitGroup
}

// account is B's only account. It implements storage.UserStore.
type account struct{ user storage.User }

func (a account) GetUserByID(id string) *storage.User {
	if id != a.user.ID {
		return nil
	}
	return &a.user
}

func (a account) GetUserByUsername(name string) *storage.User {
	if name != a.user.Username {
		return nil
	}
	return &a.user
}

func (account) ExampleClientID() string { return "none" }

// openOther starts provider B on a free loopback port.
func openOther(ctx context.Context, who lab.ProviderAccount, client lab.ProviderClient) (*other, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("provider: %w", err)
	}
	o := &other{issuer: "http://elsewhere.localhost:" + port}
	known := map[string]*storage.Client{client.ID: storage.WebClient(client.ID, client.Secret, client.BaseURL+"/auth/callback")}
	records := storage.NewStorageWithClients(account{storage.User{
		ID: rand.Text()[:12], Username: who.Email, Password: who.Password, FirstName: who.Name, LastName: "Elsewhere", Email: who.Email, EmailVerified: true,
		PreferredLanguage: language.English,
	}}, known)
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true, SupportedUILocales: []language.Tag{language.English}, CryptoKeyId: "b"}
	_, _ = rand.Read(config.CryptoKey[:]) // never fails
	p, err := op.NewProvider(config, records, op.StaticIssuer(o.issuer), op.WithAllowInsecure())
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("provider: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/username", func(w http.ResponseWriter, r *http.Request) {
		form(w, http.StatusOK, r.FormValue("authRequestID"), "")
	})
	next := op.AuthCallbackURL(p)
	mux.HandleFunc("POST /login/username", op.NewIssuerInterceptor(p.IssuerFromRequest).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("id")
		if err := records.CheckUsernamePassword(r.FormValue("username"), r.FormValue("password"), id); err != nil {
			form(w, http.StatusUnauthorized, id, "That did not work.")
			return
		}
		http.Redirect(w, r, next(r.Context(), id), http.StatusFound)
	}))
	mux.Handle("/", p)
	o.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	o.serving.Go(func() { _ = o.server.Serve(ln) })
	return o, nil
}

// Close stops the provider.
func (o *other) Close() error {
	err := o.server.Close()
	o.serving.Wait()
	return err
}

var page = template.Must(template.New("form").Parse(`<!doctype html><title>Elsewhere</title>
<form method="post" action="/login/username"><p>{{.Fault}}</p><input type="hidden" name="id" value="{{.ID}}">
<input name="username"><input type="password" name="password"><button>Log in</button></form>`))

func form(w http.ResponseWriter, status int, id, fault string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, struct{ ID, Fault string }{id, fault})
}
