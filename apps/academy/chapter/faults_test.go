package chapter_test

import (
	"strings"
	"testing"

	"gatehouse.example/apps/academy/chapter"
)

// with changes one line of the valid front matter.
func with(old, now string) string { return strings.Replace(front, old, now, 1) + "Text\n" }

// Each of these files is broken; the first of its faults is at the line and says the words.
var broken = []struct {
	name, text string
	line       int
	says       string
}{
	{"empty", "", 1, "begins with its front matter"},
	{"no front matter", "# Hello\n", 1, "begins with its front matter"},
	{"front matter without end", "---\nslug: a\ntitle: b\n", 1, "has no end"},
	{"no YAML", "---\nslug: [a\n---\nText\n", 2, "can't be read"},
	{"YAML that is a list", "---\n- a\n- b\n---\nText\n", 2, "consists of lines like"},
	{"YAML that is empty", "---\n---\nText\n", 2, "consists of lines like"},
	{"unknown key", with("minutes: 2", "minutes: 2\nauthor: me"), 8, `has no "author"`},
	{"key twice", with("minutes: 2", "slug: b"), 7, "slug"},
	{"missing key", with("summary: One sentence.\n", ""), 1, "lacks summary"},
	{"value that is a list", with("A lesson", "[a, b]"), 3, "title takes one value"},
	{"empty title", with("title: A lesson", "title:"), 3, "title is empty"},
	{"long title", with("A lesson", strings.Repeat("x", 121)), 3, "longer than 120"},
	{"bad slug", with("a-lesson", "A Lesson"), 2, "small letters"},
	{"bad order", with("order: 10", "order: first"), 6, `whole number from 0 to 100000, not "first"`},
	{"negative order", with("order: 10", "order: -1"), 6, "whole number"},
	{"bad minutes", with("minutes: 2", "minutes: 0"), 7, "whole number from 1 to 240"},
	{"nothing behind", front, 9, "nothing behind the front matter"},
	{"title in the text", front + "\n# Title\n", 10, "begin at ##"},
	{"picture", front + "\nOne\n\nTwo ![x](y.png)\n", 12, "pictures"},
	{"picture in a question", front + ":::exercise{id=\"a\"}\nOne\n\nTwo ![x](y.png)\n---\nB\n:::\n", 12, "pictures"},
	{"script in a link", front + "[x](javascript:alert)\n", 9, "run a script"},
	{"open code", front + "```\ncode\n", 11, "still open"},
	{"close without open", front + "Text\n:::\n", 10, "closes nothing"},
	{"unknown directive", front + ":::quiz{id=\"a\"}\nText\n:::\n", 9, `no directive "quiz"; there are choice, diagram`},
	{"no name", front + "::: \"x\"\n", 9, "beginning with its name"},
	{"block with two colons", front + "::note\n", 9, "is a block"},
	{"no braces", front + ":::note title\nText\n:::\n", 9, "stand in braces"},
	{"broken attributes", front + "::experiment{name=known}\n", 9, `key="value"`},
	{"attribute twice", front + ":::note{title=\"a\" title=\"b\"}\nText\n:::\n", 9, "title occurs twice"},
	{"attribute that is none", front + ":::note{name=\"a\"}\nText\n:::\n", 9, `note has no "name"; it has title`},
	{"unclosed block", front + "Text\n\n:::note\nText\n", 11, "never closed"},
	{"unclosed before the next", front + ":::note\nText\n::experiment{name=\"known\"}\n", 9, "line 11 begins something new"},
	{"empty note", front + ":::note\n\n:::\n", 9, "note is empty"},
	{"faq without title", front + ":::faq\nText\n:::\n", 9, "faq lacks its title"},
	{"experiment without name", front + "::experiment\n", 9, "experiment lacks its name"},
	{"unknown experiment", front + "Text\n::experiment{name=\"other\"}\n", 10, `no experiment "other"`},
	{"bad set-up", front + "::experiment{name=\"known\" colour=\"red\"}\n", 9, "it has no colour"},
	{"unknown diagram", front + "::diagram{name=\"x\"}\n", 9, `no diagram "x"; there are card`},
	{"missing id", front + ":::choice\nA?\n- [x] a\n- [ ] b\n:::\n", 9, "choice lacks its id"},
	{"bad id", front + ":::choice{id=\"A b\"}\nA?\n- [x] a\n- [ ] b\n:::\n", 9, "an id consists of"},
	{"duplicate id", front + ":::choice{id=\"a\"}\nA?\n- [x] a\n- [ ] b\n:::\n:::interview{id=\"a\"}\nA?\n---\nB\n:::\n", 14, "question in line 9"},
	{"choice without right answer", front + ":::choice{id=\"a\"}\nA?\n- [ ] a\n- [ ] b\n:::\n", 9, "no right answer"},
	{"choice without wrong answer", front + ":::choice{id=\"a\"}\nA?\n- [x] a\n- [x] b\n:::\n", 9, "no wrong answer"},
	{"choice with one option", front + ":::choice{id=\"a\"}\nA?\n- [x] a\n:::\n", 9, "has 1 options"},
	{"choice without question", front + ":::choice{id=\"a\"}\n- [x] a\n- [ ] b\n:::\n", 9, "asks nothing"},
	{"broken option", front + ":::choice{id=\"a\"}\nA?\n- [x] a\n- [] b\n:::\n", 12, "neither an option"},
	{"broken first option", front + ":::choice{id=\"a\"}\nA?\n- [y] a\n- [x] b\n:::\n", 11, "neither an option"},
	{"text between options", front + ":::choice{id=\"a\"}\nA?\n- [x] a\nwhy\n- [ ] b\n:::\n", 12, "neither an option"},
	{"order of two", front + ":::order{id=\"a\"}\nA?\n1. a\n2. b\n:::\n", 9, "has 2 numbered lines"},
	{"order with other lines", front + ":::order{id=\"a\"}\nA?\n1. a\n2. b\nc\n3. d\n:::\n", 13, "not one of the numbered lines"},
	{"order with a line twice", front + ":::order{id=\"a\"}\nA?\n1. a\n2. b\n3. a\n:::\n", 13, "there twice"},
	{"exercise without model answer", front + ":::exercise{id=\"a\"}\nA?\n:::\n", 9, "no model answer"},
	{"interview with an empty one", front + ":::interview{id=\"a\"}\nA?\n---\n\n:::\n", 9, "no model answer"},
	{"no text", front + "a\nb\xff\n", 10, "no UTF-8"},
	{"NUL", front + "a\x00\n", 9, "no UTF-8"},
}

