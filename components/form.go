package components

type optionGroup struct {
	name    string
	options []Option
}

// groupOptions groups adjacent options of the same Group, in the order given.
func groupOptions(list []Option) []optionGroup {
	var out []optionGroup
	for _, o := range list {
		if len(out) == 0 || out[len(out)-1].name != o.Group {
			out = append(out, optionGroup{name: o.Group})
		}
		last := &out[len(out)-1]
		last.options = append(last.options, o)
	}
	return out
}

func rows(n int) int {
	if n <= 0 {
		return 5
	}
	return n
}

// textareaValue adds a newline in front of a leading one: the HTML parser drops one right after <textarea> (HTML
// §13.2.6.4.7).
func textareaValue(s string) string {
	if len(s) > 0 && (s[0] == '\n' || s[0] == '\r') {
		return "\n" + s
	}
	return s
}
