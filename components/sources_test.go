package components_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/assets"
)

// sources gives the text of each file of the repository with one of the extensions, but not of generated ones.
func sources(t *testing.T, extensions ...string) map[string]string {
	t.Helper()
	root := os.DirFS("..")
	found := map[string]string{}
	err := fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if name == "node_modules" || name == "data" || (strings.HasPrefix(name, ".") && path != ".") {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		for _, x := range extensions {
			if filepath.Ext(name) == x {
				text, err := fs.ReadFile(root, path)
				if err != nil {
					return err
				}
				found[path] = string(text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestIcons_NamedInPagesExist(t *testing.T) {
	calls := regexp.MustCompile(`\bIcon(?:\(|:\s*)"([a-z0-9-]+)"`)
	lists := regexp.MustCompile(`// icons: ([a-z0-9 -]+)`)
	seen := 0
	for path, text := range sources(t, ".templ", ".go") {
		var names []string
		for _, m := range calls.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
		for _, m := range lists.FindAllStringSubmatch(text, -1) {
			names = append(names, strings.Fields(m[1])...)
		}
		for _, name := range names {
			seen++
			if shapes, ok := assets.Icon(name); !ok || !strings.HasPrefix(shapes, "<") {
				t.Errorf("%s draws the icon %q, which is not embedded: run npm run css", path, name)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d icons were found: the search is broken", seen)
	}
}

// The Content-Security-Policy allows neither inline styles nor inline scripts, so a page that had one would work in no
// browser.
func TestPages_HaveNothingInline(t *testing.T) {
	forbidden := []struct {
		what string
		is   *regexp.Regexp
	}{
		{"an inline style", regexp.MustCompile(`\sstyle\??=`)},
		{"a <style>", regexp.MustCompile(`<style[\s>]`)},
		{"an inline handler", regexp.MustCompile(`\son[a-z]+\??=["{]`)},
		{"htmx code", regexp.MustCompile(`\shx-on[:a-z-]*=|=["{` + "`" + `]js:|hx-vals=["']js`)},
		{"an inline script", regexp.MustCompile(`<script(?:\s+(?:defer|async|type=\S+))*\s*>`)},
		{"a templ script or css block", regexp.MustCompile(`(?m)^(?:script|css) \w+\(`)},
		{"a link that is code", regexp.MustCompile(`["'{]\s*javascript:`)},
		{"something from elsewhere", regexp.MustCompile(`\ssrc="(?:https?:)?//`)},
	}
	files := sources(t, ".templ", ".svg")
	if len(files) < 10 {
		t.Fatalf("only %d files were found", len(files))
	}
	for path, text := range files {
		if strings.HasPrefix(path, "docs/") {
			continue // no page of ours shows it
		}
		for _, f := range forbidden {
			if m := f.is.FindString(text); m != "" {
				t.Errorf("%s has %s: %s", path, f.what, strings.TrimSpace(m))
			}
		}
	}
}

// templ writes no space before a component, and one after it.
func TestPages_SpaceTheirTexts(t *testing.T) {
	glued := regexp.MustCompile(`(?m)^[ \t]*[^\s/@<][^\n]*[\p{L}\p{N},;.]\n[ \t]*@\w+[.]?(?:Time|Badge)`)
	before := regexp.MustCompile(`(?m)^[ \t]*@[^\n{}]*[)]\n[ \t]*(?:[{] ")?[.,;:!?](?:["\s]|$)`)
	for path, text := range sources(t, ".templ") {
		for _, m := range append(glued.FindAllString(text, -1), before.FindAllString(text, -1)...) {
			t.Errorf("%s: write { \" \" } before a component, and punctuation after a time with TimeThen: %q", path, m)
		}
	}
}
