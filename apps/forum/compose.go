package forum

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// Limits of texts, in characters.
const (
	maxBody   = 20_000
	minTitle  = 5
	maxTitle  = 150
	maxReason = 200
)

// draft is a text that is being written: the fields of its form, their errors, and whether to show a preview.
type draft struct {
	Title, Board, Body string
	Product            string // slug, "" for none
	Key                string // identifies the form, so that sending it twice creates one post
	Version            int    // of the text that the edit is based on
	Preview            bool
	Linked             []string // handles that the preview links
	Restored           bool     // the text was restored after the user signed in
	VoteDropped        bool     // a vote was sent without a session and was not counted
	ActionDropped      bool     // so was another action of one button
	Quoted             bool     // the text begins with a quote of another post
	Faults             []components.FieldError
}

// readDraft reads a draft from a submitted form. It returns a 400 error if the form cannot be parsed or repeats a
// field; other errors become faults of the draft, which keeps its text.
func readDraft(c echo.Context) (*draft, error) {
	form, err := c.FormParams()
	if err != nil {
		return nil, web.Fail(http.StatusBadRequest, "bad_form", "The submitted form can't be read.").WithCause(err)
	}
	for _, name := range []string{"title", "board", "body", "product", "key", "version"} {
		if len(form[name]) > 1 {
			return nil, web.Fail(http.StatusBadRequest, "bad_form", fmt.Sprintf("The field %q was sent more than once.", name))
		}
	}
	return parseDraft(form), nil
}

// restoredDraft returns the draft that the user sent before they were asked to sign in, or a new one if there is none.
func restoredDraft(c echo.Context) *draft {
	form := rp.Draft(c.Request())
	d := parseDraft(form)
	if d.Body == "" && d.Title == "" {
		return &draft{Key: rand.Text(), VoteDropped: form.Has("value"), ActionDropped: form.Has("accept") || form.Has("follow")}
	}
	d.Restored = true
	return d
}

// withToast returns others with a message for a user who has just signed in: the text is restored but not sent yet, or
// the vote was not counted, or another action was not carried out.
func (d *draft) withToast(others []components.Toast) []components.Toast {
	switch {
	case d.Restored:
		return append(others, components.Toast{Kind: "info", Message: "You're signed in. Your text is in the form, but hasn't been posted yet."})
	case d.VoteDropped:
		return append(others, components.Toast{Kind: "info", Message: "You're signed in. Your vote wasn't counted. Please vote again."})
	case d.ActionDropped:
		return append(others, components.Toast{Kind: "info", Message: "You're signed in. Please try that again."})
	}
	return others
}

func parseDraft(form url.Values) *draft {
	d := &draft{Board: form.Get("board"), Product: form.Get("product"), Key: form.Get("key")}
	d.Title = strings.Join(strings.Fields(d.cleanText("title", form.Get("title"))), " ")
	d.Body = strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(d.cleanText("body", form.Get("body"))))
	if n, err := strconv.ParseInt(form.Get("version"), 10, 32); err == nil {
		d.Version = int(n) // 0 if invalid: no post has this version, so that the edit conflicts
	}
	if !web.ValidFormKey(d.Key) {
		d.Key = rand.Text()
	}
	return d
}

// cleanText returns text without characters that are not text or that the databases cannot store, and adds a fault if
// it removed any.
func (d *draft) cleanText(field, text string) string {
	bad := func(r rune) bool {
		return r == utf8.RuneError || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || isBidiControl(r)
	}
	if utf8.ValidString(text) && !strings.ContainsFunc(text, bad) {
		return text
	}
	d.addFault(field, "We removed characters that aren't text. Check it, then submit again.")
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return -1
		}
		return r
	}, text)
}

// isBidiControl reports whether r is a control character that could change the direction of the text around it.
func isBidiControl(r rune) bool { return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }

func (d *draft) addFault(field, message string) {
	d.Faults = append(d.Faults, components.FieldError{Field: field, Message: message})
}

// faultOf returns the first fault of a field, or "" if it has none.
func (d *draft) faultOf(field string) string {
	for _, f := range d.Faults {
		if f.Field == field {
			return f.Message
		}
	}
	return ""
}

// checkBody adds a fault if the body is empty or too long, and reports whether the draft has no faults.
func (d *draft) checkBody() bool {
	switch n := utf8.RuneCountInString(d.Body); {
	case d.faultOf("body") != "":
	case !hasVisibleText(d.Body):
		d.addFault("body", "Enter some text.")
	case n > maxBody:
		d.addFault("body", fmt.Sprintf("This is %s characters long. The limit is %s. Shorten it, or post it in two parts.",
			components.Count(n), components.Count(maxBody)))
	}
	return len(d.Faults) == 0
}

func (d *draft) checkTitle() bool {
	switch n := utf8.RuneCountInString(d.Title); {
	case d.faultOf("title") != "":
	case !hasVisibleText(d.Title):
		d.addFault("title", "Enter a title.")
	case n < minTitle:
		d.addFault("title", fmt.Sprintf("Use at least %d characters.", minTitle))
	case n > maxTitle:
		d.addFault("title", fmt.Sprintf("The title is %s characters long. The limit is %d.", components.Count(n), maxTitle))
	}
	return len(d.Faults) == 0
}

// addRateLimitFault reports whether err is a rate limit error. If so, it adds a fault with the waiting time and sets
// the Retry-After header.
func (d *draft) addRateLimitFault(c echo.Context, err error) bool {
	limit := (*db.RateLimitError)(nil)
	if !errors.As(err, &limit) {
		return false
	}
	c.Response().Header().Set("Retry-After", strconv.Itoa(int((limit.Wait+time.Second-1)/time.Second)))
	d.addFault("body", "You're posting too often, so this wasn't posted. Your text is saved here. Try again in "+web.WaitText(limit.Wait)+".")
	return true
}

// hasVisibleText reports whether s contains a visible character.
func hasVisibleText(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}
