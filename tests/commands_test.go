package tests_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sqlHomes are the only packages whose strings may be SQL.
var sqlHomes = []string{"db/**", "events", "portal/store/**", "apps/*/store/**", "apps/academy/experiments/emails/store", "tests/**"}

// sql recognises a statement by its first words; none of our sentences begins like one.
var sql = regexp.MustCompile(`^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX|UNIQUE|SCHEMA)\s|ALTER\s+TABLE\s|WITH\s+\w+\s+AS\s)`)

func TestSQL_LivesInTheStores(t *testing.T) {
	for _, p := range packages(t) {
		if fitsAny(sqlHomes, p.path()) {
			continue
		}
		inspect(t, p, func(at token.Position, n ast.Node) {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return
			}
			if text, err := strconv.Unquote(literal.Value); err == nil && sql.MatchString(text) {
				t.Errorf("%s: SQL outside a store: %.60q", at, text)
			}
		})
	}
}

// A package that carries a Redis client in its Deps hands it on and asks at most whether the server answers.
func TestRedisCommands_HaveAFewHomes(t *testing.T) {
	harmless := []string{"Ping", "Close", "PoolStats"}
	for _, p := range packages(t) {
		if !fitsAny(carriers, p.path()) {
			continue
		}
		inspect(t, p, func(at token.Position, n ast.Node) {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || slices.Contains(harmless, method.Sel.Name) {
				return
			}
			var on string
			switch x := method.X.(type) {
			case *ast.Ident:
				on = x.Name
			case *ast.SelectorExpr:
				on = x.Sel.Name
			}
			if on == "Redis" || on == "rdb" {
				t.Errorf("%s: a Redis command (%s) outside its homes", at, method.Sel.Name)
			}
		})
	}
}

// inspect shows visit every node of the package's files that are not tests.
func inspect(t *testing.T, p pkg, visit func(at token.Position, n ast.Node)) {
	t.Helper()
	files := token.NewFileSet()
	for _, name := range p.GoFiles {
		if strings.HasSuffix(name, "_templ.go") {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				visit(files.Position(n.Pos()), n)
			}
			return true
		})
	}
}
