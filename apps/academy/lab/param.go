package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fill validates the given values and returns them with defaults for missing ones. It returns a Refusal for an
// invalid or unknown value.
func fill(params []Param, given Args) (Args, error) {
	all := Args{}
	for _, p := range params {
		value, there := given[p.Name]
		if value = strings.TrimSpace(value); !there || value == "" && p.Type != Text {
			value = p.Default
		}
		if err := p.check(value); err != nil {
			return nil, err
		}
		all[p.Name] = value
	}
	for name := range given {
		if _, known := all[name]; !known {
			return nil, Refusal(fmt.Sprintf("There is no setting called %q here.", clip(name)))
		}
	}
	return all, nil
}

// Fill validates a setup of e and returns it with defaults for missing values, or returns a Refusal.
func (e Experiment) Fill(given Args) (Args, error) { return fill(e.Params, given) }

// check returns a Refusal if p can't have this value.
func (p Param) check(value string) error {
	switch p.Type {
	case Int:
		n, err := strconv.Atoi(value)
		if err != nil || n < p.Min || n > p.Max {
			return Refusal(fmt.Sprintf("%s must be a number from %d to %d.", p.Label, p.Min, p.Max))
		}
	case Choice:
		if !slices.ContainsFunc(p.Options, func(o Option) bool { return o.Value == value }) {
			return Refusal(fmt.Sprintf("%s: %q is not one of the choices.", p.Label, clip(value)))
		}
	case Bool:
		if value != "true" && value != "false" {
			return Refusal(p.Label + " must be on or off.")
		}
	case Text:
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return Refusal(p.Label + " must be readable text.")
		}
		if n := utf8.RuneCountInString(value); p.Max > 0 && n > p.Max {
			return Refusal(fmt.Sprintf("%s is too long: %d characters. The limit is %d.", p.Label, n, p.Max))
		}
	}
	return nil
}

// clip shortens untrusted input to 40 characters before it is shown.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
