package shop_test

import (
	"net/url"
	"strings"
	"testing"

	"gatehouse.example/apps/shop"
	"gatehouse.example/apps/shop/store"
)

func FuzzParseQuantity(f *testing.F) {
	for _, s := range []string{"1", "99", "100", "-1", " 7 ", "0", "1e1", "٣", "\x00", "9999999999"} {
		f.Add(s, 0)
	}
	f.Fuzz(func(t *testing.T, s string, low int) {
		low &= 1
		if n, ok := shop.ParseQuantity(s, low); ok && (n < low || n > store.MaxQuantity) {
			t.Errorf("%q is %d", s, n)
		}
	})
}

func TestParsePrice_ReadsDollars(t *testing.T) {
	for s, want := range map[string]int64{"": 0, "25": 2500, " $19.90 ": 1990, "19,9": 1990, "0.01": 1} {
		if got, ok := shop.ParsePrice(s); !ok || got != want {
			t.Errorf("%q is %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"0", "-1", "1.999", "1e3", "abc", "12345678", "1 2", "٣", "\x00"} {
		if got, ok := shop.ParsePrice(s); ok {
			t.Errorf("%q is %d", s, got)
		}
	}
}

func FuzzCleanQuery(f *testing.F) {
	for _, s := range []string{"brass lock", "a\x00b", "\xff", "  x  ", strings.Repeat("é", 300), "%_!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := shop.CleanQuery(s)
		if again := shop.CleanQuery(q); again != q {
			t.Errorf("%q becomes %q and then %q", s, q, again)
		}
		if strings.ContainsAny(q, "\x00\n\r") || len([]rune(q)) > 100 {
			t.Errorf("%q becomes %q", s, q)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add("Alice", "1 Street", "0150", "NO")
	f.Add("\xff", "a\x00", "!", "<b>")
	f.Fuzz(func(t *testing.T, name, street, postcode, country string) {
		a, faults := shop.ParseAddress(url.Values{"name": {name}, "street": {street}, "postcode": {postcode}, "city": {"x"}, "country": {country}})
		if len(faults) == 0 && (a.Name == "" || a.Street == "" || len(a.Country) != 2 || strings.ContainsRune(a.Street, 0)) {
			t.Errorf("accepted %+v", a)
		}
	})
}
