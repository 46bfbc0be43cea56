package rp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse.example/sso/token"
)

const (
	discoveryMaxAge   = 15 * time.Minute
	discoveryInterval = 5 * time.Second // between two attempts, so that an unresponsive provider delays few requests
	discoveryTimeout  = 5 * time.Second
	maxResponse       = 256 << 10 // maximum bytes read of a response
)

// metadata is the part of a discovery document that we use (OpenID Connect Discovery §3).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	Scopes                []string `json:"scopes_supported"`
	AuthMethods           []string `json:"token_endpoint_auth_methods_supported"`
	IssInResponse         bool     `json:"authorization_response_iss_parameter_supported"`
	// BackchannelOffline is set by Gatehouse's portal, which sends logout tokens also to clients with offline_access.
	// Keycloak does not.
	BackchannelOffline bool `json:"gatehouse_backchannel_logout_offline_access"`
}

// provider is the client of the provider's endpoints.
type provider struct {
	config Config
	direct *http.Client // follows no redirects
	keys   *token.RemoteKeys
	ids    *token.Verifier // of tokens for this client
	access *token.Verifier // of access tokens for its API
	flight singleflight.Group

	mu      sync.RWMutex
	known   *metadata
	fetched time.Time // when it was fetched
	tried   time.Time // when the last attempt began
}

func newProvider(c Config) (*provider, error) {
	// Requests to the token endpoint carry codes and secrets, which must not be sent on to a redirect's target.
	direct := *c.HTTPClient
	direct.Transport = tracingTransport{c, cmp.Or(direct.Transport, http.DefaultTransport)}
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := &provider{config: c, direct: &direct}
	p.keys = token.NewRemoteKeys(c.HTTPClient, func(ctx context.Context) (string, error) {
		m, err := p.metadata(ctx)
		if err != nil {
			return "", err
		}
		return m.JWKSURI, nil
	})
	var err error
	if p.ids, err = token.NewVerifier(c.Issuer, c.ClientID, p.keys, c.Now); err != nil {
		return nil, err
	}
	p.access, err = token.NewVerifier(c.Issuer, c.BaseURL, p.keys, c.Now)
	return p, err
}

// metadata returns the discovery document. It fetches it when it is first needed or is out of date, and returns the
// last one if the provider can't be reached.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	p.mu.RLock()
	known, age, pause := p.known, time.Since(p.fetched), time.Since(p.tried) < discoveryInterval
	p.mu.RUnlock()
	if known != nil && (age < discoveryMaxAge || pause) {
		return known, nil
	}
	got, err, _ := p.flight.Do("discover", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discoveryTimeout)
		defer cancel()
		return p.discover(ctx)
	})
	if err != nil {
		if known != nil {
			return known, nil
		}
		return nil, fmt.Errorf("rp: cannot discover the provider: %w", err)
	}
	m, _ := got.(*metadata)
	p.mu.Lock()
	p.known, p.fetched = m, time.Now()
	p.mu.Unlock()
	return m, nil
}

func (p *provider) discover(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	p.tried = time.Now()
	p.mu.Unlock()
	var m metadata
	address := strings.TrimSuffix(p.config.Issuer, "/") + "/.well-known/openid-configuration"
	if err := token.GetJSON(ctx, p.config.HTTPClient, address, maxResponse, &m); err != nil {
		return nil, err
	}
	// Discovery §4.3: the document's issuer must match.
	if m.Issuer != p.config.Issuer {
		return nil, fmt.Errorf("%s names a different issuer: %q", address, m.Issuer)
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "jwks_uri": m.JWKSURI,
	} {
		if u, err := url.Parse(endpoint); err != nil || u.Host == "" {
			return nil, fmt.Errorf("%s has no usable %s", address, name)
		}
	}
	return &m, nil
}

// tokenResponse is the token endpoint's response (RFC 6749 §5.1).
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
}

// refusal is an error response of the token endpoint (RFC 6749 §5.2).
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (r *refusal) Error() string {
	return "the token endpoint refused: " + printable(r.Code) + " " + r.Description
}

// exchange exchanges a code for tokens (OpenID Connect Core §3.1.3). It returns an error if there is no ID token.
func (p *provider) exchange(ctx context.Context, code, redirectURI, verifier string) (*tokenResponse, error) {
	res, err := p.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	})
	if err == nil && res.IDToken == "" {
		err = errors.New("rp: the token endpoint returned no ID token")
	}
	return res, err
}

