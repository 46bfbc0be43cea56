package shop

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

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
	Shipping *store.Shipping // the chosen one, or nil
	Lacking  bool            // a line has more units than are in stock
	Removed  *removedView    // the product that was removed last
	Missing  []string        // what a reorder could not put into the cart, and why
	SignedIn bool
	Away     bool // the session cannot be checked at present, so the user may be signed in
}

type cartLine struct {
	store.Line
	Picture string
	Fault   *quantityError // the quantity that was refused, or nil
	Focus   bool           // the quantity has the focus after htmx has swapped the cart
}

// quantityText returns the value of the quantity field: what was typed if it was refused.
func (l cartLine) quantityText() string {
	if l.Fault != nil {
		return l.Fault.Typed
	}
	return strconv.Itoa(l.Quantity)
}

// removedView is a product that was removed from the cart and can be put back.
type removedView struct {
	Slug, Name string
	Quantity   int
}

// cart handles GET /cart. After a product was removed, its parameters removed and quantity say which and how many;
// after a reorder, its parameter again is the order's id.
func (a *App) cart(c echo.Context) error {
	v, err := a.cartView(c)
	if err != nil {
		return err
	}
	if n, ok := ParseQuantity(c.QueryParam("quantity"), 1); ok {
		if err := a.setRemoved(c, &v, c.QueryParam("removed"), n); err != nil {
			return err
		}
	}
	if err := a.setMissing(c, &v, c.QueryParam("again")); err != nil {
		return err
	}
	return a.showCart(c, http.StatusOK, v)
}

func (a *App) showCart(c echo.Context, status int, v cartView) error {
	var err error
	if v.Shell, err = a.shell(c, "Cart", nil); err != nil {
		return err
	}
	return web.Render(c, status, cartPage(v))
}

// line returns the line of a product, or nil if the cart does not have it.
func (v *cartView) line(slug string) *cartLine {
	for i := range v.Lines {
		if v.Lines[i].Slug == slug {
			return &v.Lines[i]
		}
	}
	return nil
}

// setRemoved lets the cart offer to put n units of a product back. It does nothing if there is no such product, or the
// cart has it.
func (a *App) setRemoved(c echo.Context, v *cartView, slug string, n int) error {
	if v.line(slug) != nil {
		return nil
	}
	p, err := a.store.Product(c.Request().Context(), slug)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	v.Removed = &removedView{p.Slug, p.Name, n}
	return nil
}

// setMissing lets the cart say which items of the user's order with this id can't be in it, or not as many. It does
// nothing if there is no such order.
func (a *App) setMissing(c echo.Context, v *cartView, order string) error {
	if order == "" || !v.SignedIn {
		return nil
	}
	o, err := a.store.Order(c.Request().Context(), rp.From(c.Request()).Subject, order)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	for _, it := range o.Items {
		l := v.line(it.Product)
		if l != nil && l.Quantity >= it.Quantity {
			continue
		}
		p, err := a.store.Product(c.Request().Context(), it.Product)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		switch possible := min(p.Stock, store.MaxQuantity); {
		case l != nil && possible < it.Quantity:
			v.Missing = append(v.Missing, fmt.Sprintf("%s: %d of %d, because %s.", it.Name, l.Quantity, it.Quantity, quantityLimitText(possible)))
		case l == nil && possible == 0:
			v.Missing = append(v.Missing, it.Name+": it's sold out.")
		case l == nil && len(v.Lines) >= store.MaxLines:
			v.Missing = append(v.Missing, it.Name+": your cart is full.")
		}
	}
	return nil
}

