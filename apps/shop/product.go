package shop

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// maxScarce is the stock up to which the shop shows how many units are left.
const maxScarce = 5

// productView is the data of a product's page.
type productView struct {
	Shell   components.Shell
	Product store.Product
	Picture string
	AskURL  string
	InCart  int // units already in the cart
	Add     addView
	Related []card
	Reviews reviewsView
}

// addView is the quantity field of the form that adds a product to the cart.
type addView struct {
	Value, Error string
	Max          int
}

func newAddView(p store.Product, value, fault string) addView {
	return addView{Value: value, Error: fault, Max: min(p.Stock, store.MaxQuantity)}
}

func productPath(slug string) string { return "/products/" + slug }

// findProduct returns the product with this slug, or a 404 error.
func (a *App) findProduct(c echo.Context, slug string) (store.Product, error) {
	p, err := a.store.Product(c.Request().Context(), slug)
	return p, apps.NotFound(err, "This product")
}

func (a *App) product(c echo.Context) error {
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	return a.showProduct(c, http.StatusOK, p, newAddView(p, "1", ""))
}

func (a *App) showProduct(c echo.Context, status int, p store.Product, add addView) error {
	ctx := c.Request().Context()
	related, err := a.store.Related(ctx, p, 4)
	if err != nil {
		return err
	}
	v := productView{
		Product: p, Picture: a.pictures.url(p.Slug), Add: add,
		AskURL:  a.Estate.URL("forum") + "/new?" + url.Values{"product": {p.Slug}}.Encode(),
		Related: a.cards(related, productPath(p.Slug)),
	}
	if v.Shell, err = a.shell(c, p.Name, nil); err != nil {
		return err
	}
	id, err := a.cartID(c)
	if err != nil {
		return err
	}
	if v.InCart, err = a.quantityOf(c, id, p.Slug); err != nil {
		return err
	}
	if v.Reviews, err = a.reviews(c, p); err != nil {
		return err
	}
	v.Shell.Description = p.Short
	return web.Render(c, status, productPage(v))
}

// crumbs returns the path to the product's page.
func crumbs(p store.Product) []components.NavItem {
	return []components.NavItem{
		{Label: "Shop", URL: "/"},
		{Label: p.CategoryName, URL: "/?category=" + p.Category},
		{Label: p.Name},
	}
}

func (v productView) paragraphs() []string { return strings.Split(v.Product.Description, "\n\n") }
