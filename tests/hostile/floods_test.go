//go:build unix

package hostile_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jmoiron/sqlx"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/portal"
	"gatehouse.example/portal/password"
	"gatehouse.example/sso/trace"
	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
	"gatehouse.example/web"
)

// floods holds, for each row of docs/operating.md's table of what a stranger can fill, its bound as the table says it,
// and a test that sends more than that and measures what is stored.
var floods = map[string]struct {
	bound string
	send  func(t *testing.T, f *flooded)
}{
	"sign-ins under way":                      {"nothing on a server; 5 cookies of 1.5 kB a browser", floodFlows},
	"forms that were sent before the sign-in": {"4 MiB for one address (IPv6: a /64), 16 MiB in all, for each app", floodDrafts},
	"answers of a sign-in that were used":     {"about 100 bytes each; only for a flow that this app sealed", floodAnswers},
	"traces of sign-ins":                      {"40 requests of 8 KiB a sign-in, 15 MiB in all for each process", floodTraces},
	"counters of tries and registrations":     {"about 200 bytes for each account that is tried, at most 1,000 tries a day from an address", floodCounters},
	"failed sign-ins in the audit":            {"1,000 rows a day from an address, at most 400 bytes each", floodAudit},
	"accounts":                                {"60 an hour from an address", floodAccounts},
	"carts":                                   {"60 an hour for a network, 100 products each", floodCarts},
	"images":                                  {"60 a day for a network, 20 of 2 MiB a day for an account", floodImages},
	"events":                                  {"one for each account, each sign-in and each app that it opens; read ones are removed, and never more than 1,000,000 are kept", floodEvents},
	"logs":                                    {"a line of about 300 bytes a request, at most 4 kB: rotate them", floodLogs},
}

func TestStrangers_FillNoMoreThanTheTableSays(t *testing.T) {
	documented := strangersTable(t)
	for what, row := range floods {
		if documented[what] != row.bound {
			t.Errorf("%s: docs/operating.md says %q, the flood here tests %q", what, documented[what], row.bound)
		}
	}
	f := newFlooded(t)
	for _, what := range slices.Sorted(maps.Keys(documented)) {
		t.Run(what, func(t *testing.T) {
			if floods[what].send == nil {
				t.Fatal("docs/operating.md has this row, and nothing here floods it")
			}
			floods[what].send(t, f)
		})
	}
}

// strangersTable reads the table in docs/operating.md: the bounds, by what they are of.
func strangersTable(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### What a stranger can fill\n")
	section, _, _ = strings.Cut(section, "\n#")
	rows := map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) == 3 && cells[0] != "| What" {
			rows[strings.TrimPrefix(cells[0], "| ")] = strings.TrimSuffix(cells[2], " |")
		}
	}
	if len(rows) == 0 {
		t.Fatal("docs/operating.md has no table of what a stranger can fill")
	}
	return rows
}

// flooded is an estate with a real Redis, which the floods go into.
type flooded struct {
	*house
	rdb     *redis.Client
	began   time.Time
	portal  *db.DB
	shop    *db.DB
	forum   *db.DB
	address int

	sprayed sync.Once
	tried   spray
}

func newFlooded(t *testing.T) *flooded {
	t.Helper()
	at := env.RedisURL(t)
	options, err := redis.ParseURL(at)
	if err != nil {
		t.Fatal(err)
	}
	f := &flooded{rdb: redis.NewClient(options), began: time.Now(), house: &house{Estate: estate.Start(t, estate.Options{RedisURL: at})}}
	t.Cleanup(func() { f.rdb.Close() })
	for service, d := range map[string]**db.DB{"portal": &f.portal, "shop": &f.shop, "forum": &f.forum} {
		if *d, err = db.Open(t.Context(), "sqlite:"+f.Data, service); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*d).Close() })
	}
	return f
}

