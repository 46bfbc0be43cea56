package rp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/cookies"
	"gatehouse.example/sso/netaddr"
	"gatehouse.example/sso/seal"
	"gatehouse.example/sso/session"
)

const (
	// flowTimeout is the timeout of a sign-in.
	flowTimeout = 15 * time.Minute
	// maxFlowAge is how long a browser keeps a flow, so that a late response still leads to the page that was requested.
	maxFlowAge = 24 * time.Hour
	// maxFlows is the maximum number of flows in one browser; a new one replaces the oldest.
	maxFlows = 5
	// maxFlowCookie is the maximum size of a flow's cookie, name and value, in bytes.
	maxFlowCookie = 1400
	// callbackTimeout is how long a response can't be used a second time.
	callbackTimeout = time.Minute
	// maxDraft is the size in bytes, as JSON, of the largest form that is kept: a
	// text of 20,000 characters takes up to six bytes for each.
	maxDraft = 256 << 10
	// draftOverhead is how many bytes a form takes in Redis beside its JSON.
	draftOverhead = 256
	// maxDrafts limits the bytes that forms take for one address at a time, maxAllDrafts those for all addresses: the
	// senders are not signed in yet.
	maxDrafts    = 4 << 20
	maxAllDrafts = 16 << 20
)

// flow is one sign-in in progress: the values that the response must match, and the page to return to. The browser
// keeps it in a sealed cookie.
type flow struct {
	State    string `json:"s"` // hash of the state parameter
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // PKCE, RFC 7636 §4.1
	ReturnTo string `json:"r"`
	Began    int64  `json:"t"`           // seconds since 1970
	Silent   bool   `json:"p,omitempty"` // prompt=none
	Draft    string `json:"d,omitempty"` // id of a form in Redis
	Again    bool   `json:"a,omitempty"` // replaces a flow that failed
	// MaxAge is the maximum time since the user authenticated; 0 for any time.
	MaxAge time.Duration `json:"m,omitempty"`
}

// errNoFlow is returned when this browser has no sign-in in progress with this state: it took too long, was completed
// already, or began elsewhere (RFC 9700 §4.7).
var errNoFlow = errors.New("rp: no sign-in in progress with this state in this browser")

