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

// maxEmail is the longest address that mail can be sent to, in bytes (RFC 5321 §4.5.3.1.3, less the brackets);
// maxLocal that of the part before the @ (§4.5.3.1.1).
const (
	maxEmail = 254
	maxLocal = 64
)

var errEmail = errors.New("account: not an email address")

// normaliseEmail takes an address as it was typed. It returns it without white space around it, and the form
// under which it is looked up, so that one mailbox is one account: the part before the @ in NFKC and
// case-folded (Unicode's toNFKC_Casefold), the domain in its ASCII form (IDNA, RFC 5891).
func normaliseEmail(typed string) (email, normalised string, err error) {
	email = strings.TrimSpace(typed)
	if len(email) > maxEmail || !utf8.ValidString(email) {
		return "", "", errEmail
	}
	at := strings.LastIndexByte(email, '@')
	if at < 1 || !plain(email) {
		return "", "", errEmail
	}
	local := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(email[:at])))
	domain, err := idna.Lookup.ToASCII(email[at+1:])
	if err != nil || !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".") {
		return "", "", errEmail
	}
	normalised = local + "@" + strings.ToLower(domain)
	// Once more: NFKC makes an @ of a full-width one, for example.
	if len(local) > maxLocal || len(normalised) > maxEmail || !plain(normalised) {
		return "", "", errEmail
	}
	return email, normalised, nil
}

// plain tells whether s is an address (RFC 5322 addr-spec) without a name, a comment or quotes.
func plain(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, "\"<>[]() ")
}