// stranger is a browser that follows no redirect.
func stranger(address string) *http.Client {
	b := estate.BrowserAt(address)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// newAddress returns a loopback address that nothing was sent from yet.
func (f *flooded) newAddress() string {
	f.address++
	return fmt.Sprintf("127.0.3.%d", f.address)
}

// visit sends one request with the browser's cookies.
func (h *house) visit(t *testing.T, b *http.Client, method, service, path, form string) (*http.Response, string) {
	t.Helper()
	res, err := b.Do(h.request(t, guest, service, method, path, form))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// keys are those in Redis that match the pattern.
func keys(t *testing.T, rdb *redis.Client, pattern string) []string {
	t.Helper()
	var all []string
	for it := rdb.Scan(t.Context(), 0, pattern, 10_000).Iterator(); it.Next(t.Context()); {
		all = append(all, it.Val())
	}
	return all
}

// memory is how many bytes Redis uses for these keys. Its allocator rounds what is large up, by at most a quarter.
func memory(t *testing.T, rdb *redis.Client, keys []string) (n int64) {
	t.Helper()
	for some := range slices.Chunk(keys, 1000) {
		cmds, err := rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for _, k := range some {
				p.MemoryUsage(t.Context(), k, 0)
			}
			return nil
		})
		if err != nil && err != redis.Nil { //nolint:errorlint // a key that has just expired
			t.Fatal(err)
		}
		for _, c := range cmds {
			n += c.(*redis.IntCmd).Val()
		}
	}
	return n
}

