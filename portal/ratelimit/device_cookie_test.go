package ratelimit_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/tests/env"
)

func TestTrust_RemembersAFewAccounts(t *testing.T) {
	l := limiter(t, env.MiniRedis(t))
	cookie := ""
	for i := range 7 {
		cookie = l.IssueDeviceCookie(cookie, account(fmt.Sprintf("user%d@example.com", i)))
	}
	for i := range 7 {
		if known := l.Known(cookie, account(fmt.Sprintf("user%d@example.com", i))); known != (i >= 2) {
			t.Errorf("user%d known: %v", i, known)
		}
	}
	if again := l.IssueDeviceCookie(cookie, account("user6@example.com")); again != cookie {
		t.Error("signing in again changed the cookie")
	}
	if strings.Contains(cookie, "user") || len(cookie) > 200 {
		t.Errorf("cookie %q", cookie)
	}
}

func TestTrust_ForgedCookieIsWorthNothing(t *testing.T) {
	rdb := env.MiniRedis(t)
	l := limiter(t, rdb)
	other, err := ratelimit.New(rdb, bytes.Repeat([]byte("x"), 32), ratelimit.SignInLimits{})
	if err != nil {
		t.Fatal(err)
	}
	good := l.IssueDeviceCookie("", account("maria@example.com"))
	id, m, _ := strings.Cut(good, ".")
	for name, cookie := range map[string]string{
		"empty":          "",
		"another key":    other.IssueDeviceCookie("", account("maria@example.com")),
		"another's mac":  l.IssueDeviceCookie("", account("otto@example.com")),
		"another id":     "AAAAAAAAAAAAAAAAAAAAAAAAAA." + m,
		"no mac":         id,
		"empty mac":      id + ".",
		"cut mac":        good[:len(good)-1],
		"too many macs":  good + strings.Repeat("."+m, 10),
		"enormous":       strings.Repeat(good+".", 10000),
		"small letters":  strings.ToLower(id) + "." + m,
		"with injection": "A\r\nSet-Cookie: x=y; AAAAAAAA." + m,
	} {
		if l.Known(cookie, account("maria@example.com")) {
			t.Errorf("%s: known", name)
		}
		if wellFormed := strings.HasPrefix(name, "another"); ratelimit.IsDeviceCookie(cookie) != wellFormed {
			t.Errorf("%s: well-formed: %v", name, !wellFormed)
		}
	}
	if !l.Known(good, account("maria@example.com")) || l.Known(good, account("otto@example.com")) {
		t.Error("the good cookie is not good for just one account")
	}
}

func TestTrust_EndsWithItsGeneration(t *testing.T) {
	l := limiter(t, env.MiniRedis(t))
	old := account("maria@example.com")
	now := old
	now.Generation++
	cookie := l.IssueDeviceCookie("", old)
	if !l.Known(cookie, old) || l.Known(cookie, now) {
		t.Error("a cookie counts for another generation than its own")
	}
	if renewed := l.IssueDeviceCookie(cookie, now); !l.Known(renewed, now) {
		t.Error("a cookie is not good for the next generation after a sign-in")
	}
}

func FuzzTrust(f *testing.F) {
	l, err := ratelimit.New(env.MiniRedis(f), key, ratelimit.SignInLimits{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", "maria@example.com")
	f.Add(l.IssueDeviceCookie("", account("maria@example.com")), "maria@example.com")
	f.Add("..", ".")
	f.Fuzz(func(t *testing.T, cookie, id string) {
		next := l.IssueDeviceCookie(cookie, account(id))
		if l.Known(next, account(id)) != (id != "") {
			t.Fatalf("Trust(%q, %q) = %q is not trusted", cookie, id, next)
		}
		if len(next) > 200 || strings.ContainsAny(next, "; ,\"\\\r\n") {
			t.Fatalf("not fit for a cookie: %q", next)
		}
	})
}
