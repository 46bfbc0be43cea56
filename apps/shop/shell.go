package shop

import (
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// shell returns the page shell. search is the searched text if the page shows the catalogue, otherwise nil.
func (a *App) shell(c echo.Context, title string, search *string) (components.Shell, error) {
	id, err := a.cartID(c)
	if err != nil {
		return components.Shell{}, err
	}
	units, err := a.store.Units(c.Request().Context(), id)
	if err != nil {
		return components.Shell{}, err
	}
	s := web.Shell(c, title)
	path := c.Request().URL.Path
	s.Nav = []components.NavItem{{Label: "Catalogue", URL: "/", Current: path == "/"}}
	if user := rp.From(c.Request()); user != nil {
		s.Nav = append(s.Nav, components.NavItem{Label: "Orders", URL: "/orders", Current: path == "/orders"})
		if user.HasRole(merchantRoles...) {
			s.Nav = append(s.Nav, components.NavItem{Label: "Merchant", URL: "/merchant", Current: strings.HasPrefix(path, "/merchant")})
		}
	}
	cart := cartLink(units)
	cart.Current = path == "/cart"
	s.Nav = append(s.Nav, cart)
	s.Search = &components.Search{Action: "/", Name: "q", Placeholder: "Search the shop"}
	if search != nil {
		s.Search.Value, s.Search.Target = *search, "#catalogue"
	}
	return s, nil
}

// cartLink returns the header's link to the cart, with the number of units in it.
func cartLink(units int) components.NavItem {
	return components.NavItem{ID: "nav-cart", Label: "Cart", URL: "/cart", Icon: "shopping-cart", Count: units}
}

// card is a product in a grid.
type card struct {
	Slug, Name, Short, Category, Picture string
	Cents                                int64
	Stock                                int
	Rating, Reviews                      int    // the average in tenths of a star, and the number of reviews
	Back                                 string // where to return after adding it, without JavaScript
}