func count(t *testing.T, d *db.DB, query string) (n int64) {
	t.Helper()
	if err := d.GetContext(t.Context(), &n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

// until polls until holds. The test's own time limit ends it.
func until(holds func() bool) {
	for !holds() {
		time.Sleep(10 * time.Millisecond)
	}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// noise returns n random letters, which can't be compressed well.
func noise(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	return b.String()[:n]
}

func floodFlows(t *testing.T, f *flooded) {
	stored := func() (n int) {
		for _, service := range services {
			n += len(keys(t, f.rdb, "gatehouse:"+service+":*"))
		}
		return n
	}
	before := stored()
	b := estate.BrowserAt(f.newAddress())
	private := map[string]string{"shop": "/orders", "forum": "/mine"}
	for n := range 20 {
		for service, page := range private {
			res, _ := f.visit(t, b, http.MethodGet, service, fmt.Sprintf("%s?n=%d&q=%s", page, n, strings.Repeat("x", 100*n)), "")
			if res.Request.URL.Path != "/sign-in" || res.StatusCode != http.StatusOK {
				t.Fatalf("a guest came to %s with %s", res.Request.URL, res.Status)
			}
		}
	}
	if after := stored(); after != before {
		t.Errorf("the services had %d keys in Redis, and have %d", before, after)
	}
	for service := range private {
		at, _ := url.Parse(f.URL(service))
		flows := 0
		for _, c := range b.Jar.Cookies(at) {
			if strings.HasPrefix(c.Name, service+"_flow_") {
				flows++
				if len(c.String()) > 1500 {
					t.Errorf("%s has %d bytes", c.Name, len(c.String()))
				}
			}
		}
		if flows != 5 {
			t.Errorf("the browser keeps %d sign-ins at the %s", flows, service)
		}
	}
}

func floodDrafts(t *testing.T, f *flooded) {
	const perAddress, inAll = 4 << 20, 16 << 20
	send := func(address, body string) {
		t.Helper()
		if res, _ := f.visit(t, stranger(address), http.MethodPost, "forum", "/new", "body="+body); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("a guest's form was answered with %s", res.Status)
		}
	}
	drafts := func() []string { return keys(t, f.rdb, "gatehouse:forum:draft:*") }
	// Small forms count as what they take in Redis, which is more than their text.
	address := f.newAddress()
	for range 100 {
		send(address, "x")
	}
	counted, err := f.rdb.Get(t.Context(), "gatehouse:forum:drafts:"+hash(address)).Int64()
	if used := memory(t, f.rdb, drafts()); err != nil || len(drafts()) != 100 || used > counted {
		t.Errorf("%d small forms take %d bytes, and %d are counted (%v)", len(drafts()), used, counted, err)
	}
	// Each of these characters takes three bytes in the request and six in Redis.
	large := strings.Repeat("%3C", 40_000)
	before := memory(t, f.rdb, drafts())
	for n := range 6 {
		address := f.newAddress()
		for range 20 {
			send(address, large)
		}
		used := memory(t, f.rdb, drafts())
		if n == 0 && (used-before > perAddress*5/4 || used-before < perAddress/2) {
			t.Errorf("the forms of one address take %d bytes", used-before)
		}
		if used > inAll*5/4 || n == 5 && used < inAll/2 {
			t.Errorf("the forms of %d addresses take %d bytes", n+1, used)
		}
	}
}

func floodAnswers(t *testing.T, f *flooded) {
	used := func() []string { return keys(t, f.rdb, "gatehouse:shop:callback:*") }
	b := stranger(f.newAddress())
	answer := func(state string) string {
		return "/auth/callback?" + url.Values{"state": {state}, "error": {"access_denied"}, "iss": {f.URL("portal")}}.Encode()
	}
	before := len(used())
	for range 100 { // to flows that no app has sealed
		state := rand.Text()
		req := f.request(t, guest, "shop", http.MethodGet, answer(state), "")
		req.AddCookie(&http.Cookie{Name: "shop_flow_" + hash(state)[:12], Value: noise(600)})
		f.do(t, req)
	}
	if n := len(used()) - before; n != 0 {
		t.Errorf("%d answers to made-up flows are kept", n)
	}
	const flows = 30
	for range flows {
		res, _ := f.visit(t, b, http.MethodGet, "shop", "/orders", "")
		to, err := res.Location()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			f.visit(t, b, http.MethodGet, "shop", answer(to.Query().Get("state")), "")
		}
	}
	kept := used()
	if n := len(kept) - before; n == 0 || n > flows {
		t.Errorf("%d answers to %d flows are kept", n, flows)
	}
	each := memory(t, f.rdb, kept) / int64(len(kept))
	if t.Logf("an answer takes %d bytes", each); each > 200 {
		t.Error("that is too much")
	}
	for _, k := range kept {
		if left := f.rdb.PTTL(t.Context(), k).Val(); left > time.Minute {
			t.Errorf("an answer is kept for %s", left)
		}
	}
}

func floodTraces(t *testing.T, f *flooded) {
	const perFlow, perHop, burst, perSecond, portals = 40, 8 << 10, 1 << 20, 16 << 10, 2
	b := stranger(f.newAddress())
	authorize := func(state string, names int) {
		t.Helper()
		q := url.Values{"client_id": {"shop"}, "redirect_uri": {f.URL("shop") + "/auth/callback"}, "state": {state}}
		for range names {
			q.Set(noise(250), noise(40))
		}
		f.visit(t, b, http.MethodGet, "portal", "/oauth/authorize?"+q.Encode(), "")
	}
	key := func(state string) string { return "gatehouse:hops:flow:" + trace.ID(state) }
	one := rand.Text()
	for range 100 {
		authorize(one, 1)
	}
	until(func() bool { return f.rdb.LLen(t.Context(), key(one)).Val() >= perFlow })
	var kept []string
	for n := range 500 {
		state := fmt.Sprint("flood ", n)
		authorize(state, 24)
		kept = append(kept, key(state))
	}
	if n := f.rdb.LLen(t.Context(), key(one)).Val(); n != perFlow {
		t.Errorf("%d requests of one sign-in are kept", n)
	}
	until(func() bool { return f.rdb.Exists(t.Context(), kept...).Val() > 100 })
	if n := f.rdb.Exists(t.Context(), kept...).Val(); n == int64(len(kept)) {
		t.Errorf("all of %d sign-ins that nobody completed are kept", n)
	}
	for _, k := range append(kept, key(one)) {
		for _, hop := range f.rdb.LRange(t.Context(), k, 0, -1).Val() {
			if len(hop) > perHop {
				t.Errorf("a request is kept with %d bytes", len(hop))
			}
		}
	}
	// At this rate it is 15 MiB when the first ones expire, after 15 minutes.
	bound := int64(portals * (burst + perSecond*time.Since(f.began).Seconds()))
	used := memory(t, f.rdb, append(kept, key(one)))
	if t.Logf("%d of %d sign-ins are kept, in %d bytes", f.rdb.Exists(t.Context(), kept...).Val(), len(kept), used); used > bound {
		t.Errorf("that is more than %d bytes", bound)
	}
}

// spray is what became of tries to sign in from one address, to as many invented accounts as a day allows.
type spray struct {
	verdicts    int
	rows, bytes int64 // in the audit
	counters    []string
	memory      int64
}

// pass lets time pass for the counters in Redis.
var pass = redis.NewScript(`
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[2])
end`)

// spray tries as patiently as it is told to be. The portal is one in this process, with cheap hashes and a Redis whose
// time passes as the test wants: the tries of a day take hours, and their hashes half a minute.
func (f *flooded) spray(t *testing.T) spray {
	f.sprayed.Do(func() {
		house, err := web.ParseEstate("http://localhost:8080")
		if err != nil {
			t.Fatal(err)
		}
		rdb, d := env.Redis(t).(*redis.Client), env.DB(t, "portal")
		p, err := portal.New(t.Context(), portal.Deps{
			DB: d, Redis: rdb, Estate: house, Replica: "portal-1", Logger: slog.New(slog.DiscardHandler), HTTPClient: http.DefaultClient,
			Key: make([]byte, 32), Denied: env.Denied(t, rdb, "portal"),
			Passwords: password.Options{Params: argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}},
		})
		if err != nil {
			t.Fatal(err)
		}
		const pattern = "gatehouse:portal:{attempts}:*"
		longest := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 44)+".", 4) + "example"
		for refused := 0; refused < 100; {
			r := httptest.NewRequest(http.MethodPost, house.URL("portal")+"/sign-in", strings.NewReader(url.Values{
				"email": {strconv.Itoa(f.tried.verdicts) + longest[4:]}, "password": {"a guess that is wrong"},
			}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			w := httptest.NewRecorder()
			p.Handler().ServeHTTP(w, r)
			switch w.Code {
			case http.StatusUnprocessableEntity:
				f.tried.verdicts++
			case http.StatusTooManyRequests:
				seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
				if err != nil {
					t.Fatal(err)
				}
				if seconds > 60 { // the day's tries are used up
					refused++
					continue
				}
				if err := pass.Run(t.Context(), rdb, nil, pattern, 1000*seconds).Err(); err != nil && err != redis.Nil { //nolint:errorlint // it returns nothing
					t.Fatal(err)
				}
			default:
				t.Fatalf("a try was answered %d: %s", w.Code, w.Body)
			}
		}
		f.tried.rows = count(t, d, "SELECT COUNT(*) FROM audit")
		f.tried.bytes = count(t, d, `SELECT SUM(LENGTH(actor_id) + LENGTH(actor) + LENGTH(action) + LENGTH(target_kind) + LENGTH(target_id)
			+ LENGTH(target) + LENGTH(ip) + LENGTH(request_id) + LENGTH(detail) + 16) FROM audit`)
		f.tried.counters = keys(t, rdb, pattern)
		f.tried.memory = memory(t, rdb, f.tried.counters)
		for _, k := range f.tried.counters {
			const gone = -2 // as Redis says of a key that has expired since
			if left := rdb.PTTL(t.Context(), k).Val(); left <= 0 && left != gone || left > 24*time.Hour {
				t.Errorf("%s is kept for %s", k, left)
			}
		}
	})
	return f.tried
}

