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

// Catalogue is the initial catalogue of the shop.
type Catalogue struct {
	Categories []Category `json:"categories"`
	Products   []Product  `json:"products"`
}

// Category is a department of the shop. Categories are in the order of the menu.
type Category struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Product is a product of the catalogue. Prices are in US cents; AddedDaysAgo counts back from the day on which the
// catalogue is stored.
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

// Spec is a row of a product's specifications.
type Spec struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Picture names the colours of a product's picture.
type Picture struct {
	Main     string `json:"main"`
	Second   string `json:"second"`
	Backdrop string `json:"backdrop"`
}

// Load returns the embedded catalogue. It returns an error only if the program was built with an invalid one.
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
