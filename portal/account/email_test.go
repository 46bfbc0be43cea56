package account_test

import (
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse.example/portal/account"
)

func TestNormaliseEmail(t *testing.T) {
	for typed, want := range map[string]string{
		"maria@example.com":                      "maria@example.com",
		"  Maria@Example.COM\t":                  "maria@example.com",
		"maria+shop@example.com":                 "maria+shop@example.com",
		"ＭＡＲＩＡ@example.com":                      "maria@example.com",
		"straße@example.com":                     "strasse@example.com",
		"m@Bücher.example":                       "m@xn--bcher-kva.example",
		"o'neil@example.co.uk":                   "o'neil@example.co.uk",
		"":                                       "",
		"maria":                                  "",
		"@example.com":                           "",
		"maria@":                                 "",
		"maria@localhost":                        "",
		"maria@example.com.":                     "",
		"maria@example..com":                     "",
		"maria@[127.0.0.1]":                      "",
		"maria@@example.com":                     "",
		"maria @example.com":                     "",
		"maria\x00@example.com":                  "",
		"maria\n@example.com":                    "",
		"Maria <maria@example.com>":              "",
		"maria@example.com, o@x.com":             "",
		"\"maria k\"@example.com":                "",
		"maria(comment)@example.com":             "",
		"evil＠evil.example@example.com":          "",
		"\xff@example.com":                       "",
		strings.Repeat("x", 65) + "@example.com": "",
		"m@" + strings.Repeat("x", 250) + ".com": "",
		"<script>@example.com":                   "",
		"' OR 1=1 --@example.com":                "",
	} {
		email, got, err := account.NormaliseEmail(typed)
		if got != want || (err == nil) != (want != "") || (err == nil && email != strings.TrimSpace(typed)) {
			t.Errorf("%.60q: %q, %q, %v; want %q", typed, email, got, err, want)
		}
	}
}

func FuzzNormaliseEmail(f *testing.F) {
	for _, s := range []string{"maria@example.com", "ＭＡＲＩＡ＠example.com", "\"a b\"@x.com", "İ@example.com", "ﬃ@ﬃ.com", "a@xn--.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, n, err := account.NormaliseEmail(s)
		if err != nil {
			return
		}
		if !utf8.ValidString(n) || len(n) > 254 || strings.ContainsAny(n, "\x00\r\n <>") || strings.Count(n, "@") != 1 {
			t.Fatalf("%q became %q", s, n)
		}
		if a, err := mail.ParseAddress(n); err != nil || a.Address != n {
			t.Fatalf("%q became %q, which is no address: %v", s, n, err)
		}
		if _, again, err := account.NormaliseEmail(n); err != nil || again != n {
			t.Fatalf("%q became %q, and that %q, %v", s, n, again, err)
		}
	})
}

func FuzzReturnTo(f *testing.F) {
	for _, s := range nasty {
		f.Add(s)
	}
	f.Add("/oauth/authorize?client_id=shop&redirect_uri=http%3A%2F%2Fshop.localhost")
	f.Fuzz(func(t *testing.T, s string) {
		path := account.ReturnTo(s)
		u, err := (&url.URL{Scheme: "http", Host: "portal.localhost"}).Parse(path)
		if err != nil || u.Host != "portal.localhost" || u.Scheme != "http" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
			t.Fatalf("%q leads to %q (%v, %v)", s, path, u, err)
		}
	})
}

func FuzzPersonName(f *testing.F) {
	f.Add("Maria Keller")
	f.Add("\u202e\x00")
	f.Fuzz(func(t *testing.T, s string) {
		name, fault := account.PersonName(s)
		if (name == "") == (fault == "") || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 80 || name != strings.TrimSpace(name) {
			t.Fatalf("%q: %q, %q", s, name, fault)
		}
	})
}

func FuzzDevice(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if name, icon := account.DescribeDevice(s); name == "" || icon == "" {
			t.Fatalf("%q has no name", s)
		}
	})
}