func floodCounters(t *testing.T, f *flooded) {
	tried := f.spray(t)
	t.Logf("%d counters, %d bytes", len(tried.counters), tried.memory)
	if tried.verdicts != 1000 {
		t.Errorf("%d accounts were tried from one address in a day", tried.verdicts)
	}
	if each := tried.memory / int64(max(tried.verdicts, 1)); each > 250 {
		t.Errorf("%d counters take %d bytes for each account that was tried", len(tried.counters), each)
	}
}

func floodAudit(t *testing.T, f *flooded) {
	tried := f.spray(t)
	t.Logf("%d rows of %d bytes together", tried.rows, tried.bytes)
	if tried.rows != 1000 || tried.bytes > 1000*400 {
		t.Errorf("the audit has %d rows of %d bytes together", tried.rows, tried.bytes)
	}
}

// register registers an account, and reports whether it was made.
func (f *flooded) register(t *testing.T, b *http.Client, email string) bool {
	t.Helper()
	res, _ := f.visit(t, b, http.MethodPost, "portal", "/register", url.Values{
		"name": {"A Flood"}, "email": {email}, "password": {"nine grey herons at dawn"}, "return_to": {"/"},
	}.Encode())
	made := res.StatusCode == http.StatusSeeOther || res.Request.URL.Path != "/register" // where the browser follows
	if !made && res.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("a registration was answered with %s", res.Status)
	}
	return made
}