func TestLoad_BrokenFilesSayFileLineAndFault(t *testing.T) {
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			c, faults := chapter.Load(options(map[string]string{"07-b.md": b.text, "01-good.md": strings.Replace(good, "a-lesson", "good", 1)}))
			if len(c.Lessons) != 1 || c.Lesson("good") == nil {
				t.Errorf("%d lessons opened", len(c.Lessons))
			}
			if len(faults) == 0 {
				t.Fatal("no fault")
			}
			f := faults[0]
			if f.File != "07-b.md" || f.Line != b.line || !strings.Contains(f.What, b.says) {
				t.Errorf("got %s\nwant 07-b.md:%d: … %s …", f, b.line, b.says)
			}
		})
	}
}

func TestLoad_TellsAllFaultsOfAFileInOrder(t *testing.T) {
	_, faults := chapter.Load(options(map[string]string{"a.md": with("order: 10", "order: x") + "\n:::nonsense\nText\n:::\n\n:::note\n:::\n\n# Title\n"}))
	var lines []int
	for _, f := range faults {
		lines = append(lines, f.Line)
	}
	if len(lines) != 4 || lines[0] != 6 || lines[1] != 11 || lines[2] != 15 || lines[3] != 18 {
		t.Errorf("%v", faults)
	}
}

func TestLoad_TwoFilesOfOneSlug(t *testing.T) {
	c, faults := chapter.Load(options(map[string]string{"a.md": front + "First\n", "b.md": front + "Second\n"}))
	if len(faults) != 1 || faults[0].String() != `b.md:2: the slug "a-lesson" is that of a.md already` {
		t.Errorf("%v", faults)
	}
	if !strings.Contains(c.Lesson("a-lesson").Blocks[0].HTML, "First") {
		t.Error("the second file won")
	}
}

// What a lesson may hold makes no page of it that is more than text, and nothing makes
// the reader fall over.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, b := range broken {
		if len(b.text) < 10_000 {
			f.Add([]byte(b.text))
		}
	}
	o := options(nil)
	f.Fuzz(func(t *testing.T, source []byte) {
		l, faults := o.Parse("f.md", source)
		if (l == nil) == (len(faults) == 0) {
			t.Fatalf("a lesson: %v, faults: %v", l != nil, faults)
		}
		last := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(source)), "\n") + 1
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > last || fault.What == "" {
				t.Fatalf("%s of a file of %d lines", fault, last)
			}
		}
		if l == nil {
			return
		}
		for _, b := range l.Blocks {
			if strings.Contains(b.HTML, "<script") || strings.Contains(b.HTML, "<img") {
				t.Fatalf("%q", b.HTML)
			}
		}
	})
}