// Total returns the price of the lines and of the chosen shipping.
func (v cartView) Total() int64 {
	if v.Shipping == nil {
		return v.Cents
	}
	return v.Cents + v.Shipping.Cents
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
		v.Lines = append(v.Lines, cartLine{Line: l, Picture: a.pictures.url(l.Slug)})
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
	n, fault, err := readQuantity(form, 1)
	if err != nil {
		return err
	}
	p, err := a.findProduct(c, slug)
	if err != nil {
		return err
	}
	back := form.Get("return_to")
	if fault != nil {
		return a.refuseQuantity(c, p, back, *fault)
	}
	if p.Stock == 0 {
		return a.addedToast(c, p, n, back, components.Toast{Kind: "warning", Message: p.Name + " is sold out."})
	}
	id, err := a.cartForWriting(c)
	if err != nil {
		return err
	}
	inCart, err := a.quantityOf(c, id, p.Slug)
	if err != nil {
		return err
	}
	if fault := aboveStock(p, inCart, n); fault != nil {
		return a.refuseQuantity(c, p, back, *fault)
	}
	had, have, err := a.store.Add(c.Request().Context(), id, slug, n, web.ClientNetwork(c), a.Now())
	toast := components.Toast{Kind: "success", Message: addedText(p.Name, have-had)}
	var limit *db.RateLimitError
	switch {
	case errors.Is(err, store.ErrSoldOut):
		toast = components.Toast{Kind: "warning", Message: p.Name + " is sold out."}
	case errors.Is(err, store.ErrFull):
		toast = fullToast()
	case errors.As(err, &limit):
		return tooManyCarts(limit)
	case err != nil:
		return err
	case have < had+n:
		toast = limitToast(p, have)
	}
	return a.addedToast(c, p, n, back, toast)
}

// refuseQuantity shows the product's page, or for htmx its quantity field, with the error and what was typed.
func (a *App) refuseQuantity(c echo.Context, p store.Product, back string, fault quantityError) error {
	add := newAddView(p, fault.Typed, fault.Message)
	if !web.WantsFragment(c) {
		return a.showProduct(c, http.StatusUnprocessableEntity, p, add)
	}
	if back != productPath(p.Slug) {
		return web.Invalid(fault.Message)
	}
	id, err := a.cartID(c)
	if err != nil {
		return err
	}
	units, err := a.quantityOf(c, id, p.Slug)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusUnprocessableEntity, addedOOB(add, units))
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

// aboveStock returns the error of adding n units of a product to those in the cart, or nil if there are enough in
// stock.
func aboveStock(p store.Product, inCart, n int) *quantityError {
	if inCart+n <= min(p.Stock, store.MaxQuantity) {
		return nil
	}
	message := "Only " + components.Count(p.Stock) + " left."
	if p.Stock > store.MaxQuantity {
		message = "You can order " + components.Count(store.MaxQuantity) + " at most."
	}
	if inCart > 0 {
		message += " Your cart has " + components.Count(inCart) + "."
	}
	return &quantityError{strconv.Itoa(n), message}
}

func addedText(name string, n int) string {
	if n > 1 {
		return fmt.Sprintf("%d × %s added to your cart.", n, name)
	}
	return name + " added to your cart."
}

func fullToast() components.Toast {
	return components.Toast{Kind: "warning", Message: fmt.Sprintf("Your cart is full with %d different products. Check out first, or remove one.", store.MaxLines)}
}

func limitToast(p store.Product, have int) components.Toast {
	return components.Toast{Kind: "warning", Message: fmt.Sprintf("Your cart has %d of %s: %s.", have, p.Name, quantityLimitText(have))}
}

func tooManyCarts(limit *db.RateLimitError) error {
	return web.TooManyRequests("too_many", "Too many new carts were created from your network. Sign in to continue now, or try again in %s.", limit.Wait)
}

// quantityLimitText returns the reason why a cart has no more than have units of a product.
func quantityLimitText(have int) string {
	if have == store.MaxQuantity {
		return "that's the most you can order at once"
	}
	return "there are no more in stock"
}