func floodAccounts(t *testing.T, f *flooded) {
	before := count(t, f.portal, "SELECT COUNT(*) FROM users")
	address := f.newAddress()
	for n := range 80 {
		f.register(t, stranger(address), fmt.Sprintf("flood-%d@example.com", n))
	}
	if made := count(t, f.portal, "SELECT COUNT(*) FROM users") - before; made != 60 {
		t.Errorf("%d accounts were made", made)
	}
}

func floodCarts(t *testing.T, f *flooded) {
	if _, err := f.shop.ExecContext(t.Context(), `INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110)
		SELECT 'flood-' || i, (SELECT MIN(category) FROM products), 'P', 'p', 1, 9, '', '', '', 1, 1, '' FROM n`); err != nil {
		t.Fatal(err)
	}
	before := count(t, f.shop, "SELECT COUNT(*) FROM carts")
	address := f.newAddress()
	add := func(b *http.Client, product string) {
		t.Helper()
		res, _ := f.visit(t, b, http.MethodPost, "shop", "/cart/items", "quantity=1&product="+product)
		if !slices.Contains([]int{http.StatusSeeOther, http.StatusTooManyRequests, http.StatusConflict}, res.StatusCode) {
			t.Fatalf("putting a product into a cart was answered with %s", res.Status)
		}
	}
	one := stranger(address)
	for n := range 110 {
		add(one, fmt.Sprint("flood-", n+1))
	}
	for range 79 {
		add(stranger(address), "flood-1")
	}
	if made := count(t, f.shop, "SELECT COUNT(*) FROM carts") - before; made != 60 {
		t.Errorf("%d carts were made", made)
	}
	if most := count(t, f.shop, "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM cart_items GROUP BY cart_id)"); most != 100 {
		t.Errorf("a cart has %d products", most)
	}
}

func floodImages(t *testing.T, f *flooded) {
	address := f.newAddress()
	kind, form := imageForm(t)
	for n := range 4 {
		b := stranger(address)
		f.register(t, b, fmt.Sprintf("painter-%d@example.com", n))
		b.CheckRedirect = nil
		if res, _ := f.visit(t, b, http.MethodGet, "forum", "/auth/sign-in", ""); res.StatusCode != http.StatusOK {
			t.Fatalf("the forum was opened with %s", res.Status)
		}
		for range 22 {
			req := f.request(t, guest, "forum", http.MethodPost, "/images/new", form)
			req.Header.Set("Content-Type", kind)
			res, err := b.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("an image was answered with %s", res.Status)
			}
		}
		if made, want := count(t, f.forum, "SELECT COUNT(*) FROM images"), int64(min(20*(n+1), 60)); made != want {
			t.Errorf("%d images are stored, want %d", made, want)
		}
	}
}