// flows keeps sign-ins in progress in the browser, sealed, so that any replica can process the response and a guest
// uses no storage. Redis keeps the forms that were sent.
type flows struct {
	rdb     redis.UniversalClient
	sealer  *seal.Sealer
	now     func() time.Time
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

// flowPrefix begins the names of the cookies of flows.
const flowPrefix = "flow_"

// flowName returns the name of the cookie of the flow whose state has this hash.
func flowName(stateHash string) string { return flowPrefix + stateHash[:12] }

// startFlow completes fl, sets its cookie and returns the state parameter. It shortens the return address if the cookie
// would be too large, and deletes the oldest flow if there are too many.
func (f *flows) startFlow(w http.ResponseWriter, r *http.Request, fl *flow) (state string, err error) {
	state = rand.Text()
	fl.State, fl.Nonce, fl.Verifier, fl.Began = hash(state), rand.Text(), rand.Text()+rand.Text(), f.now().Unix()
	name := flowName(fl.State)
	value, err := f.sealFlow(name, fl)
	for _, shorter := range []string{strings.SplitN(fl.ReturnTo, "?", 2)[0], "/"} {
		if err == nil && len(f.cookieName(name))+len(value) > maxFlowCookie {
			fl.ReturnTo = shorter
			value, err = f.sealFlow(name, fl)
		}
	}
	if err != nil {
		return "", err
	}
	// A browser sends the oldest first (RFC 6265 §5.4).
	kept := f.flowNames(r)
	for len(kept) >= maxFlows {
		f.setCookie(w, kept[0], "", -1)
		kept = kept[1:]
	}
	f.setCookie(w, name, value, maxFlowAge)
	return state, nil
}

func (f *flows) sealFlow(name string, fl *flow) (string, error) {
	raw, err := json.Marshal(fl)
	return f.sealer.SealText(raw, name), err
}

// flowNames returns the names of the cookies of flows that the browser sends, each once.
func (f *flows) flowNames(r *http.Request) []string {
	var names []string
	for _, k := range r.Cookies() {
		name := strings.TrimPrefix(k.Name, f.cookieName(""))
		if k.Name != name && strings.HasPrefix(name, flowPrefix) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// openFlow returns the flow of the first cookie of this name that was sealed here and is not older than maxFlowAge, nil
// if there is none.
func (f *flows) openFlow(r *http.Request, name string) *flow {
	values := f.cookieValues(r, name, func(v string) bool { return f.openValue(v, name) != nil })
	if len(values) == 0 {
		return nil
	}
	return f.openValue(values[0], name)
}

// openValue returns the flow that is sealed in a value of the cookie of this name, as openFlow does.
func (f *flows) openValue(value, name string) *flow {
	if len(value) > maxFlowCookie {
		return nil
	}
	raw, err := f.sealer.OpenText(value, name)
	var fl flow
	if err != nil || json.Unmarshal(raw, &fl) != nil || f.now().Sub(time.Unix(fl.Began, 0)) > maxFlowAge {
		return nil
	}
	return &fl
}

// takeFlow returns the flow with this state and deletes its cookie. With errNoFlow, the flow is the one to begin again,
// or nil if the browser has none.
func (f *flows) takeFlow(w http.ResponseWriter, r *http.Request, state string) (*flow, error) {
	if fl := f.openFlow(r, flowName(hash(state))); fl != nil && fl.State == hash(state) {
		if f.now().Sub(time.Unix(fl.Began, 0)) > flowTimeout {
			f.setCookie(w, flowName(fl.State), "", -1)
			return fl, errNoFlow
		}
		first, err := f.rdb.SetNX(r.Context(), f.key("callback", state), 1, callbackTimeout).Result()
		if err != nil { // the browser keeps the flow and can retry
			return fl, err
		}
		f.setCookie(w, flowName(fl.State), "", -1)
		if !first {
			err = errNoFlow
		}
		return fl, err
	}
	var newest *flow
	names := f.flowNames(r)
	for _, name := range names[max(0, len(names)-maxFlows):] {
		if fl := f.openFlow(r, name); fl != nil && (newest == nil || fl.Began >= newest.Began) {
			newest = fl
		}
	}
	if newest != nil {
		f.setCookie(w, flowName(newest.State), "", -1)
	}
	return newest, errNoFlow
}

// restoreFlow allows the response with this state to be used again, and sets fl's cookie again. It is called for
// responses that led to no session.
func (f *flows) restoreFlow(w http.ResponseWriter, r *http.Request, state string, fl *flow) error {
	name := flowName(fl.State)
	value, err := f.sealFlow(name, fl)
	if err != nil {
		return err
	}
	f.setCookie(w, name, value, maxFlowAge)
	return f.rdb.Del(r.Context(), f.key("callback", state)).Err()
}

func (f *flows) cookieName(name string) string {
	if f.secure {
		return "__Host-" + f.service + "_" + name
	}
	return f.service + "_" + name
}

// cookieValues returns the well-formed values of the cookies of this name (cookies.Values).
func (f *flows) cookieValues(r *http.Request, name string, wellFormed func(value string) bool) []string {
	return cookies.Values(r, f.cookieName(name), wellFormed)
}

// setCookie sets a cookie; a negative life deletes it, zero keeps it until the browser is closed.
func (f *flows) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	maxAge := int(life / time.Second)
	if life < 0 {
		maxAge = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: f.cookieName(name), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: f.secure, SameSite: http.SameSiteLaxMode,
	})
}

// keepDraft stores form values for the page after sign-in, and returns their id: "" if they are too large, or if too
// many are stored already, for address or for all.
func (f *flows) keepDraft(ctx context.Context, address string, form url.Values) (id string, err error) {
	raw, err := json.Marshal(form)
	if err != nil || len(raw) > maxDraft {
		return "", err
	}
	size := int64(draftOverhead + len(raw))
	// The address first: what it sends beyond its own budget must not use up that of all.
	for _, budget := range []struct {
		of    string
		limit int64
	}{{netaddr.Network(address), maxDrafts}, {"all", maxAllDrafts}} {
		if ok, err := f.consumeBudget(ctx, f.key("drafts", budget.of), size, budget.limit); err != nil || !ok {
			return "", err
		}
	}
	id = rand.Text()
	return id, f.rdb.Set(ctx, f.key("draft", id), raw, flowTimeout).Err()
}

// consumeBudget adds size to the bytes counted under key, which are reset after flowTimeout, and reports whether they
// are within limit.
func (f *flows) consumeBudget(ctx context.Context, key string, size, limit int64) (bool, error) {
	var kept *redis.IntCmd
	_, err := f.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		kept = p.IncrBy(ctx, key, size)
		p.ExpireNX(ctx, key, flowTimeout) // the window begins with its first form
		return nil
	})
	return err == nil && kept.Val() <= limit, err
}

// takeDraft returns the draft with one of ids, nil if there is none, and deletes all of them.
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

// Draft returns the form that the user sent before signing in, for the page to which they returned, or nil if there is
// none. It returns a form only once.
func Draft(r *http.Request) url.Values {
	s := stateOf(r.Context())
	if s == nil || s.identity == nil {
		return nil
	}
	f := s.rp.flows
	ids := f.cookieValues(r, "draft", session.IsID)
	if len(ids) == 0 {
		return nil
	}
	draft, err := f.takeDraft(r.Context(), ids)
	if err != nil {
		s.rp.Logger.Warn("cannot restore a form's draft after the sign-in", "error", err)
		return nil // the cookie stays, so that the next page can retry
	}
	f.setCookie(s.w, "draft", "", -1)
	return draft
}
