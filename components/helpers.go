package components

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Initials returns one or two capital letters for a name: "Alice Demo" is "AD", "alice" is "A", "" is "?".
func Initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' })
	if len(words) == 0 {
		return "?"
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	if len(words) == 1 {
		return string(unicode.ToUpper(first))
	}
	last, _ := utf8.DecodeRuneInString(words[len(words)-1])
	return string(unicode.ToUpper(first)) + string(unicode.ToUpper(last))
}

// avatarTones is the number of colours of avatars, --avatar-1 and so on in assets/src/tokens.css.
const avatarTones = 10

// avatarTone returns the number of the colour of a user's avatar, from 1 to avatarTones.
func avatarTone(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return int(h.Sum32()%avatarTones) + 1
}

// LabelUnit formats a label with the unit of the values under it: LabelUnit("Wait", "ms") is "Wait (ms)". The unit is
// left out if the label says it already, as in "Servers" for "servers".
func LabelUnit(label, unit string) string {
	for word := range strings.FieldsSeq(label) {
		if strings.EqualFold(word, unit) {
			return label
		}
	}
	if unit == "" {
		return label
	}
	return label + " (" + unit + ")"
}

// Money formats cents as dollars: 123456 is "$1,234.56", -50 is "-$0.50".
func Money(cents int64) string {
	sign := ""
	u := uint64(cents)
	if cents < 0 {
		sign, u = "-", -u
	}
	return sign + "$" + groupThousands(strconv.FormatUint(u/100, 10)) + fmt.Sprintf(".%02d", u%100)
}

// Count formats a whole number with thousands separators: 12345 is "12,345".
func Count[N ~int | ~int32 | ~int64](n N) string {
	if n < 0 {
		return "-" + groupThousands(strconv.FormatInt(int64(n), 10)[1:])
	}
	return groupThousands(strconv.FormatInt(int64(n), 10))
}

func groupThousands(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Plural formats a number with its noun: Plural(1, "reply", "replies") is "1 reply".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// RelativeAt formats t relative to clock: "just now", "5 minutes ago", "in 2 hours", and beyond thirty days as a date.
func RelativeAt(t, clock time.Time) string {
	d := clock.Sub(t)
	past := d >= 0
	if !past {
		d = -d
	}
	var text string
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		text = Plural(int(d/time.Minute), "minute", "minutes")
	case d < 24*time.Hour:
		text = Plural(int(d/time.Hour), "hour", "hours")
	case d < 30*24*time.Hour:
		text = Plural(int(d/(24*time.Hour)), "day", "days")
	default:
		return t.UTC().Format("2 Jan 2006")
	}
	if past {
		return text + " ago"
	}
	return "in " + text
}

func formatTime(t time.Time, style TimeStyle) string {
	switch style {
	case DateOnly:
		return t.UTC().Format("2 Jan 2006")
	case Relative:
		return RelativeAt(t, time.Now())
	case Clock:
		return t.UTC().Format("15:04:05")
	default:
		return t.UTC().Format("2 Jan 2006, 15:04")
	}
}

func (s TimeStyle) key() string {
	switch s {
	case DateOnly:
		return "date"
	case Relative:
		return "relative"
	case Clock:
		return "clock"
	default:
		return "datetime"
	}
}

// pageWindow returns the page numbers to show: the first, the last, the current one and its neighbours; 0 is a gap.
func pageWindow(page, total int) []int {
	var out []int
	last := 0
	for n := 1; n <= total; n++ {
		if n != 1 && n != total && (n < page-1 || n > page+1) {
			continue
		}
		switch n - last {
		case 1:
		case 2:
			out = append(out, n-1) // show a single page instead of a gap
		default:
			out = append(out, 0)
		}
		out = append(out, n)
		last = n
	}
	return out
}

func (p Pages) prev() string {
	if p.Total > 0 && p.URL != nil {
		if p.Page > 1 {
			return p.URL(min(p.Page-1, p.Total))
		}
		return ""
	}
	return p.PrevURL
}

func (p Pages) next() string {
	if p.Total > 0 && p.URL != nil {
		if p.Page < p.Total {
			return p.URL(p.Page + 1)
		}
		return ""
	}
	return p.NextURL
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// describedBy returns the ids of a field's error and hint, separated by spaces, in the order in which they are read
// out.
func describedBy(id, hint, fault string) string {
	var ids []string
	if fault != "" {
		ids = append(ids, id+"-error")
	}
	if hint != "" {
		ids = append(ids, id+"-hint")
	}
	return strings.Join(ids, " ")
}
