package shop

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// cartView is the data of the cart page and of the summary in the checkout.
type cartView struct {
	Shell    components.Shell
	Lines    []cartLine
	Units    int
	Cents    int64
	Lacking  bool // a line has more units than are in stock
	SignedIn bool
	Away     bool // the session cannot be checked at present, so the user may be signed in
}

type cartLine struct {
	store.Line
	Picture string
}

func (a *App) cart(c echo.Context) error {
	v, err := a.cartView(c)
	if err != nil {
		return err
	}
	if v.Shell, err = a.shell(c, "Cart", nil); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, cartPage(v))
}

func (a *App) cartView(c echo.Context) (cartView, error) {
	id, err := a.cartID(c)
	if err != nil {
		return cartView{}, err
	}
	lines, err := a.store.Cart(c.Request().Context(), id)
	if err != nil {
		return cartView{}, err
	}
	v := a.linesView(lines)
	v.SignedIn, v.Away = rp.From(c.Request()) != nil, rp.Unavailable(c.Request())
	return v, nil
}

func (a *App) linesView(lines []store.Line) cartView {
	var v cartView
	for _, l := range lines {
		v.Lines = append(v.Lines, cartLine{l, a.pictures.url(l.Slug)})
		v.Units += l.Quantity
		v.Cents += l.Cents()
		v.Lacking = v.Lacking || l.Lacking()
	}
	return v
}

// addToCart handles POST /cart/items: adds a product to the cart and returns to the page where it was found.
func (a *App) addToCart(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	slug, err := singleValue(form, "product")
	if err != nil {
		return err
	}
	n, err := readQuantity(form, 1)
	if err != nil {
		return err
	}
	p, err := a.findProduct(c, slug)
	if err != nil {
		return err
	}
	if p.Stock == 0 {
		return a.addedToast(c, form.Get("return_to"), components.Toast{Kind: "warning", Message: p.Name + " is sold out."})
	}
	id, err := a.cartForWriting(c)
	if err != nil {
		return err
	}
	had, have, err := a.store.Add(c.Request().Context(), id, slug, n, web.ClientNetwork(c), a.Now())
	toast := components.Toast{Kind: "success", Message: addedText(p.Name, have-had)}
	var limit *db.RateLimitError
	switch {
	case errors.Is(err, store.ErrSoldOut):
		toast = components.Toast{Kind: "warning", Message: p.Name + " is sold out."}
	case errors.Is(err, store.ErrFull):
		toast = components.Toast{Kind: "warning", Message: fmt.Sprintf("Your cart is full with %d different products. Check out first, or remove one.", store.MaxLines)}
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many", "Too many new carts were created from your network. Sign in to continue now, or try again in %s.", limit.Wait)
	case err != nil:
		return err
	case have < had+n:
		toast = components.Toast{Kind: "warning", Message: fmt.Sprintf("Your cart has %d of %s: %s.", have, p.Name, quantityLimitText(have))}
	}
	return a.addedToast(c, form.Get("return_to"), toast)
}

// quantityOf returns how many units of a product are in the cart.
func (a *App) quantityOf(c echo.Context, id store.CartID, slug string) (int, error) {
	lines, err := a.store.Cart(c.Request().Context(), id)
	for _, l := range lines {
		if l.Slug == slug {
			return l.Quantity, nil
		}
	}
	return 0, err
}

func addedText(name string, n int) string {
	if n > 1 {
		return fmt.Sprintf("%d × %s added to your cart.", n, name)
	}
	return name + " added to your cart."
}

// quantityLimitText returns the reason why a cart has no more than have units of a product.
func quantityLimitText(have int) string {
	if have == store.MaxQuantity {
		return "that's the most you can order at once"
	}
	return "there are no more in stock"
}

// addedToast shows the result of adding a product: for htmx, as a toast with the new number in the header; otherwise as
// a flash message on the page at back.
func (a *App) addedToast(c echo.Context, back string, toast components.Toast) error {
	if web.WantsFragment(c) {
		id, err := a.cartID(c)
		if err != nil {
			return err
		}
		units, err := a.store.Units(c.Request().Context(), id)
		if err != nil {
			return err
		}
		return web.Render(c, http.StatusOK, templ.Join(components.NavLinkOOB(cartLink(units)), components.ToastOOB(toast)))
	}
	if back = web.LocalPath(back); back == "" {
		back = "/cart"
	}
	web.Flash(c, toast.Kind, toast.Message)
	return web.SeeOther(c, back)
}

// changeCart handles POST /cart/items/:slug: sets the quantity of a product; 0 removes it.
func (a *App) changeCart(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	n, err := readQuantity(form, 0)
	if err != nil {
		return err
	}
	return a.setQuantity(c, n)
}

func (a *App) removeFromCart(c echo.Context) error { return a.setQuantity(c, 0) }

func (a *App) setQuantity(c echo.Context, n int) error {
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	id, err := a.cartID(c)
	if err != nil {
		return err
	}
	had, err := a.quantityOf(c, id, p.Slug)
	if err != nil {
		return err
	}
	if had == 0 { // removed in another tab, or never added
		return a.cartChanged(c, nil)
	}
	have, err := a.store.SetQuantity(c.Request().Context(), id, p.Slug, n, a.Now())
	switch {
	case errors.Is(err, store.ErrSoldOut):
		return a.cartChanged(c, &components.Toast{Kind: "warning", Message: p.Name + " is sold out. Remove it to continue."})
	case err != nil:
		return err
	case n == 0:
		return a.cartChanged(c, &components.Toast{Kind: "info", Message: p.Name + " removed from your cart."})
	case have < n:
		return a.cartChanged(c, &components.Toast{Kind: "warning", Message: fmt.Sprintf("Your cart has %d of %s: %s.", have, p.Name, quantityLimitText(have))})
	}
	return a.cartChanged(c, nil)
}

func (a *App) cartChanged(c echo.Context, toast *components.Toast) error {
	if !web.WantsFragment(c) {
		if toast != nil {
			web.Flash(c, toast.Kind, toast.Message)
		}
		return web.SeeOther(c, "/cart")
	}
	v, err := a.cartView(c)
	if err != nil {
		return err
	}
	link := cartLink(v.Units)
	link.Current = true
	parts := []templ.Component{cartContent(v), components.NavLinkOOB(link)}
	if toast != nil {
		parts = append(parts, components.ToastOOB(*toast))
	}
	return web.Render(c, http.StatusOK, templ.Join(parts...))
}
