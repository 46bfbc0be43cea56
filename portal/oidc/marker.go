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

// reauthParam is the parameter that an authorization request bears on its way
// through the sign-in page when the password has to be given again.
const reauthParam = "gatehouse_reauth"

// markerLife is how long a person may take to give the password.
const markerLife = 15 * time.Minute

// maxProofAge is the age of the newest proof that a marker is accepted with: the browser comes back from the sign-in
// page at once, so an older one is not what this request was sent there for.
const maxProofAge = 2 * time.Minute

// marker makes and reads that parameter. It says, tamper-proof, for this very request and for this sign-in (none, for a
// guest), when the request came and how recent the last proof of identity was then: a later one means that the person
// has been asked. So the person is not asked twice, and a parameter that was written by hand, or made in another
// browser, proves nothing.
type marker struct{ key []byte }

// sign returns the marker of q at now, in a browser with the sign-in sid ("" for a guest) that last proved the person
// at last.
func (m marker) sign(q *authRequest, sid string, last, now time.Time) string {
	head := millis(last) + "." + millis(now)
	return head + "." + m.mac(q, sid, head)
}

// asked reports whether the person has given the password for q: whether q bears a good marker of the sign-in sid, or
// of a guest, and authTime, which is that of sid, is later than the marker (OpenID Connect Core §3.1.2.1).
func (m marker) asked(q *authRequest, sid string, authTime, now time.Time) bool {
	head, mac, _ := cutLast(q.Reauth)
	last, made, _ := strings.Cut(head, ".")
	if last == millis(time.Time{}) {
		sid = ""
	}
	if !hmac.Equal([]byte(mac), []byte(m.mac(q, sid, head))) {
		return false
	}
	lastMillis, err1 := strconv.ParseInt(last, 36, 64)
	madeMillis, err2 := strconv.ParseInt(made, 36, 64)
	proof := authTime.UnixMilli()
	return err1 == nil && err2 == nil && proof > lastMillis && proof >= madeMillis &&
		now.Sub(time.UnixMilli(madeMillis)) <= markerLife && now.Sub(authTime) <= maxProofAge
}

// mac covers the sign-in and everything that the request asks for.
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

func millis(t time.Time) string {
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