func floodEvents(t *testing.T, f *flooded) {
	published := func() int64 {
		until(func() bool { return count(t, f.portal, "SELECT COUNT(*) FROM event_outbox") == 0 })
		return f.rdb.XInfoStream(t.Context(), events.Stream).Val().EntriesAdded
	}
	before := published()
	address := f.newAddress()
	const accounts = 10
	for n := range accounts {
		b := estate.BrowserAt(address)
		if !f.register(t, b, fmt.Sprintf("events-%d@example.com", n)) {
			t.Fatal("refused")
		}
		for range 3 { // one sign-in at the shop
			f.visit(t, b, http.MethodGet, "shop", "/orders", "")
		}
		f.visit(t, stranger(address), http.MethodGet, "shop", "/orders", "")
		f.visit(t, stranger(address), http.MethodPost, "shop", "/cart/items", "quantity=1&product=brass-lever-handle")
		f.visit(t, stranger(address), http.MethodPost, "portal", "/sign-in", "password=wrong+password&email=nobody@example.com")
	}
	if n := published() - before; n != 3*accounts {
		t.Errorf("%d events of %d accounts with a sign-in and an app each", n, accounts)
	}
	// Redis removes whole blocks of a hundred.
	until(func() bool { return f.rdb.XLen(t.Context(), events.Stream).Val() < 200 })

	// A Redis of its own, where nothing reads, and a relay.
	const most = 1_000_000
	_, rdb := env.OwnRedis(t, "")
	fill := redis.NewScript(`for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'event', '{}') end`)
	for range 101 {
		if err := fill.Run(t.Context(), rdb, []string{events.Stream}, most/100).Err(); err != nil && err != redis.Nil { //nolint:errorlint // it returns nothing
			t.Fatal(err)
		}
	}
	d := env.DB(t, "portal")
	err := d.Tx(t.Context(), func(tx *sqlx.Tx) error {
		return events.Record(t.Context(), tx, events.New(events.Registered, "somebody", nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	relay, err := events.NewRelay(d, rdb, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := relay.Flush(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n := rdb.XLen(t.Context(), events.Stream).Val(); n > most+100 {
		t.Errorf("the stream has %d events", n)
	}
}

func floodLogs(t *testing.T, f *flooded) {
	logs := func() (all []byte) {
		files, err := filepath.Glob(filepath.Join(f.Data, "logs", "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no logs: %v", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text...)
		}
		return all
	}
	b := stranger(f.newAddress())
	flow := func() string { // the state of a sign-in under way
		res, _ := f.visit(t, b, http.MethodGet, "shop", "/orders", "")
		to, err := res.Location()
		if err != nil {
			t.Fatal(err)
		}
		return to.Query().Get("state")
	}
	const requests = 50
	for name, c := range map[string]struct {
		send func()
		each int // bytes of a request's lines
	}{
		"pages":        {func() { f.visit(t, b, http.MethodGet, "shop", "/?q=brass", "") }, 400},
		"long paths":   {func() { f.visit(t, b, http.MethodGet, "forum", "/"+strings.Repeat("%01", 10_000), "") }, 4000},
		"long methods": {func() { f.visit(t, b, strings.Repeat("X", 30_000), "forum", "/", "") }, 4000},
		"long headers": {func() {
			req := f.request(t, guest, "forum", http.MethodGet, "/", "")
			spoilHeaders(req, "forum", noise(1500))
			f.do(t, req)
		}, 400},
		"long reasons": {func() {
			f.visit(t, b, http.MethodGet, "shop", "/auth/callback?"+url.Values{
				"state": {flow()}, "iss": {f.URL("portal")}, "error": {noise(8000)}, "error_description": {noise(8000)},
			}.Encode(), "")
		}, 4000},
		"long tokens": {func() {
			f.visit(t, b, http.MethodPost, "shop", "/auth/backchannel-logout", "logout_token="+noise(100_000)+"."+noise(100_000)+"."+noise(1000))
		}, 4000},
		"long client ids": {func() {
			f.visit(t, b, http.MethodPost, "portal", "/oauth/token", "grant_type=client_credentials&client_secret=x&client_id="+noise(100_000))
		}, 4000},
	} {
		before := logs()
		for range requests {
			c.send()
		}
		for _, service := range []string{"portal", "shop", "forum"} { // a request that every replica answers after those
			last := "/" + rand.Text()
			for range 2 {
				f.visit(t, b, http.MethodGet, service, last, "")
			}
			until(func() bool { return bytes.Count(logs(), []byte(last)) == 2 })
		}
		each := (len(logs()) - len(before)) / requests
		if t.Logf("%s: %d bytes for each request", name, each); each > c.each {
			t.Errorf("%s: more than %d bytes", name, c.each)
		}
	}
}
