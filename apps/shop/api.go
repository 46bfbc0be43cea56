package shop

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/web"
)

// Limits of the API.
const (
	maxSubs            = 100
	maxSubLength       = 255 // OpenID Connect Core §2
	defaultAPIProducts = 10
	maxAPIProducts     = 50
)

// productJSON is a product in the API.
type productJSON struct {
	Slug         string `json:"slug"`
	Name         string `json:"name"`
	Category     string `json:"category"`
	CategoryName string `json:"category_name"`
	PriceCents   int64  `json:"price_cents"`
	Currency     string `json:"currency"` // ISO 4217
	Stock        int    `json:"stock"`
	Short        string `json:"short"`
	URL          string `json:"url"`
	Picture      string `json:"picture,omitempty"`
}

func (a *App) productJSON(p store.Product) productJSON {
	base := a.Estate.URL(service)
	out := productJSON{
		Slug: p.Slug, Name: p.Name, Category: p.Category, CategoryName: p.CategoryName,
		PriceCents: p.PriceCents, Currency: "USD", Stock: p.Stock, Short: p.Short, URL: base + "/products/" + p.Slug,
	}
	if pic := a.pictures.url(p.Slug); pic != "" {
		out.Picture = base + pic
	}
	return out
}

// apiProduct handles GET /api/v1/products/:slug: sends a product, or returns 404 if there is none.
func (a *App) apiProduct(c echo.Context) error {
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, a.productJSON(p))
}

// apiProducts handles GET /api/v1/products?query=<words>&limit=<1 to 50>: sends the first products that match. It
// returns 400 for invalid parameters.
func (a *App) apiProducts(c echo.Context) error {
	q := c.QueryParams()
	if len(q["query"]) > 1 || len(q["limit"]) > 1 {
		return web.BadRequest("query and limit may each be given at most once.")
	}
	limit, err := web.QueryLimit(q, defaultAPIProducts, maxAPIProducts)
	if err != nil {
		return err
	}
	l, err := a.store.Search(c.Request().Context(), store.Query{Text: CleanQuery(q.Get("query")), Sort: store.Featured, Page: 1, PerPage: limit})
	if err != nil {
		return err
	}
	out := make([]productJSON, len(l.Products))
	for i, p := range l.Products {
		out[i] = a.productJSON(p)
	}
	return c.JSON(http.StatusOK, map[string]any{"products": out})
}

// apiPurchases handles GET /api/v1/purchases?product=<slug>&sub=<sub>…: sends those of the given subs that bought the
// product. It returns 400 for invalid parameters.
func (a *App) apiPurchases(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	q := c.QueryParams()
	product, subs := q["product"], q["sub"]
	switch {
	case len(product) != 1 || !store.ValidSlug(product[0]):
		return web.BadRequest("product is required exactly once, and must be the slug of a product.")
	case len(subs) == 0 || len(subs) > maxSubs:
		return web.BadRequest("sub is required 1 to " + strconv.Itoa(maxSubs) + " times.")
	}
	for _, s := range subs {
		if s == "" || len(s) > maxSubLength || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return web.BadRequest("sub must be text of 1 to " + strconv.Itoa(maxSubLength) + " bytes.")
		}
	}
	buyers, err := a.store.Buyers(c.Request().Context(), product[0], subs)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"product": product[0], "buyers": buyers})
}
