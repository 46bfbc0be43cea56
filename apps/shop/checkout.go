package shop

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// maxUsedAddresses is the number of addresses of earlier orders that the checkout offers.
const maxUsedAddresses = 4

// checkoutView is the data of the checkout page.
type checkoutView struct {
	Shell   components.Shell
	Cart    cartView
	Address store.Address
	Used    []store.UsedAddress // other addresses of earlier orders
	Faults  map[string]string
	Key     string // identifies the form, so that sending it twice places one order
	Summary string // fingerprint of the lines that the user saw
	Changed bool   // the lines have changed since
}

// checkout handles GET /checkout: shows the form with the user's last address or, with the parameter address, that of
// the order with this id.
func (a *App) checkout(c echo.Context) error {
	lines, err := a.personCart(c)
	if err != nil {
		return err
	}
	if to := redirectUnlessOrderable(c, lines); to != "" {
		return web.SeeOther(c, to)
	}
	v := checkoutView{Key: rand.Text(), Summary: store.Summary(lines), Cart: a.linesView(lines)}
	if v.Address, err = a.knownAddress(c); err != nil {
		return err
	}
	used, err := a.store.UsedAddresses(c.Request().Context(), rp.From(c.Request()).Subject)
	if err != nil {
		return err
	}
	for _, u := range used {
		if u.OrderID == c.QueryParam("address") {
			v.Address = u.Address
		}
	}
	for _, u := range used {
		if u.Address != v.Address && len(v.Used) < maxUsedAddresses {
			v.Used = append(v.Used, u)
		}
	}
	// Restore the address that the user sent when their session had expired.
	if draft := rp.Draft(c.Request()); draft.Has("street") {
		v.Address, _ = ParseAddress(draft)
		if key := draft.Get("key"); web.ValidFormKey(key) {
			v.Key = key
		}
	}
	return a.showCheckout(c, http.StatusOK, v)
}

func (a *App) personCart(c echo.Context) ([]store.Line, error) {
	id, err := a.cartID(c)
	if err != nil {
		return nil, err
	}
	return a.store.Cart(c.Request().Context(), id)
}

// redirectUnlessOrderable returns the path to redirect to if lines cannot be checked out, and flashes the reason; "" if
// they can.
func redirectUnlessOrderable(c echo.Context, lines []store.Line) string {
	if len(lines) == 0 {
		return "/cart" // the cart page says that it is empty
	}
	for _, l := range lines {
		if l.Lacking() {
			web.Flash(c, "warning", lackingMessage(l))
			return "/cart"
		}
	}
	return ""
}

func lackingMessage(l store.Line) string {
	if l.Stock == 0 {
		return l.Name + " has just sold out. Nothing was ordered, and your cart and address are saved."
	}
	return "Only " + components.Count(l.Stock) + " of " + l.Name + " left. Nothing was ordered, and your cart and address are saved."
}

// knownAddress returns the user's last address or, if there is none, only the name of the ID token.
func (a *App) knownAddress(c echo.Context) (store.Address, error) {
	p := rp.From(c.Request())
	address, ok, err := a.store.LastAddress(c.Request().Context(), p.Subject)
	if err != nil || ok {
		return address, err
	}
	return store.Address{Name: p.Name}, nil
}

func (a *App) showCheckout(c echo.Context, status int, v checkoutView) error {
	var err error
	if v.Shell, err = a.shell(c, "Checkout", nil); err != nil {
		return err
	}
	return web.Render(c, status, checkoutPage(v))
}

// placeOrder handles POST /checkout: turns the cart into an order, once per form key. It shows the form again if the
// address is invalid (422) or the cart has changed since it was shown (409).
func (a *App) placeOrder(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	lines, err := a.personCart(c)
	if err != nil {
		return err
	}
	ctx, who := c.Request().Context(), rp.From(c.Request())
	v := checkoutView{Key: form.Get("key"), Summary: store.Summary(lines), Cart: a.linesView(lines)}
	v.Address, v.Faults = ParseAddress(form)
	if !web.ValidFormKey(v.Key) {
		// The key is missing or invalid: show the form again with a new one.
		v.Key, v.Changed = rand.Text(), true
		return a.showCheckout(c, http.StatusUnprocessableEntity, v)
	}
	if len(v.Faults) > 0 {
		return a.showCheckout(c, http.StatusUnprocessableEntity, v)
	}
	// Saved also if the order fails, so that the user need not type it again.
	if err := a.store.PutAddress(ctx, who.Subject, v.Address, a.Now()); err != nil {
		return err
	}
	id, again, err := a.store.PlaceOrder(ctx, store.Checkout{
		Subject: who.Subject, Address: v.Address, Key: v.Key, Summary: form.Get("summary"), Now: a.Now(),
	})
	var (
		lacking *store.LackingError
		limit   *db.RateLimitError
	)
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many", "You've placed too many orders. Your cart is kept. Try again in %s.", limit.Wait)
	case errors.As(err, &lacking):
		web.Flash(c, "error", lackingMessage(lacking.Lines[0]))
		return web.SeeOther(c, "/cart")
	case errors.Is(err, store.ErrEmpty):
		web.Flash(c, "info", "Your cart is empty.")
		return web.SeeOther(c, "/cart")
	case errors.Is(err, store.ErrChanged):
		// Read the cart again: it may have changed after the read above.
		if lines, err = a.personCart(c); err != nil {
			return err
		}
		v.Summary, v.Cart, v.Changed = store.Summary(lines), a.linesView(lines), true
		return a.showCheckout(c, http.StatusConflict, v)
	case err != nil:
		return err
	}
	if !again {
		a.relay.Notify()
	}
	return web.SeeOther(c, orderPath(id)+"?placed=1")
}

func (v checkoutView) errors() []components.FieldError {
	var out []components.FieldError
	for _, name := range []string{"name", "street", "postcode", "city", "country"} {
		if m := v.Faults[name]; m != "" {
			out = append(out, components.FieldError{Field: name, Message: m})
		}
	}
	return out
}

func (v checkoutView) countries() []components.Option {
	return append([]components.Option{{Value: "", Label: "Choose…"}}, countries...)
}
