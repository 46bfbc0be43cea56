package analytics_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/sso/token"
	"gatehouse.example/tests/env"
)

const (
	portalURL    = "http://portal.localhost:8080"
	analyticsURL = "http://analytics.localhost:8080"
)

// provider is as much of a portal as an API asks for: its keys.
type provider struct{ key *ecdsa.PrivateKey }

func newProvider(t *testing.T) (provider, *http.Client) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			_ = json.NewEncoder(w).Encode(map[string]any{
				"issuer": portalURL, "authorization_endpoint": portalURL + "/a", "token_endpoint": portalURL + "/t", "jwks_uri": portalURL + "/jwks",
			})
			return
		}
		_ = json.NewEncoder(w).Encode(token.JWKS{Keys: []token.JWK{{Kty: "EC", Kid: "k", Crv: "P-256", X: b64(public[1:33]), Y: b64(public[33:])}}})
	}))
	t.Cleanup(srv.Close)
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return provider{key}, &http.Client{Transport: tr, Timeout: 5 * time.Second}
}

// bearer is an access token of the shop for analytics, with changes; nil removes.
func (p provider) bearer(t *testing.T, changes jwt.MapClaims) string {
	t.Helper()
	c := jwt.MapClaims{
		"iss": portalURL, "sub": "shop", "client_id": "shop", "aud": analyticsURL, "jti": rand.Text(), "scope": "analytics:read",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	maps.Copy(c, changes)
	tok := jwt.NewWithClaims(jwt.SigningMethodES256, c)
	tok.Header["kid"], tok.Header["typ"] = "k", token.TypeAccess
	raw, err := tok.SignedString(p.key)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + raw
}

// person is what makes a token one of a person.
func person(roles ...string) jwt.MapClaims {
	return jwt.MapClaims{"sub": "demo-carol", "sid": "sid", "auth_time": now.Unix(), "roles": roles}
}

// api is analytics with figures, and a portal that it believes.
func api(t *testing.T, d *db.DB) (*app, provider) {
	t.Helper()
	p, client := newProvider(t)
	return filled(t, d, func(deps *analytics.Deps) { deps.HTTPClient = client }), p
}

func (a *app) read(t *testing.T, path, bearer string, into any) *httptest.ResponseRecorder {
	t.Helper()
	header := map[string]string{"Accept": "*/*"}
	if bearer != "" {
		header["Authorization"] = bearer
	}
	w := a.get(t, path, header)
	if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("%s: %d in %s", path, w.Code, kind)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", path, w.Code, w.Body, err)
		}
	}
	return w
}

var resources = []string{"/api/v1/metrics", "/api/v1/metrics/orders", "/api/v1/best-sellers"}

func TestAPI_TakesATokenForAnalytics(t *testing.T) {
	a, p := api(t, env.DB(t, analytics.Service))
	for name, tc := range map[string]struct {
		bearer string
		status int
		says   string
	}{
		"the shop itself":                {p.bearer(t, nil), 200, ""},
		"an analyst":                     {p.bearer(t, person("customer", "analyst")), 200, ""},
		"an admin":                       {p.bearer(t, person("admin")), 200, ""},
		"a customer":                     {p.bearer(t, person("customer")), 403, `error="insufficient_scope"`},
		"a person of unknown roles":      {p.bearer(t, person()), 403, `scope="roles analytics:read"`},
		"a person called like a client":  {p.bearer(t, jwt.MapClaims{"sid": "s", "auth_time": now.Unix()}), 403, `error="insufficient_scope"`},
		"nobody":                         {"", 401, `Bearer realm="api"`},
		"a token of another kind":        {"Basic YTpi", 401, `Bearer realm="api"`},
		"a token for the shop":           {p.bearer(t, jwt.MapClaims{"aud": "http://shop.localhost:8080"}), 401, `error="invalid_token"`},
		"a token without the scope":      {p.bearer(t, jwt.MapClaims{"scope": "purchases:read"}), 403, `scope="analytics:read"`},
		"a token that has expired":       {p.bearer(t, jwt.MapClaims{"exp": now.Add(-time.Minute).Unix()}), 401, `error="invalid_token"`},
		"a token of another provider":    {p.bearer(t, jwt.MapClaims{"iss": "http://evil.example"}), 401, `error="invalid_token"`},
		"a token that somebody made up":  {"Bearer x.y.z", 401, `error="invalid_token"`},
		"the word without a token":       {"Bearer", 400, `error="invalid_request"`},
		"an analyst, but without scopes": {p.bearer(t, jwt.MapClaims{"sub": "c", "sid": "s", "roles": []string{"analyst"}, "scope": ""}), 403, `scope="analytics:read"`},
	} {
		for _, path := range resources {
			w := a.read(t, path, tc.bearer, nil)
			if says := w.Header().Get("WWW-Authenticate"); w.Code != tc.status || !strings.Contains(says, tc.says) || (says == "") != (w.Code == 200) {
				t.Errorf("%s as %s: %d %q; want %d %q", path, name, w.Code, says, tc.status, tc.says)
			}
			if w.Code != http.StatusOK && strings.Contains(w.Body.String(), "Reading Lamp") {
				t.Errorf("%s as %s shows figures", path, name)
			}
			if !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
				t.Errorf("%s as %s may be cached", path, name)
			}
		}
	}
	// A session opens pages, and not the API.
	if w := a.get(t, "/api/v1/metrics", nil, "analyst"); w.Code != http.StatusUnauthorized {
		t.Errorf("with a session: %d", w.Code)
	}
}

