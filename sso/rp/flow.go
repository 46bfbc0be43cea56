package rp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse/sso/session"
)

const (
	// flowLife is how long somebody may take to sign in.
	flowLife = 15 * time.Minute
	// maxDraft is the size in bytes, encoded, of the largest form that is kept: a
	// text of 20,000 characters takes up to twelve bytes for each.
	maxDraft = 256 << 10
	// maxDrafts is how many bytes of forms are kept for one address at a time: who
	// sends them is nobody we know yet.
	maxDrafts = 4 << 20
)

// flow is one sign-in that has begun: what must come back with the answer, and
// where to go on then.
type flow struct {
	Nonce    string     `json:"nonce"`
	Verifier string     `json:"verifier"` // PKCE, RFC 7636 §4.1
	Browser  string     `json:"browser"`  // hash of the cookie of the browser that began it
	ReturnTo string     `json:"return_to"`
	Silent   bool       `json:"silent,omitempty"`
	Draft    url.Values `json:"draft,omitempty"`
}

// errNoFlow says that no sign-in of this browser has this state: it took too
// long, was used already, or began elsewhere (RFC 9700 §4.7).
var errNoFlow = errors.New("rp: no sign-in with this state has begun in this browser")

// flows keeps sign-ins under way in Redis, so that any replica may see the answer.
type flows struct {
	rdb     redis.UniversalClient
	service string
	secure  bool
}

func (f *flows) key(kind, id string) string {
	return "gatehouse:" + f.service + ":" + kind + ":" + hash(id)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin keeps fl and returns its state parameter.
func (f *flows) begin(c echo.Context, fl *flow) (state string, err error) {
	state = rand.Text()
	fl.Nonce, fl.Verifier = rand.Text(), rand.Text()+rand.Text()
	fl.Browser = hash(f.browser(c))
	raw, err := json.Marshal(fl)
	if err != nil {
		return "", err
	}
	return state, f.rdb.Set(c.Request().Context(), f.key("flow", state), raw, flowLife).Err()
}

// finish takes the flow with this state; there is no second time.
func (f *flows) finish(c echo.Context, state string) (*flow, error) {
	raw, err := f.rdb.GetDel(c.Request().Context(), f.key("flow", state)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, errNoFlow
	case err != nil:
		return nil, err
	}
	var fl flow
	if err := json.Unmarshal(raw, &fl); err != nil {
		return nil, errNoFlow
	}
	k, err := c.Cookie(f.cookie("flow"))
	if err != nil || subtle.ConstantTimeCompare([]byte(hash(k.Value)), []byte(fl.Browser)) != 1 {
		return nil, errNoFlow
	}
	return &fl, nil
}

// browser is the secret that ties flows to a browser; tabs share it.
func (f *flows) browser(c echo.Context) string {
	if k, err := c.Cookie(f.cookie("flow")); err == nil && len(k.Value) == len(rand.Text()) {
		return k.Value
	}
	secret := rand.Text()
	f.set(c, "flow", secret, 0)
	return secret
}

func (f *flows) cookie(name string) string {
	if f.secure {
		return "__Host-" + f.service + "_" + name
	}
	return f.service + "_" + name
}

// candidates returns the well-formed values of the cookies of this name (session.Candidates).
func (f *flows) candidates(c echo.Context, name string, wellFormed func(value string) bool) []string {
	return session.Candidates(c.Request(), f.cookie(name), wellFormed)
}

// set sets a cookie of the flow; a negative life takes it away, zero keeps it as
// long as the browser is open.
func (f *flows) set(c echo.Context, name, value string, life time.Duration) {
	maxAge := int(life / time.Second)
	if life < 0 {
		maxAge = -1
	}
	c.SetCookie(&http.Cookie{
		Name: f.cookie(name), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: f.secure, SameSite: http.SameSiteLaxMode,
	})
}

// mayKeep reports whether size bytes more may be kept for address, and counts them.
func (f *flows) mayKeep(ctx context.Context, address string, size int) bool {
	if size > maxDraft {
		return false
	}
	key := f.key("drafts", network(address))
	var kept *redis.IntCmd
	_, err := f.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.SetNX(ctx, key, 0, flowLife)
		kept = p.IncrBy(ctx, key, int64(size))
		return nil
	})
	return err == nil && kept.Val() <= maxDrafts
}

// network is what counts as one address: of IPv6, the /64 that a subscriber gets.
func network(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() && !a.Is4In6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return address
}

// keepDraft keeps form values for the page that comes next.
func (f *flows) keepDraft(c echo.Context, draft url.Values) error {
	raw, err := json.Marshal(draft)
	if err != nil {
		return err
	}
	id := rand.Text()
	if err := f.rdb.Set(c.Request().Context(), f.key("draft", id), raw, flowLife).Err(); err != nil {
		return err
	}
	f.set(c, "draft", id, flowLife)
	return nil
}

// takeDraft returns the draft of one of ids, nil if there is none, and deletes all of them.
func (f *flows) takeDraft(ctx context.Context, ids []string) (draft url.Values, err error) {
	raws := make([]*redis.StringCmd, len(ids))
	_, err = f.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			raws[i] = p.GetDel(ctx, f.key("draft", id))
		}
		return nil
	})
	for _, raw := range raws {
		if raw.Err() == nil {
			return draft, json.Unmarshal([]byte(raw.Val()), &draft)
		}
	}
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	return nil, err
}

// Draft is the form that somebody sent before they were asked to sign in, for the
// page that they came back to; nil when there is none. It is given once.
func Draft(c echo.Context) url.Values {
	v := visitOf(c)
	if v == nil || v.person == nil {
		return nil
	}
	f := v.rp.flows
	ids := f.candidates(c, "draft", session.IsID)
	if len(ids) == 0 {
		return nil
	}
	draft, err := f.takeDraft(c.Request().Context(), ids)
	if err != nil {
		v.rp.Logger.Warn("what was typed before sign-in can't be given back just now", "error", err)
		return nil // the cookie stays, so the next page can try again
	}
	f.set(c, "draft", "", -1)
	return draft
}
