package attempts_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gatehouse/portal/attempts"
	"gatehouse/tests/env"
)

func TestTrust_RemembersAFewAccounts(t *testing.T) {
	l := limiter(t, env.MiniRedis(t))
	cookie := ""
	for i := range 7 {
		cookie = l.Trust(cookie, fmt.Sprintf("user%d@example.com", i))
	}
	for i := range 7 {
		if known := l.Known(cookie, fmt.Sprintf("user%d@example.com", i)); known != (i >= 2) {
			t.Errorf("user%d known: %v", i, known)
		}
	}
	if again := l.Trust(cookie, "user6@example.com"); again != cookie {
		t.Error("signing in again changed the cookie")
	}
	if strings.Contains(cookie, "user") || len(cookie) > 200 {
		t.Errorf("cookie %q", cookie)
	}
}

func TestTrust_ForgedCookieIsWorthNothing(t *testing.T) {
	rdb := env.MiniRedis(t)
	l := limiter(t, rdb)
	other, err := attempts.New(rdb, bytes.Repeat([]byte("x"), 32), attempts.SignIns{})
	if err != nil {
		t.Fatal(err)
	}
	good := l.Trust("", "maria@example.com")
	id, m, _ := strings.Cut(good, ".")
	for name, cookie := range map[string]string{
		"empty":          "",
		"another key":    other.Trust("", "maria@example.com"),
		"another's mac":  l.Trust("", "otto@example.com"),
		"another id":     "AAAAAAAAAAAAAAAAAAAAAAAAAA." + m,
		"no mac":         id,
		"empty mac":      id + ".",
		"cut mac":        good[:len(good)-1],
		"too many macs":  good + strings.Repeat("."+m, 10),
		"enormous":       strings.Repeat(good+".", 10000),
		"small letters":  strings.ToLower(id) + "." + m,
		"with injection": "A\r\nSet-Cookie: x=y; AAAAAAAA." + m,
	} {
		if l.Known(cookie, "maria@example.com") {
			t.Errorf("%s: known", name)
		}
	}
	if !l.Known(good, "maria@example.com") || l.Known(good, "otto@example.com") {
		t.Error("the good cookie is not good for just one account")
	}
}

func FuzzTrust(f *testing.F) {
	l, err := attempts.New(env.MiniRedis(f), key, attempts.SignIns{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", "maria@example.com")
	f.Add(l.Trust("", "maria@example.com"), "maria@example.com")
	f.Add("..", ".")
	f.Fuzz(func(t *testing.T, cookie, account string) {
		next := l.Trust(cookie, account)
		if !l.Known(next, account) {
			t.Fatalf("Trust(%q, %q) = %q is not trusted", cookie, account, next)
		}
		if len(next) > 200 || strings.ContainsAny(next, "; ,\"\\\r\n") {
			t.Fatalf("not fit for a cookie: %q", next)
		}
	})
}
