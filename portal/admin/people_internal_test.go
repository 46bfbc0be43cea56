package admin

import (
	"strings"
	"testing"

	"gatehouse.example/components"
)

// A search that found nobody says whether all have been looked at, and offers what to do next.
func TestPeopleList_NobodyFound(t *testing.T) {
	const next, previous = "/admin/people?q=oak+pine&after=x", "/admin/people?q=oak+pine&before=x"
	for name, c := range map[string]struct {
		view    peopleView
		want    []string
		without string
	}{
		"so far": {
			peopleView{Query: peopleQuery{Text: "oak pine"}, Partial: true, Pages: components.Pages{NextURL: next}},
			[]string{"No matches so far", "Keep searching", "q=oak+pine&amp;after=x"}, "No people match",
		},
		"so far, backwards": {
			peopleView{Query: peopleQuery{Text: "oak pine", Before: "y"}, Partial: true, Pages: components.Pages{PrevURL: previous}},
			[]string{"No matches so far", "q=oak+pine&amp;before=x"}, "No people match",
		},
		"at the end": {
			peopleView{Query: peopleQuery{Text: "oak pine", After: "y", Size: pageSizes[0]}}, []string{"No more matches", `href="/admin/people?q=oak+pine"`}, "Keep searching",
		},
		"at all": {peopleView{Query: peopleQuery{Text: "oak pine"}}, []string{"No people match"}, "Keep searching"},
	} {
		var page strings.Builder
		if err := peopleList(c.view).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		for _, text := range c.want {
			if !strings.Contains(page.String(), text) {
				t.Errorf("%s: no %q in %s", name, text, page.String())
			}
		}
		if strings.Contains(page.String(), c.without) {
			t.Errorf("%s: %q in %s", name, c.without, page.String())
		}
	}
}
