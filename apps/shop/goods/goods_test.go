package goods_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/apps/shop/goods"
)

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func TestCatalogue_ReadsLikeAShop(t *testing.T) {
	c, err := goods.Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Products); n < 36 || n > 60 {
		t.Errorf("%d products, want about forty", n)
	}
	categories, slugs, names, ranks := map[string]int{}, map[string]bool{}, map[string]bool{}, map[int]bool{}
	for _, k := range c.Categories {
		categories[k.Slug] = 0
	}
	for _, p := range c.Products {
		if _, known := categories[p.Category]; !known {
			t.Errorf("%s: unknown category %q", p.Slug, p.Category)
		}
		categories[p.Category]++
		if !slugPattern.MatchString(p.Slug) || slugs[p.Slug] || names[p.Name] || ranks[p.Featured] {
			t.Errorf("%s: its slug is malformed, or slug, name or rank is taken", p.Slug)
		}
		slugs[p.Slug], names[p.Name], ranks[p.Featured] = true, true, true
		if p.PriceCents <= 0 || p.Stock < 0 || p.Short == "" || len(p.Description) < 60 || len(p.Specs) < 3 {
			t.Errorf("%s: price, stock, texts or specifications are not in order", p.Slug)
		}
	}
	for slug, n := range categories {
		if n < 3 {
			t.Errorf("category %s has only %d products", slug, n)
		}
	}
}

func TestDraw_EveryProduct(t *testing.T) {
	c, err := goods.Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, p := range c.Products {
		svg, err := goods.Draw(p)
		if err != nil {
			t.Fatal(err)
		}
		dec := xml.NewDecoder(bytes.NewReader(svg))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s is not well-formed: %v", p.Slug, err)
			}
		}
		for _, bad := range []string{"style=", "<script", "<style", "http://www.w3.org/1999/xlink", "@"} {
			if strings.Contains(string(svg), bad) {
				t.Errorf("%s: the picture contains %q", p.Slug, bad)
			}
		}
		if other := seen[string(svg)]; other != "" {
			t.Errorf("%s has the same picture as %s", p.Slug, other)
		}
		seen[string(svg)] = p.Slug
	}
	// Someone who draws wants to look: GATEHOUSE_PICTURES=folder writes them all.
	if folder := os.Getenv("GATEHOUSE_PICTURES"); folder != "" {
		for svg, slug := range seen {
			if err := os.WriteFile(filepath.Join(folder, slug+".svg"), []byte(svg), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDraw_UnknownProduct(t *testing.T) {
	if _, err := goods.Draw(goods.Product{Slug: "../catalogue"}); err == nil {
		t.Error("a product without a motif was drawn")
	}
	if _, err := goods.Draw(goods.Product{Slug: "olive-soap", Picture: goods.Picture{Main: "gold"}}); err == nil {
		t.Error("an unknown colour was drawn")
	}
}
