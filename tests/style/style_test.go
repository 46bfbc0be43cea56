// Package style counts and checks how the Go code is written: its doc comments and its names.
//
//	go test ./tests/style -run Figures -v     prints the figures of docs/architecture.md
package style

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vague matches words that a doc comment must not have: they stand for a person of unknown identity, or for one of the
// field's terms.
var vague = regexp.MustCompile(`(?i)\b(whoever|somebody|nobody|anybody|of ours|of theirs|any more)\b`)

// state matches function comments that say what the function is, not what it does.
var state = regexp.MustCompile(`^\S+ (is|are|was|has)\b`)

// file is a parsed Go file that is neither a test nor generated.
type file struct {
	path   string
	syntax *ast.File
}

// parse returns every Go file of the repository that is neither a test nor generated.
func parse(t *testing.T) (*token.FileSet, []file) {
	t.Helper()
	set := token.NewFileSet()
	var files []file
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".git")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go"):
			return nil
		}
		syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil || ast.IsGenerated(syntax) {
			return err
		}
		files = append(files, file{filepath.ToSlash(strings.TrimPrefix(path, "../../")), syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("only %d files were found", len(files))
	}
	return set, files
}

// docs calls visit for every doc comment in f: of the package, and of each declaration, field and method. function is
// nil for those that document no function.
func docs(f file, visit func(doc *ast.CommentGroup, function *ast.FuncDecl)) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		var doc *ast.CommentGroup
		function, _ := n.(*ast.FuncDecl)
		switch n := n.(type) {
		case *ast.File:
			doc = n.Doc
		case *ast.FuncDecl:
			doc = n.Doc
		case *ast.GenDecl:
			doc = n.Doc
		case *ast.TypeSpec:
			doc = n.Doc
		case *ast.ValueSpec:
			doc = n.Doc
		case *ast.Field:
			doc = n.Doc
		}
		if doc != nil {
			visit(doc, function)
		}
		return true
	})
}

func TestDocComments_SayWhatAFunctionDoes(t *testing.T) {
	set, files := parse(t)
	for _, f := range files {
		docs(f, func(doc *ast.CommentGroup, function *ast.FuncDecl) {
			at := fmt.Sprintf("%s:%d", f.path, set.Position(doc.Pos()).Line)
			if function != nil && state.MatchString(doc.Text()) {
				t.Errorf("%s: begin with a verb: %s", at, firstLine(doc))
			}
			if word := vague.FindString(doc.Text()); word != "" {
				t.Errorf("%s: instead of %q, name the thing or the person: %s", at, word, firstLine(doc))
			}
		})
	}
}

func TestPackageComments_AreInDocGo(t *testing.T) {
	_, files := parse(t)
	documented := map[string]bool{}
	for _, f := range files {
		switch folder, name := filepath.Split(f.path); {
		case f.syntax.Doc == nil:
		case name != "doc.go":
			t.Errorf("%s: the comment of the package belongs in doc.go", f.path)
		default:
			documented[folder] = true
		}
	}
	for _, f := range files {
		if folder, _ := filepath.Split(f.path); !documented[folder] {
			t.Errorf("%s has no doc.go", folder)
			documented[folder] = true
		}
	}
}

func firstLine(doc *ast.CommentGroup) string {
	line, _, _ := strings.Cut(doc.Text(), "\n")
	return line
}

// TestFigures prints what docs/architecture.md has a table of. It checks nothing.
func TestFigures(t *testing.T) {
	set, files := parse(t)
	var functions, documented, states, vagues, short, lines int
	packages := map[string]bool{}
	for _, f := range files {
		packages[filepath.Dir(f.path)] = true
		lines += set.File(f.syntax.Pos()).LineCount()
		for _, d := range f.syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				functions++
				if len(d.Name.Name) <= 5 {
					short++
				}
			}
		}
		docs(f, func(doc *ast.CommentGroup, function *ast.FuncDecl) {
			if function != nil {
				documented++
				if state.MatchString(doc.Text()) {
					states++
				}
			}
			if vague.MatchString(doc.Text()) {
				vagues++
			}
		})
	}
	t.Logf("function comments that say what it is or has: %d of %d (%.0f %%)", states, documented, 100*float64(states)/float64(documented))
	t.Logf("doc comments with vague words: %d", vagues)
	t.Logf("function names of five letters or fewer: %d of %d (%.0f %%)", short, functions, 100*float64(short)/float64(functions))
	t.Logf("packages: %d, lines of Go: %d", len(packages), lines)
}