type series struct {
	From, To                time.Time
	Metric, Unit, Step, App string
	Next                    string
	Points                  []point
}

type point struct {
	From    time.Time
	Values  map[string]int64
	Partial bool
}

// What programs are told is what people see: each metric is compared with the panel's CSV.
func TestAPI_TellsTheDashboardsNumbers(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a, p := api(t, d)
		bearer := p.bearer(t, nil)
		var list struct {
			Metrics []struct {
				Name, Title, Unit, URL string
				Values                 []struct{ Name, Title string }
			}
		}
		a.read(t, "/api/v1/metrics", bearer, &list)
		if len(list.Metrics) != 6 {
			t.Errorf("%d metrics", len(list.Metrics))
		}
		for _, m := range list.Metrics {
			for _, period := range []string{"range=24h", "range=7d", "range=1h", "from=2026-11-20&to=2026-11-24", "range=24h&app=shop"} {
				var got series
				a.read(t, strings.TrimPrefix(m.URL, analyticsURL)+"?limit=1000&"+period, bearer, &got)
				rows, err := csv.NewReader(a.get(t, "/export/"+m.Name+".csv?"+period, nil, "analyst").Body).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				var told [][]string
				for _, at := range got.Points {
					row := []string{at.From.Format(time.RFC3339)}
					for _, v := range m.Values {
						n := fmt.Sprint(at.Values[v.Name])
						if got.Unit == "cents" {
							n = fmt.Sprintf("%.2f", float64(at.Values[v.Name])/100)
						}
						row = append(row, n)
					}
					told = append(told, row)
				}
				if fmt.Sprint(told) != fmt.Sprint(rows[1:]) || got.Next != "" || got.Metric != m.Name || got.Unit != m.Unit {
					t.Errorf("%s, %s: %+v\n%v; the page says\n%v", m.Name, period, got, told, rows[1:])
				}
			}
		}
		var best struct {
			From, To time.Time
			Products []struct {
				Rank          int
				Product, Name string
				Pieces        int64
				Cents         int64 `json:"revenue_cents"`
			}
		}
		a.read(t, "/api/v1/best-sellers?range=24h&limit=1", bearer, &best)
		if len(best.Products) != 1 || best.Products[0].Product != "evil" || best.Products[0].Pieces != 2 || best.Products[0].Cents != 123456 ||
			!best.From.Equal(now.Truncate(time.Hour).Add(-23*time.Hour)) {
			t.Errorf("best sellers: %+v", best)
		}
	})
}

func TestAPI_PagesByDay(t *testing.T) {
	a, p := api(t, env.DB(t, analytics.Service))
	bearer := p.bearer(t, nil)
	path, pages, sum := "/api/v1/metrics/sign-ins?from=2026-11-14T09:00&step=1d&limit=3&app=&live=off", 0, int64(0)
	var days []string
	for path != "" {
		var got series
		a.read(t, path, bearer, &got)
		if len(got.Points) > 3 || got.Step != "1d" || pages > 10 {
			t.Fatalf("page %d: %+v", pages, got)
		}
		for _, at := range got.Points {
			days = append(days, at.From.Format("01-02"))
			sum += at.Values["single_sign_on"] + at.Values["password"]
			if at.Partial != (at.From.Day() == 23) {
				t.Errorf("%s is partial: %t", at.From, at.Partial)
			}
		}
		pages++
		path = strings.TrimPrefix(got.Next, analyticsURL)
	}
	if want := "11-14 11-15 11-16 11-17 11-18 11-19 11-20 11-21 11-22 11-23"; strings.Join(days, " ") != want || pages != 4 || sum != 2 {
		t.Errorf("%d pages with %d sign-ins: %v", pages, sum, days)
	}
}

func TestAPI_BadInputIsTold(t *testing.T) {
	a, p := api(t, env.DB(t, analytics.Service))
	bearer := p.bearer(t, nil)
	for _, query := range []string{
		"limit=0", "limit=-1", "limit=1001", "limit=x", "limit=1&limit=1", "limit=99999999999999999999", "limit=1e2", "range=fortnight", "range=1h&range=7d",
		"from=yesterday", "from=2026-11-02&to=2026-11-01", "from=2020-01-01&to=2026-01-01", "to=2026-11-01", "app=%3Cb%3E", "app=shop&app=forum",
		"step=2h", "step=1d&step=1h", "from=2026-09-01&to=2026-09-02&step=1m", "step=%00",
	} {
		var told struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		w := a.read(t, "/api/v1/metrics/orders?"+query, bearer, nil)
		if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil || w.Code != http.StatusBadRequest || told.Error != "invalid_request" || told.Description == "" {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/api/v1/metrics/nothing", "/api/v1/metrics/best-sellers", "/api/v1/metrics/%00", "/api/v1/nothing", "/api/v1/metrics/"} {
		if w := a.read(t, path, bearer, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range resources {
		for _, query := range bad {
			if w := a.read(t, path+"?"+query, bearer, nil); w.Code >= 500 {
				t.Errorf("%s?%s: %d", path, query, w.Code)
			}
		}
	}
}
