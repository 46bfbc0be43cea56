package signon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"gatehouse.example/apps/academy/bank/door"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/token"
)

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, _ lab.Args) error {
	a.begin()
	do, ok := map[string]func(context.Context) error{
		"sign-in": a.plainly, "login-csrf": a.loginCSRF, "stolen-code": a.stolenCode, "replayed-token": a.replayedToken,
		"code-twice": a.codeTwice, "wrong-redirect": a.wrongRedirect, "mix-up": a.mixUp,
	}[control]
	if !ok {
		return lab.Refusal("This experiment has no such control.")
	}
	return do(ctx)
}

// plainly signs in without an attack, and stores the number of hops.
func (a *apparatus) plainly(ctx context.Context) error {
	p, err := a.signIn(ctx, a.victim, nil)
	if err != nil {
		return err
	}
	who := door.Read(p.Body).Who
	a.tell("You signed in", lab.Good, p, "")
	front, back := a.walk.Hops()
	if who != "" {
		a.bench.Find("signed-in", lab.Finding{Label: "Known to the bank as", Text: who, Value: 1})
	}
	a.bench.Find("hops", lab.Finding{Label: "Hops of a sign-in", Text: fmt.Sprint(front + back), Value: float64(front + back)})
	a.bench.Find("back-hops", lab.Finding{Label: "From server to server", Text: fmt.Sprint(back), Value: float64(back)})
	return nil
}

// loginCSRF opens the attacker's authorization response in the victim's browser.
func (a *apparatus) loginCSRF(ctx context.Context) error {
	link, err := a.link(ctx, a.attacker)
	if err != nil {
		return err
	}
	a.bench.Log(lab.Note, "Mallory does not follow the last redirect. She sends you the link, and you click on it.")
	p, err := a.victim.Go(ctx, link.String(), nil)
	if err != nil {
		return err
	}
	who, err := a.who(ctx, a.victim)
	if err != nil {
		return err
	}
	a.bench.Find("who-after-csrf", lab.Finding{Label: "Who you were then", Text: or(who, "a guest")})
	a.refused("refused-state", "Refused by state", p, p.To != nil && who == "",
		"Without state the bank would have exchanged Mallory's code in your browser. You would be signed in as Mallory, and see nothing of it but a name in a corner.")
	return nil
}

// stolenCode injects the victim's code into the attacker's authorization response.
func (a *apparatus) stolenCode(ctx context.Context) error {
	stolen, err := a.link(ctx, a.victim)
	if err != nil {
		return err
	}
	a.bench.Log(lab.Note, "The address with your code leaks. Mallory begins a sign-in of her own, and puts your code into its answer.")
	own, err := a.link(ctx, a.attacker)
	if err != nil {
		return err
	}
	p, err := a.attacker.Go(ctx, with(own, "code", stolen.Query().Get("code")).String(), nil)
	if err != nil {
		return err
	}
	who, err := a.who(ctx, a.attacker)
	if err != nil {
		return err
	}
	a.bench.Find("who-after-injection", lab.Finding{Label: "Who Mallory was then", Text: or(who, "a guest")})
	cause := door.Read(p.Body).Cause
	a.refused("refused-pkce", "Refused by PKCE", p, p.Status == http.StatusBadRequest && strings.Contains(cause, "code_verifier") && who == "",
		"Without PKCE the provider would have given tokens for your code, since the bank asked with its right secret. Mallory would be signed in as you.")
	return nil
}

// replayedToken replaces the token response of a sign-in by that of an earlier one.
func (a *apparatus) replayedToken(ctx context.Context) error {
	if _, err := a.signIn(ctx, a.victim, nil); err != nil {
		return err
	}
	if err := a.wire.swap(true); err != nil {
		return err
	}
	defer func() { _ = a.wire.swap(false) }()
	a.bench.Log(lab.Note, "That answer of the token endpoint was recorded. You sign in again, and on the line to the bank the old answer takes the new one's place.")
	a.victim.Forget()
	p, err := a.signIn(ctx, a.victim, nil)
	if err != nil {
		return err
	}
	said := door.Read(p.Body)
	a.refused("refused-nonce", "Refused by nonce", p, p.Status == http.StatusBadRequest && strings.Contains(said.Cause, "nonce"),
		"Without nonce the old ID token would do: its signature is good, it is for this bank, and it has not expired. Whoever can replay one is signed in as you.")
	return nil
}

// codeTwice sends the bank's token request a second time.
func (a *apparatus) codeTwice(ctx context.Context) error {
	if _, err := a.signIn(ctx, a.victim, nil); err != nil {
		return err
	}
	userinfo, err := a.userinfo(ctx)
	if err != nil {
		return err
	}
	first := a.wire.accessToken()
	before, err := a.wire.use(ctx, userinfo, first)
	if err != nil {
		return err
	}
	status, code, description, err := a.wire.again(ctx)
	if err != nil {
		return err
	}
	after, err := a.wire.use(ctx, userinfo, first)
	if err != nil {
		return err
	}
	said := fmt.Sprintf("%d %s: %s", status, code, description)
	a.bench.Log(lab.Bad, "Mallory sent the bank's call again. The provider answered %s", said)
	a.bench.Log(lab.Note, "The access token of the first use: answered %d before, %d afterwards.", before, after)
	a.bench.Find("first-token-after", lab.Finding{Label: "The first use's access token, afterwards", Text: fmt.Sprintf("%d %s", after, http.StatusText(after)), Value: float64(after)})
	a.finding("refused-replayed-code", "Refused: a code comes twice", said,
		status == http.StatusBadRequest && code == "invalid_grant" && before == http.StatusOK && after == http.StatusUnauthorized)
	a.show(&lab.Panel{ID: "answer", Title: "What the provider answered", Code: said, Tone: lab.Bad},
		"If codes worked twice, one recorded call would be enough for tokens of your account. And if the first use's tokens were not revoked, a thief who was quicker than you would keep theirs.")
	return nil
}

