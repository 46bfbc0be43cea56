package chapter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"gatehouse.example/apps/academy/chapter"
)

// front is valid front matter of eight lines; the ninth line is the first behind it.
const front = "---\nslug: a-lesson\ntitle: A lesson\nsummary: One sentence.\npart: Start\norder: 10\nminutes: 2\n---\n"

// good is a lesson with one of everything.
const good = front + `
Some *text* with a | pipe.

## First & foremost

| a | b |
|---|---|
| 1 | 2 |

` + "```\n## no heading\n:::\n::nothing\n```" + `

::experiment{name="known" branches="3"}

:::choice{id="one"}
What is **lost**?
- [ ] The cookie
  Wrong, because it is ` + "`there`" + `.
- [x] The session
  Right.
  And more.
:::

:::choice{id="some"}
Which?
- [x] This
- [x] That
- [ ] Neither
:::

:::exercise{id="draw"}
Draw it.
---
Like this:

` + "```\n---\n:::\n```" + `
:::

:::order{id="flow"}
Put in order.
1. First
2. Second
3. Third
---
Because.
:::

:::interview{id="why"}
Why?
---
So.
:::

:::faq{title="Build \"it\"?"}
Perhaps.
:::

:::note
Plain.
:::

:::warning{title="Mind"}
- a
- b
:::

:::real
All of it.
:::

:::diagram{name="card" caption="A card"}

## First & foremost

The end.
`

func options(files map[string]string) chapter.Options {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return chapter.Options{Files: fsys, Diagrams: []string{"card"}, Experiment: func(name string, setup map[string]string) error {
		if name != "known" {
			return fmt.Errorf("there is no experiment %q", name)
		}
		for key := range setup {
			if key != "branches" {
				return errors.New("it has no " + key)
			}
		}
		return nil
	}}
}

func load(t *testing.T, text string) *chapter.Lesson {
	t.Helper()
	c, faults := chapter.Load(options(map[string]string{"01-a.md": text}))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return c.Lessons[0]
}

func TestLoad_ReadsOneOfEverything(t *testing.T) {
	l := load(t, good)
	if l.Slug != "a-lesson" || l.Title != "A lesson" || l.Summary != "One sentence." || l.Part != "Start" || l.Order != 10 || l.Minutes != 2 {
		t.Errorf("front matter: %+v", l)
	}
	var kinds []string
	for _, b := range l.Blocks {
		kinds = append(kinds, b.Kind)
	}
	want := "text text experiment question question question question question faq note warning real diagram text"
	if got := strings.Join(kinds, " "); got != want {
		t.Fatalf("blocks\n got %s\nwant %s", got, want)
	}
	second := l.Blocks[1]
	if second.Heading != "First & foremost" || second.ID != "on-first-foremost" || l.Blocks[13].ID != "on-first-foremost-2" {
		t.Errorf("headings: %q %q %q", second.Heading, second.ID, l.Blocks[13].ID)
	}
	for _, text := range []string{`<h2 id="on-first-foremost">`, `role="group"`, "<td>1</td>", "## no heading\n:::\n::nothing"} {
		if !strings.Contains(second.HTML, text) {
			t.Errorf("no %q in %s", text, second.HTML)
		}
	}
	if e := l.Blocks[2]; e.Name != "known" || e.Setup["branches"] != "3" || len(e.Setup) != 1 {
		t.Errorf("experiment: %+v", e)
	}
	if f := l.Blocks[8]; f.Title != `Build "it"?` || !strings.Contains(f.HTML, "Perhaps") {
		t.Errorf("faq: %+v", f)
	}
	if d := l.Blocks[12]; d.Name != "card" || d.Caption != "A card" {
		t.Errorf("diagram: %+v", d)
	}
}

func TestLoad_ReadsQuestions(t *testing.T) {
	l := load(t, good)
	one, some, draw, flow := l.Question("one"), l.Question("some"), l.Question("draw"), l.Question("flow")
	if one.Kind != chapter.Choice || len(one.Options) != 2 || one.Options[0].Right || !one.Options[1].Right {
		t.Errorf("one: %+v", one)
	}
	if !strings.Contains(one.Prompt, "<strong>lost</strong>") || one.Options[0].HTML != "The cookie" {
		t.Errorf("one: %+v", one)
	}
	if !strings.Contains(one.Options[0].Why, "<code>there</code>") || !strings.Contains(one.Options[1].Why, "And more") {
		t.Errorf("why: %+v", one.Options)
	}
	if some.Kind != chapter.Several || draw.Kind != chapter.Exercise || l.Question("why").Kind != chapter.Interview {
		t.Error("kinds", some.Kind, draw.Kind)
	}
	if !strings.Contains(draw.Model, "---\n:::") {
		t.Errorf("model answer: %q", draw.Model)
	}
	if strings.Join(flow.Lines, " ") != "First Second Third" || !strings.Contains(flow.Why, "Because") {
		t.Errorf("order: %+v", flow)
	}
	if len(flow.Shown) != 3 || fmt.Sprint(flow.Shown) == "[0 1 2]" {
		t.Errorf("the lines are shown in their order: %v", flow.Shown)
	}
	if l.Question("none") != nil {
		t.Error("a question that is none")
	}
}

