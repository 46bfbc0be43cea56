package style

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// stop matches a file, or a function in it, in docs/architecture.md.
var stop = regexp.MustCompile("`([a-z0-9_/-]+\\.(?:go|templ))(?::(\\w+))?`")

func TestArchitecture_NamesFilesAndFunctionsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, files := parse(t)
	functions := map[string]map[string]bool{}
	for _, f := range files {
		functions[f.path] = map[string]bool{}
		for _, d := range f.syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				functions[f.path][d.Name.Name] = true
			}
		}
	}
	found := stop.FindAllStringSubmatch(string(text), -1)
	if len(found) < 30 {
		t.Errorf("only %d stops were found", len(found))
	}
	for _, m := range found {
		path, function := m[1], m[2]
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
			t.Error(err)
		} else if function != "" && !functions[path][function] {
			t.Errorf("%s has no function %s", path, function)
		}
	}
}
