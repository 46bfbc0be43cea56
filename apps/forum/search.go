package forum

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse/apps/forum/markdown"
	"gatehouse/apps/forum/store"
	"gatehouse/components"
	"gatehouse/web"
)

// maxQuery is how long a search may be, in characters.
const maxQuery = 200

// snippetLength is how much of a post a result shows, in characters.
const snippetLength = 180

// searchTarget is what the results take the place of, as somebody types. A page
// where they may be writing has none: there the search is a page of its own.
const searchTarget = "#results"

type searchView struct {
	Shell   components.Shell
	Query   string
	Product *store.Product // set when the search is for threads about one product
	List    listView
	Fault   string
}

// snippet is a piece of a post, cut where the words that were searched begin and
// end: every second part is one of them.
type snippet []string

func (a *App) search(c echo.Context) error {
	ctx := c.Request().Context()
	v := searchView{Shell: shell(c, "Search", "")}
	v.Shell.Search.Target = searchTarget
	query, err := web.Text(c, "q", maxQuery)
	status := http.StatusOK
	if err != nil {
		v.Fault = "That can't be searched for: a search is text of at most 200 characters."
		status = http.StatusUnprocessableEntity
		return web.Render(c, status, searchPage(v), searchResults(v))
	}
	v.Query, v.Shell.Search.Value = query, query
	f := filter(c)
	f.Query = query
	q := url.Values{"q": {query}}
	if slug := c.QueryParam("product"); validSlug(slug) {
		f.Product = slug
		q.Set("product", slug)
	}
	list, err := a.store.Threads(ctx, f)
	if err != nil {
		return err
	}
	if f.Product != "" && len(list.Threads) > 0 {
		v.Product = &list.Threads[0].Product
	}
	sources, err := a.store.Matches(ctx, list.Threads, query)
	if err != nil {
		return err
	}
	boards, err := a.store.Boards(ctx)
	if err != nil {
		return err
	}
	v.List = listView{List: list, Base: "/search", Query: q, Sort: f.Sort, Boards: bySlug(boards),
		Snippets: make(map[string]snippet), Searched: query}
	for thread, source := range sources {
		v.List.Snippets[thread] = cut(markdown.Text(around(source, query)), query)
	}
	return web.Render(c, status, searchPage(v), searchResults(v))
}

// around returns the part of a long text that a snippet may come from, so that not all of it is rendered.
func around(source, query string) string {
	const before, after = 500, 1500
	runes := []rune(source)
	if len(runes) <= before+after {
		return source
	}
	folded, first := foldRunes(runes), len(runes)
	for _, w := range strings.Fields(query) {
		if at := index(folded, foldRunes([]rune(w)), 0); at >= 0 {
			first = min(first, at)
		}
	}
	if first == len(runes) {
		first = 0
	}
	return string(runes[max(0, first-before):min(len(runes), first+after)])
}

// cut shows text around the first of the words of query.
func cut(text, query string) snippet {
	runes := []rune(text)
	folded := foldRunes(runes)
	words := strings.Fields(query)
	first := len(runes)
	for _, w := range words {
		if at := index(folded, foldRunes([]rune(w)), 0); at >= 0 {
			first = min(first, at)
		}
	}
	if first == len(runes) {
		first = 0
	}
	from := max(0, first-snippetLength/3)
	to := min(len(runes), from+snippetLength)
	for from > 0 && from < first && !unicode.IsSpace(runes[from-1]) {
		from++
	}
	s := mark(runes[from:to], words)
	if from > 0 {
		s[0] = "… " + s[0]
	}
	if to < len(runes) {
		s[len(s)-1] += " …"
	}
	return s
}

// mark parts text at the words, so that every second part is one of them.
func mark(runes []rune, words []string) snippet {
	folded := foldRunes(runes)
	var s snippet
	for at := 0; ; {
		next, length := len(runes), 0
		for _, w := range words {
			word := foldRunes([]rune(w))
			if i := index(folded, word, at); i >= 0 && (i < next || i == next && len(word) > length) {
				next, length = i, len(word)
			}
		}
		s = append(s, string(runes[at:next]))
		if length == 0 {
			return s
		}
		s = append(s, string(runes[next:next+length]))
		at = next + length
	}
}

// foldRunes is lower case rune by rune, so that places in it are places in runes.
func foldRunes(runes []rune) []rune {
	out := make([]rune, len(runes))
	for i, r := range runes {
		out[i] = unicode.ToLower(r)
	}
	return out
}

// index is where word begins in text at or after from, or -1.
func index(text, word []rune, from int) int {
	if from > len(text) {
		return -1
	}
	at := strings.Index(string(text[from:]), string(word))
	if at < 0 {
		return -1
	}
	return from + utf8.RuneCountInString(string(text[from:])[:at])
}

// searched are the words of a query.
func searched(query string) []string { return strings.Fields(query) }