func TestLoad_HTMLIsShownAsTyped(t *testing.T) {
	l := load(t, front+"<script>alert(1)</script> <b onclick=x>\n\n<div>\n\n[x](https://e.com \"\\\" onclick=\\\"\")\n\n:::choice{id=\"x\"}\n<i>?</i>\n- [ ] <img src=x>\n  <u>\n- [x] b\n:::\n")
	all := l.Blocks[0].HTML + l.Questions[0].Prompt + l.Questions[0].Options[0].HTML + l.Questions[0].Options[0].Why
	for _, tag := range []string{"<script", "<b", "<div", "<i>", "<img", "<u>", `" onclick="`} {
		if strings.Contains(all, tag) {
			t.Errorf("%s came through: %s", tag, all)
		}
	}
}

func TestLoad_WindowsLinesAndByteOrderMark(t *testing.T) {
	l := load(t, "\uFEFF"+strings.ReplaceAll(good, "\n", "\r\n"))
	if len(l.Questions) != 5 {
		t.Errorf("%d questions", len(l.Questions))
	}
}

func TestLoad_PutsLessonsInOrderAndPartsTogether(t *testing.T) {
	lesson := func(slug, part string, order int) string {
		return fmt.Sprintf("---\nslug: %s\ntitle: T\nsummary: S\npart: %s\norder: %d\nminutes: 3\n---\nText\n", slug, part, order)
	}
	c, faults := chapter.Load(options(map[string]string{"1.md": lesson("c", "Two", 30), "2.md": lesson("a", "One", 10), "3.md": lesson("b", "Two", 20),
		"4.md": lesson("d", "One", 40), "readme.txt": "no lesson"}))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var order []string
	for _, l := range c.Lessons {
		order = append(order, l.Slug)
	}
	if got := strings.Join(order, ""); got != "adbc" || len(c.Parts) != 2 || c.Parts[0].Title != "One" || c.Minutes() != 12 {
		t.Errorf("%s, %d parts, %d minutes", got, len(c.Parts), c.Minutes())
	}
	d := c.Lesson("d")
	if d.Number != 2 || d.Previous.Slug != "a" || d.Next.Slug != "b" || c.Lessons[0].Previous != nil || c.Lessons[3].Next != nil {
		t.Errorf("neighbours of d: %+v", d)
	}
}

func TestLoad_AFolderAddsAndReplaces(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("own.md", strings.ReplaceAll(front, "A lesson", "Ours")+"Text\n")
	write("more.md", strings.ReplaceAll(front, "a-lesson", "more")+"Text\n")
	write("broken.md", strings.ReplaceAll(front, "a-lesson", "kept")+":::note\nText\n")
	o := options(map[string]string{"01.md": front + "Text\n", "02.md": strings.ReplaceAll(front, "a-lesson", "kept") + "Text\n"})
	o.Dir = dir
	c, faults := chapter.Load(o)
	if c.Lesson("a-lesson").Title != "Ours" || c.Lesson("more") == nil || len(c.Lessons) != 3 {
		t.Errorf("lessons: %d", len(c.Lessons))
	}
	if c.Lesson("kept") == nil {
		t.Error("a broken file took the lesson of its slug with it")
	}
	if len(faults) != 1 || faults[0].File != filepath.Join(dir, "broken.md") || faults[0].Line != 9 {
		t.Errorf("faults: %v", faults)
	}
}

func TestLoad_AFolderThatIsNone(t *testing.T) {
	o := options(map[string]string{"01.md": front + "Text\n"})
	o.Dir = filepath.Join(t.TempDir(), "none")
	c, faults := chapter.Load(o)
	if len(c.Lessons) != 1 || len(faults) != 1 || !strings.HasPrefix(faults[0].String(), o.Dir+": ") {
		t.Errorf("%d lessons, %v", len(c.Lessons), faults)
	}
}
