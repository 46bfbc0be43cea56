package account

import (
	"errors"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address that mail can be sent to, in bytes (RFC 5321 §4.5.3.1.3, less the brackets), and
// maxLocal the longest local part, before the @ (§4.5.3.1.1).
const (
	maxEmail = 254
	maxLocal = 64
)

var errEmail = errors.New("account: not an email address")

// NormaliseEmail returns a typed address without surrounding white space, and the form under which it is looked up,
// so that one mailbox has one account: the local part in NFKC and case-folded (Unicode's toNFKC_Casefold), the
// domain in its ASCII form (IDNA, RFC 5891). It returns errEmail if the text is not an email address.
func NormaliseEmail(typed string) (email, normalised string, err error) {
	email = strings.TrimSpace(typed)
	if len(email) > maxEmail || !utf8.ValidString(email) {
		return "", "", errEmail
	}
	at := strings.LastIndexByte(email, '@')
	if at < 1 || !isPlainAddress(email) {
		return "", "", errEmail
	}
	local := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(email[:at])))
	domain, err := idna.Lookup.ToASCII(email[at+1:])
	if err != nil || !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".") {
		return "", "", errEmail
	}
	normalised = local + "@" + strings.ToLower(domain)
	// Check again: NFKC turns a full-width @ into an @, for example.
	if len(local) > maxLocal || len(normalised) > maxEmail || !isPlainAddress(normalised) {
		return "", "", errEmail
	}
	return email, normalised, nil
}

// isPlainAddress reports whether s is an address (RFC 5322 addr-spec) without a display name, a comment or quotes.
func isPlainAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, "\"<>[]() ")
}
