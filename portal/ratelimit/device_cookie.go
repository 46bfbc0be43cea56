package ratelimit

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// maxCookieAccounts is the number of accounts that one browser's device cookie can hold.
const maxCookieAccounts = 5

// IssueDeviceCookie returns the device cookie of a browser that has just signed in to account: the previous cookie with
// account added. The value is "id.mac.mac…", opaque to the browser, and does not reveal the user. It is valid for the
// account while the account's Generation does not change.
func (l *Limiter) IssueDeviceCookie(cookie string, account Account) string {
	id, macs := parseDeviceCookie(cookie)
	if id == "" {
		id = rand.Text()
	}
	m := l.deviceMAC(id, account)
	macs = slices.DeleteFunc(macs, func(other string) bool { return other == m })
	macs = append([]string{m}, macs...)
	return strings.Join(append([]string{id}, macs[:min(len(macs), maxCookieAccounts)]...), ".")
}

// IsDeviceCookie reports whether a cookie has the form of those that IssueDeviceCookie returns.
func IsDeviceCookie(cookie string) bool {
	id, _ := parseDeviceCookie(cookie)
	return id != ""
}

// ChooseDeviceCookie returns the first of a browser's device cookies that is valid for account, or else the first
// well-formed one; "" if there is none.
func (l *Limiter) ChooseDeviceCookie(cookies []string, account Account) (cookie string) {
	for _, k := range cookies {
		id, known := l.readDeviceCookie(k, account)
		if known {
			return k
		}
		if id != "" && cookie == "" {
			cookie = k
		}
	}
	return cookie
}

// readDeviceCookie returns the id in the cookie, and whether the browser has signed in to account before, in its
// current generation.
func (l *Limiter) readDeviceCookie(cookie string, account Account) (id string, known bool) {
	id, macs := parseDeviceCookie(cookie)
	if id == "" || account.UserID == "" {
		return "", false
	}
	want := l.deviceMAC(id, account)
	for _, m := range macs {
		known = hmac.Equal([]byte(m), []byte(want)) || known
	}
	return id, known
}

func (l *Limiter) deviceMAC(id string, account Account) string {
	return mac(l.deviceKey, id, account.UserID, strconv.FormatInt(account.Generation, 10))
}

// parseDeviceCookie splits a device cookie. The id is "" if the cookie is malformed. A forged id has no effect: what
// counts is the MAC of id and account.
func parseDeviceCookie(cookie string) (id string, macs []string) {
	const idLength = 26 // of rand.Text
	parts := strings.Split(cookie, ".")
	if len(parts) < 2 || len(parts) > maxCookieAccounts+1 || len(parts[0]) != idLength {
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
