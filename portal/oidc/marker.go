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

// marker makes and reads that parameter. It tells, tamper-proof and for this very
// request, how recent the last proof of identity was when the request came: a
// later one means that the person has been asked. So nobody is asked twice, and a
// client or a person who writes the parameter by hand gains nothing.
type marker struct{ key []byte }

// sign is the marker of q at now, in a browser that last signed in at last.
func (m marker) sign(q *authRequest, last, now time.Time) string {
	head := millis(last) + "." + millis(now)
	return head + "." + m.mac(q, head)
}

// asked says whether q bears a good marker, and whether authTime is later than
// the proof that the marker tells of.
func (m marker) asked(q *authRequest, authTime, now time.Time) (good, later bool) {
	head, mac, ok := cutLast(q.Reauth)
	if !ok || !hmac.Equal([]byte(mac), []byte(m.mac(q, head))) {
		return false, false
	}
	last, made, _ := strings.Cut(head, ".")
	lastMillis, err1 := strconv.ParseInt(last, 36, 64)
	madeMillis, err2 := strconv.ParseInt(made, 36, 64)
	if err1 != nil || err2 != nil || now.Sub(time.UnixMilli(madeMillis)) > markerLife {
		return false, false
	}
	return true, authTime.UnixMilli() > lastMillis
}

// mac covers everything that the request asks for.
func (m marker) mac(q *authRequest, head string) string {
	mac := hmac.New(sha256.New, m.key)
	names := make([]string, 0, len(q.sent.values))
	for name := range q.sent.values {
		if name != reauthParam {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range append(names, "") {
		v := q.sent.values[name]
		if name == "" {
			v = head
		}
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