// addedToast shows the result of adding n units of a product: for htmx, as a toast with the new number in the header
// and the changes of the product's page; otherwise as a flash message on the page at back.
func (a *App) addedToast(c echo.Context, p store.Product, n int, back string, toast components.Toast) error {
	if web.WantsFragment(c) {
		v, err := a.cartView(c)
		if err != nil {
			return err
		}
		parts := []templ.Component{components.NavLinkOOB(cartLink(v.Units)), components.ToastOOB(toast)}
		if back == productPath(p.Slug) {
			have := 0
			if l := v.line(p.Slug); l != nil {
				have = l.Quantity
			}
			parts = append(parts, addedOOB(newAddView(p, strconv.Itoa(n), ""), have))
		}
		return web.Render(c, http.StatusOK, templ.Join(parts...))
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
	n, fault, err := readQuantity(form, 0)
	if err != nil {
		return err
	}
	if fault != nil {
		return a.refuseChange(c, *fault)
	}
	return a.setQuantity(c, n, 0)
}

// refuseChange shows the cart with the error next to the quantity that was typed.
func (a *App) refuseChange(c echo.Context, fault quantityError) error {
	v, err := a.cartView(c)
	if err != nil {
		return err
	}
	l := v.line(c.Param("slug"))
	if l == nil { // removed in another tab
		return web.Invalid(fault.Message)
	}
	l.Fault, l.Focus = &fault, true
	if web.WantsFragment(c) {
		return web.Render(c, http.StatusUnprocessableEntity, cartContent(v))
	}
	return a.showCart(c, http.StatusUnprocessableEntity, v)
}

// removeFromCart handles POST /cart/items/:slug/remove. The form's quantity is that of the page, so that a second click
// offers to undo as much as the first one.
func (a *App) removeFromCart(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	shown, _ := ParseQuantity(form.Get("quantity"), 1)
	return a.setQuantity(c, 0, shown)
}

// restoreToCart handles POST /cart/items/:slug/restore: puts a product that was removed back.
func (a *App) restoreToCart(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	n, fault, err := readQuantity(form, 1)
	switch {
	case err != nil:
		return err
	case fault != nil:
		return web.Invalid(fault.Message)
	}
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	id, err := a.cartForWriting(c)
	if err != nil {
		return err
	}
	have, err := a.store.Restore(c.Request().Context(), id, p.Slug, n, web.ClientNetwork(c), a.Now())
	toast := components.Toast{Kind: "success", Message: p.Name + " is back in your cart."}
	var limit *db.RateLimitError
	switch {
	case errors.Is(err, store.ErrSoldOut):
		toast = components.Toast{Kind: "warning", Message: p.Name + " has sold out meanwhile."}
	case errors.Is(err, store.ErrFull):
		toast = fullToast()
	case errors.As(err, &limit):
		return tooManyCarts(limit)
	case err != nil:
		return err
	case have < n:
		toast = limitToast(p, have)
	}
	return a.cartChanged(c, cartChange{toast: &toast, focus: p.Slug})
}

// setQuantity sets the quantity of the product in the path. shown is the quantity that a removed product had on the
// page.
func (a *App) setQuantity(c echo.Context, n, shown int) error {
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
	if had == 0 { // removed in another tab or by an earlier click, or never added
		return a.cartChanged(c, cartChange{removed: p.Slug, quantity: shown})
	}
	if fault := aboveStock(p, 0, n); fault != nil && p.Stock > 0 {
		return a.refuseChange(c, *fault)
	}
	have, err := a.store.SetQuantity(c.Request().Context(), id, p.Slug, n, a.Now())
	switch {
	case errors.Is(err, store.ErrSoldOut):
		return a.cartChanged(c, cartChange{toast: &components.Toast{Kind: "warning", Message: p.Name + " is sold out. Remove it to continue."}})
	case err != nil:
		return err
	case n == 0:
		return a.cartChanged(c, cartChange{removed: p.Slug, quantity: had})
	case have < n:
		toast := limitToast(p, have)
		return a.cartChanged(c, cartChange{toast: &toast})
	}
	return a.cartChanged(c, cartChange{})
}

// cartChange is what the cart shows after a change.
type cartChange struct {
	toast    *components.Toast
	removed  string // slug of a product to offer to put back
	quantity int    // of the removed product; 0 offers nothing
	focus    string // slug of the line that gets the focus
}

func (a *App) cartChanged(c echo.Context, change cartChange) error {
	if !web.WantsFragment(c) {
		if t := change.toast; t != nil {
			web.Flash(c, t.Kind, t.Message)
		}
		if change.quantity > 0 {
			return web.SeeOther(c, "/cart?"+url.Values{"removed": {change.removed}, "quantity": {strconv.Itoa(change.quantity)}}.Encode())
		}
		return web.SeeOther(c, "/cart")
	}
	v, err := a.cartView(c)
	if err != nil {
		return err
	}
	if change.quantity > 0 {
		if err := a.setRemoved(c, &v, change.removed, change.quantity); err != nil {
			return err
		}
	}
	if l := v.line(change.focus); l != nil {
		l.Focus = true
	}
	link := cartLink(v.Units)
	link.Current = true
	parts := []templ.Component{cartContent(v), components.NavLinkOOB(link)}
	if change.toast != nil {
		parts = append(parts, components.ToastOOB(*change.toast))
	} else {
		parts = append(parts, noToasts()) // one of an earlier change is no longer true
	}
	return web.Render(c, http.StatusOK, templ.Join(parts...))
}