// wrongRedirect changes the redirect URI of an authorization request to the attacker's.
func (a *apparatus) wrongRedirect(ctx context.Context) error {
	if _, err := a.signIn(ctx, a.victim, nil); err != nil {
		return err
	}
	began, err := a.attacker.Go(ctx, a.door.BaseURL+door.AccountPath, nil)
	if err != nil {
		return err
	}
	if began.To == nil {
		return errors.New("signon: the bank did not send a guest to the provider")
	}
	a.bench.Log(lab.Note, "Mallory changes redirect_uri in that address to her own server's. You are signed in at the provider, and click on it.")
	p, err := a.victim.Go(ctx, with(began.To, "redirect_uri", "http://mallory.example/steal").String(), nil)
	if err != nil {
		return err
	}
	said := sentence(p.Body, "redirect_uri")
	a.finding("refused-redirect", "Refused: a redirect URI that is not registered", fmt.Sprintf("%d, without a redirect: %s", p.Status, said),
		p.Status == http.StatusBadRequest && p.To == nil)
	a.show(&lab.Panel{ID: "answer", Title: "What the provider answered", Code: fmt.Sprintf("%d %s\nLocation: none\n\n%s", p.Status, http.StatusText(p.Status), said), Tone: lab.Bad},
		"If the provider sent answers to any address, or to any that begins like a registered one, your browser would carry your code straight to Mallory, without a click at the provider.")
	return nil
}

// mixUp changes the issuer of an authorization response to another provider's.
func (a *apparatus) mixUp(ctx context.Context) error {
	link, err := a.link(ctx, a.victim)
	if err != nil {
		return err
	}
	a.bench.Log(lab.Note, "The answer to your sign-in comes back with another provider's name in iss.")
	p, err := a.victim.Go(ctx, with(link, "iss", "http://mallory.example").String(), nil)
	if err != nil {
		return err
	}
	a.refused("refused-issuer", "Refused by iss", p, p.Status == http.StatusBadRequest && strings.Contains(door.Read(p.Body).Cause, "iss"),
		"An app that trusts several providers and does not compare would exchange the good provider's code at the hostile one's token endpoint. Mallory's server would then have a good code and use it.")
	return nil
}

// link returns the authorization response of a sign-in, the last redirect, without following it.
func (a *apparatus) link(ctx context.Context, p person) (*url.URL, error) {
	page, err := a.signIn(ctx, p, a.atCallback)
	if err != nil {
		return nil, err
	}
	if page.To == nil {
		return nil, fmt.Errorf("signon: %s was not sent back to the bank, but shown a page with %d", p.name, page.Status)
	}
	return page.To, nil
}

// who returns the name that the bank knows the browser by; "" for a guest.
func (a *apparatus) who(ctx context.Context, p person) (string, error) {
	page, err := p.Go(ctx, a.door.BaseURL+"/", nil)
	return door.Read(page.Body).Who, err
}

// userinfo returns the address of the provider's UserInfo endpoint, from its discovery document.
func (a *apparatus) userinfo(ctx context.Context) (string, error) {
	var meta struct {
		Userinfo string `json:"userinfo_endpoint"`
	}
	err := token.GetJSON(ctx, &http.Client{Transport: a.wire}, a.provider.Issuer+"/.well-known/openid-configuration", maxAnswer, &meta)
	return meta.Userinfo, err
}

// refused stores and shows how the bank answered an attack. without describes what would have happened without the
// check.
func (a *apparatus) refused(name, label string, p door.Page, stopped bool, without string) {
	said := door.Read(p.Body)
	text := fmt.Sprintf("%d: %s", p.Status, said.Error)
	if name == "refused-state" {
		text = fmt.Sprintf("%d: the answer belongs to a sign-in of another browser, and the bank did not use it", p.Status)
	}
	if name == "refused-pkce" || name == "refused-nonce" {
		text = fmt.Sprintf("%d: %s", p.Status, said.Cause)
	}
	a.finding(name, label, text, stopped)
	a.tell("What the bank answered", lab.Bad, p, without)
}

func (a *apparatus) finding(name, label, text string, stopped bool) {
	f := lab.Finding{Label: label, Text: strings.TrimSuffix(text, ".")} // used inside a sentence
	if stopped {
		f.Value = 1
	}
	a.bench.Find(name, f)
}

func (a *apparatus) tell(title, tone string, p door.Page, without string) {
	said := door.Read(p.Body)
	code := fmt.Sprintf("%s %s\n\n%d %s\n", p.Method, p.URL.Path, p.Status, http.StatusText(p.Status))
	for _, line := range [][2]string{{"who", said.Who}, {"sub", said.Subject}, {"error", said.Error}, {"cause (in the log)", said.Cause}} {
		if line[1] != "" {
			code += line[0] + ": " + line[1] + "\n"
		}
	}
	a.show(&lab.Panel{ID: "answer", Title: title, Code: code, Tone: tone}, without)
}

func (a *apparatus) show(outcome *lab.Panel, without string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outcome, a.instead = outcome, nil
	if without != "" {
		a.instead = &lab.Panel{ID: "without", Title: "Without this check", Text: without}
	}
}

func with(u *url.URL, name, value string) *url.URL {
	changed := *u
	q := changed.Query()
	q.Set(name, value)
	changed.RawQuery = q.Encode()
	return &changed
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// sentence returns the first text of an HTML page that contains a word.
func sentence(body []byte, word string) string {
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return ""
	}
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, word) {
			return strings.Join(strings.Fields(n.Data), " ")
		}
	}
	return ""
}
