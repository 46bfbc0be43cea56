package goods

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
)

//go:embed catalogue.json
var catalogueJSON []byte

//go:embed pictures/*.svg
var motifs embed.FS

// Catalogue is everything the shop starts with.
type Catalogue struct {
	Categories []Category `json:"categories"`
	Products   []Product  `json:"products"`
}

// Category is one department, in the order of the shop's menu.
type Category struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Product is one article. Prices are US cents; AddedDaysAgo counts back
// from the day the shop is opened.
type Product struct {
	Slug         string  `json:"slug"`
	Category     string  `json:"category"`
	Name         string  `json:"name"`
	PriceCents   int64   `json:"price_cents"`
	Stock        int     `json:"stock"`
	Featured     int     `json:"featured"`
	AddedDaysAgo int     `json:"added_days_ago"`
	Short        string  `json:"short"`
	Description  string  `json:"description"`
	Specs        []Spec  `json:"specs"`
	Picture      Picture `json:"picture"`
}

// Spec is one line of a product's table of facts.
type Spec struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Picture names the colours that a product's motif is drawn in.
type Picture struct {
	Main     string `json:"main"`
	Second   string `json:"second"`
	Backdrop string `json:"backdrop"`
}

// Load reads the embedded catalogue. It fails only when the program was built
// from a broken one.
func Load() (Catalogue, error) {
	var c Catalogue
	if err := json.Unmarshal(catalogueJSON, &c); err != nil {
		return Catalogue{}, fmt.Errorf("catalogue: %w", err)
	}
	if len(c.Categories) == 0 || len(c.Products) == 0 {
		return Catalogue{}, errors.New("catalogue: it is empty")
	}
	return c, nil
}
