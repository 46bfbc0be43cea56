package admin

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse.example/portal/clients"
)

// callbackPath is where sso/rp receives the browser after a sign-in, below the app's base URL.
const callbackPath = "/auth/callback"

// clientSample is a sample configuration for a client, to be copied.
type clientSample struct {
	Env     string // environment variables, one per line
	Program string // Go code or a command that reads them
	IsGo    bool
	Note    string // what has to be changed for sso/rp to work, "" if nothing
}

// sampleOf returns the sample configuration of a client. secret is "" if it is not known any longer, or there is none.
func (a *Console) sampleOf(c clients.Client, secret string) clientSample {
	signsIn := c.Allows(clients.AuthorizationCode)
	lines := []string{"ISSUER=" + shellQuote(a.Estate.URL(portalID)), "CLIENT_ID=" + shellQuote(c.ID)}
	if c.AuthMethod != clients.Public {
		if secret == "" {
			secret = "the secret of this client"
		}
		lines = append(lines, "CLIENT_SECRET="+shellQuote(secret))
	}
	if !signsIn {
		return clientSample{Env: strings.Join(lines, "\n"), Program: tokenCommand(c)}
	}
	redirect, base, ok := redirectOf(c)
	lines = append(lines, "REDIRECT_URI="+shellQuote(redirect), "BASE_URL="+shellQuote(base), "REDIS_URL=redis://localhost:6379",
		"# the output of: openssl rand -hex 32", "KEY=")
	sample := clientSample{Env: strings.Join(lines, "\n"), Program: relyingParty(c), IsGo: true}
	if !ok {
		sample.Note = "The Go code receives the browser at " + base + callbackPath + ". Add that to the client's redirect addresses."
	}
	return sample
}

// redirectOf returns the redirect address for the sample, preferably one that sso/rp uses, and the base URL of its app.
// ok is false if sso/rp uses none of the client's.
func redirectOf(c clients.Client) (redirect, base string, ok bool) {
	at := slices.IndexFunc(c.RedirectURIs, func(uri string) bool { return strings.HasSuffix(uri, callbackPath) })
	if at >= 0 {
		return c.RedirectURIs[at], strings.TrimSuffix(c.RedirectURIs[at], callbackPath), true
	}
	if len(c.RedirectURIs) == 0 {
		return "", "", false
	}
	redirect = c.RedirectURIs[0]
	if u, err := url.Parse(redirect); err == nil {
		base = u.Scheme + "://" + u.Host
	}
	return redirect, base, false
}

// relyingParty returns the Go code of an app that signs people in.
func relyingParty(c clients.Client) string {
	secret := `os.Getenv("CLIENT_SECRET"),`
	if c.AuthMethod == clients.Public {
		secret = `"", // a public client has none`
	}
	return `package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/rp"
)

func main() {
	store, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	// Its redirect address is BASE_URL` + callbackPath + `.
	auth, err := rp.New(rp.Config{
		Issuer:       os.Getenv("ISSUER"),
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: ` + secret + `
		BaseURL:      os.Getenv("BASE_URL"),
		Service:      "` + serviceName(c.ID) + `",
		Keys:         [][]byte{[]byte(os.Getenv("KEY"))},
		Redis:        redis.NewClient(store),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	auth.Mount(mux)
	mux.Handle("GET /", auth.Required(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s.\n", rp.From(r).Name)
	})))
	log.Fatal(http.ListenAndServe(":8000", mux))
}
`
}

// serviceName returns a name for cookies and Redis keys made from a client's id.
func serviceName(id string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, id), "-")
	if name == "" {
		return "app"
	}
	return name
}

// tokenCommand returns the command with which a program that acts on its own behalf gets a token.
func tokenCommand(c clients.Client) string {
	lines := []string{`curl -u "$CLIENT_ID:$CLIENT_SECRET"`}
	if c.AuthMethod == clients.SecretPost {
		lines = []string{`curl --data-urlencode "client_id=$CLIENT_ID" --data-urlencode "client_secret=$CLIENT_SECRET"`}
	}
	lines = append(lines, "-d grant_type=client_credentials")
	if len(c.Audiences) > 0 {
		lines = append(lines, "--data-urlencode "+shellQuote("resource="+c.Audiences[0]))
	}
	return strings.Join(append(lines, `"$ISSUER/oauth/token"`), " \\\n  ")
}

// shellQuote returns a word for a shell or a file of environment variables, in quotes if it needs them.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
