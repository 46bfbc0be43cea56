package attempts

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
)

// maxAccounts is how many accounts one browser is remembered for.
const maxAccounts = 5

// Trust returns the device cookie of a browser that has just signed in to account: the one it had, with
// account added. The value is "id.mac.mac…", opaque to the browser, and names nobody.
func (l *Limiter) Trust(cookie, account string) string {
	id, macs := l.parse(cookie)
	if id == "" {
		id = rand.Text()
	}
	m := mac(l.deviceKey, id, account)
	macs = slices.DeleteFunc(macs, func(other string) bool { return other == m })
	macs = append([]string{m}, macs...)
	return strings.Join(append([]string{id}, macs[:min(len(macs), maxAccounts)]...), ".")
}

// Device returns the one of a browser's device cookies that knows account, or else the first that is one of ours; "" if
// there is none.
func (l *Limiter) Device(cookies []string, account string) (cookie string) {
	for _, k := range cookies {
		id, known := l.device(k, account)
		if known {
			return k
		}
		if id != "" && cookie == "" {
			cookie = k
		}
	}
	return cookie
}

// device returns the id of the browser with that cookie, and whether it has signed in to account before.
func (l *Limiter) device(cookie, account string) (id string, known bool) {
	id, macs := l.parse(cookie)
	if id == "" {
		return "", false
	}
	want := mac(l.deviceKey, id, account)
	for _, m := range macs {
		known = hmac.Equal([]byte(m), []byte(want)) || known
	}
	return id, known
}

// parse takes a cookie apart; an id of "" means that it is not one of ours. A made-up id is worth nothing:
// what counts is the mac of id and account.
func (l *Limiter) parse(cookie string) (id string, macs []string) {
	const idLength = 26 // of rand.Text
	parts := strings.Split(cookie, ".")
	if len(parts) < 2 || len(parts) > maxAccounts+1 || len(parts[0]) != idLength {
		return "", nil
	}
	if strings.Trim(parts[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return "", nil
	}
	for _, m := range parts[1:] {
		if raw, err := base64.RawURLEncoding.DecodeString(m); err != nil || len(raw) != macBytes || len(m) != base64.RawURLEncoding.EncodedLen(macBytes) {
			return "", nil // the last condition: the decoder skips line breaks
		}
	}
	return parts[0], parts[1:]
}