// token sends a request to the token endpoint, with the client's authentication. An error response is returned as a
// *refusal.
func (p *provider) token(ctx context.Context, form url.Values) (*tokenResponse, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	basic := len(m.AuthMethods) == 0 || slices.Contains(m.AuthMethods, "client_secret_basic")
	switch {
	case p.config.ClientSecret == "":
		form.Set("client_id", p.config.ClientID)
	case !basic:
		form.Set("client_id", p.config.ClientID)
		form.Set("client_secret", p.config.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if p.config.Replica != "" {
		req.Header.Set("User-Agent", "Gatehouse-RP ("+p.config.Replica+")")
	}
	if p.config.ClientSecret != "" && basic { // RFC 6749 §2.3.1: both are form-encoded first
		req.SetBasicAuth(url.QueryEscape(p.config.ClientID), url.QueryEscape(p.config.ClientSecret))
	}
	res, err := p.direct.Do(req)
	if err != nil {
		return nil, fmt.Errorf("rp: token endpoint: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body := io.LimitReader(res.Body, maxResponse)
	if res.StatusCode >= http.StatusInternalServerError {
		return nil, fmt.Errorf("rp: the token endpoint answered %s", res.Status)
	}
	if res.StatusCode != http.StatusOK {
		no := &refusal{}
		if err := json.NewDecoder(body).Decode(no); err != nil || no.Code == "" {
			return nil, fmt.Errorf("rp: the token endpoint answered %s", res.Status)
		}
		return nil, no
	}
	var out tokenResponse
	if err := json.NewDecoder(body).Decode(&out); err != nil {
		return nil, fmt.Errorf("rp: cannot read the token endpoint's response: %w", err)
	}
	if out.AccessToken == "" || !strings.EqualFold(out.TokenType, "bearer") {
		return nil, errors.New("rp: the token endpoint returned no bearer token")
	}
	return &out, nil
}

// completeFromUserinfo requests from the userinfo endpoint what an ID token lacks: providers may return name and email
// only there (OpenID Connect Core §5.4). Our portal puts them into the ID token, which saves the request. It returns an
// error that wraps token.ErrInvalid if the response is about another user.
func (p *provider) completeFromUserinfo(ctx context.Context, claims *token.IDClaims, accessToken string) error {
	m, err := p.metadata(ctx)
	found := true
	if p.config.RolesClaim != "" {
		claims.Roles, found = rolesAt(claims.JSON, p.config.RolesClaim)
	}
	if err != nil || m.UserinfoEndpoint == "" || found && (claims.Name != "" || claims.Email != "") {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserinfoEndpoint, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	res, err := p.direct.Do(req)
	if err != nil {
		return fmt.Errorf("rp: userinfo: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return fmt.Errorf("rp: userinfo answered %s as %q", res.Status, res.Header.Get("Content-Type"))
	}
	var info struct {
		Subject           string `json:"sub"`
		Name              string `json:"name"`
		PreferredUsername string `json:"preferred_username"`
		Email             string `json:"email"`
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	if err == nil {
		err = json.Unmarshal(body, &info)
	}
	if err != nil {
		return fmt.Errorf("rp: userinfo: %w", err)
	}
	if info.Subject != claims.Subject { // Core §5.3.2: must be about the same user
		return fmt.Errorf("%w: userinfo is about another sub", token.ErrInvalid)
	}
	claims.Name, claims.Email = cmp.Or(claims.Name, info.Name, info.PreferredUsername), cmp.Or(claims.Email, info.Email)
	if len(claims.Roles) == 0 {
		claims.Roles, _ = rolesAt(body, cmp.Or(p.config.RolesClaim, "roles"))
	}
	return nil
}

// rolesAt returns the strings at path, member names separated by dots, in a JSON object, and whether they exist. A
// claim whose own name has dots, such as https://example.com/roles, is found by its whole name.
func rolesAt(object []byte, path string) (roles []string, found bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil, false
	}
	if value, ok := members[path]; ok {
		var one string
		if json.Unmarshal(value, &one) == nil && one != "" {
			return []string{one}, true
		}
		if json.Unmarshal(value, &roles) != nil {
			return nil, false
		}
		return roles, roles != nil
	}
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return nil, false
	}
	return rolesAt(members[name], rest)
}
