package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reauthParam is the parameter that is added to an authorization request which passes through the sign-in page, if
// the user has to enter the password.
const reauthParam = "gatehouse_reauth"

// markerLifetime is how long the user may take to enter the password.
const markerLifetime = 15 * time.Minute

// maxProofAge is the maximum age of a sign-in that completes a marked request: the browser returns from the sign-in
// page immediately, so an older one did not answer this request.
const maxProofAge = 2 * time.Minute

// marker creates and verifies the value of that parameter. It is a MAC over this request and this sign-in (none, for
// a guest) with the time of the request and of the last authentication: a later authentication means that the user
// has been asked. So the user is not asked twice, and a forged value, or one made in another browser, has no effect.
type marker struct{ key []byte }

// sign returns the marker of q at now, in a browser with the sign-in sid ("" for a guest) whose last authentication
// was at last.
func (m marker) sign(q *authRequest, sid string, last, now time.Time) string {
	head := encodeTime(last) + "." + encodeTime(now)
	return head + "." + m.mac(q, sid, head)
}

// reauthenticated reports whether the user has entered the password for q: whether q has a valid marker for the sign-in
// sid, or for a guest, and authTime, which is that of sid, is later than the marker (OpenID Connect Core §3.1.2.1).
func (m marker) reauthenticated(q *authRequest, sid string, authTime, now time.Time) bool {
	head, mac, _ := cutLast(q.Reauth)
	last, made, _ := strings.Cut(head, ".")
	if last == encodeTime(time.Time{}) {
		sid = ""
	}
	if !hmac.Equal([]byte(mac), []byte(m.mac(q, sid, head))) {
		return false
	}
	lastMillis, err1 := strconv.ParseInt(last, 36, 64)
	madeMillis, err2 := strconv.ParseInt(made, 36, 64)
	proof := authTime.UnixMilli()
	return err1 == nil && err2 == nil && proof > lastMillis && proof >= madeMillis &&
		now.Sub(time.UnixMilli(madeMillis)) <= markerLifetime && now.Sub(authTime) <= maxProofAge
}

// mac returns a MAC of the sign-in and of all parameters of the request.
func (m marker) mac(q *authRequest, sid, head string) string {
	mac := hmac.New(sha256.New, m.key)
	names := make([]string, 0, len(q.sent.values))
	for name := range q.sent.values {
		if name != reauthParam {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	_, _ = fmt.Fprintf(mac, "%d:%s;%d:%s;", len(sid), sid, len(head), head)
	for _, name := range names {
		v := q.sent.values[name]
		_, _ = fmt.Fprintf(mac, "%d:%s=%d:%s;", len(name), name, len(v), v)
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func encodeTime(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMilli(), 36)
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
