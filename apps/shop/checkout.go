package shop

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// maxUsedAddresses is the number of addresses of earlier orders that the checkout offers.
const maxUsedAddresses = 4

// checkoutStep is a page of the checkout. What has been chosen is kept with the user's cart, so that the steps work in
// several tabs and with the back button; the last step orders only what it has shown.
type checkoutStep int

const (
	addressStep checkoutStep = iota
	shippingStep
	paymentStep
	reviewStep
)

// checkoutSteps are the paths and names of the steps.
var checkoutSteps = []struct{ path, label string }{
	addressStep:  {"/checkout/address", "Address"},
	shippingStep: {"/checkout/shipping", "Shipping"},
	paymentStep:  {"/checkout/payment", "Payment"},
	reviewStep:   {"/checkout/review", "Review"},
}

// checkoutView is the data of a page of the checkout.
type checkoutView struct {
	Shell    components.Shell
	Step     checkoutStep
	Reached  checkoutStep // the first step that lacks something
	Cart     cartView
	Details  store.Details       // what has been chosen, or was sent
	Used     []store.UsedAddress // other addresses of earlier orders
	Faults   map[string]string
	Declined bool   // the payment was declined
	Key      string // identifies the review, so that sending it twice places one order
	Summary  string // fingerprint of what the user saw
	Changed  bool   // that has changed since
	Now      time.Time
}

// firstLacking returns the first step without a valid choice, or the review.
func firstLacking(c store.Choices) checkoutStep {
	_, ships := store.ShippingByKey(c.Shipping)
	_, pays := store.TestCardByKey(c.Payment)
	switch {
	case !c.Addressed:
		return addressStep
	case !ships:
		return shippingStep
	case !pays:
		return paymentStep
	}
	return reviewStep
}

// loadCheckout returns the data of a step, or the path to redirect to if the cart cannot be ordered or an earlier step
// lacks something.
func (a *App) loadCheckout(c echo.Context, step checkoutStep) (v checkoutView, to string, err error) {
	ctx, who := c.Request().Context(), rp.From(c.Request())
	lines, err := a.personCart(c)
	if err != nil {
		return v, "", err
	}
	if to := redirectUnlessOrderable(c, lines); to != "" {
		return v, to, nil
	}
	chosen, err := a.store.Choices(ctx, who.Subject)
	if err != nil {
		return v, "", err
	}
	if v.Reached = firstLacking(chosen); v.Reached < step {
		return v, checkoutSteps[v.Reached].path, nil
	}
	v.Step, v.Now, v.Cart = step, a.Now(), a.linesView(lines)
	v.Details.Shipping, v.Details.Payment = chosen.Shipping, chosen.Payment
	if shipping, ok := store.ShippingByKey(chosen.Shipping); ok {
		v.Cart.Shipping = &shipping
	}
	if v.Details.Address, err = a.knownAddress(c); err != nil {
		return v, "", err
	}
	v.Key, v.Summary = rand.Text(), store.Summary(lines, v.Details)
	return v, "", nil
}

// checkout handles GET /checkout: redirects to the first step that lacks something.
func (a *App) checkout(c echo.Context) error {
	v, to, err := a.loadCheckout(c, addressStep)
	if err != nil {
		return err
	}
	if to == "" {
		to = checkoutSteps[v.Reached].path
	}
	return web.SeeOther(c, to)
}

// showStep returns the handler of GET for a step: it shows what was chosen there or, if the user's session had expired
// when they sent the form, what they sent. The step of the address shows that of the order with the id in the parameter
// address; that of the payment says that it was declined if the parameter declined is set.
func (a *App) showStep(step checkoutStep) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, to, err := a.loadCheckout(c, step)
		if err != nil {
			return err
		}
		if to != "" {
			return web.SeeOther(c, to)
		}
		v.Declined = step == paymentStep && c.QueryParam("declined") != ""
		if step == addressStep {
			if err := a.offerAddresses(c, &v); err != nil {
				return err
			}
		}
		if draft := rp.Draft(c.Request()); len(draft) > 0 {
			if draft.Has("street") {
				v.Details.Address, _ = ParseAddress(draft)
			}
			v.readChoice(draft)
			if key := draft.Get("key"); web.ValidFormKey(key) {
				v.Key = key
			}
		}
		return a.showCheckout(c, http.StatusOK, v)
	}
}

// offerAddresses sets the addresses of earlier orders that the user can choose.
func (a *App) offerAddresses(c echo.Context, v *checkoutView) error {
	used, err := a.store.UsedAddresses(c.Request().Context(), rp.From(c.Request()).Subject)
	if err != nil {
		return err
	}
	for _, u := range used {
		if u.OrderID == c.QueryParam("address") {
			v.Details.Address = u.Address
		}
	}
	for _, u := range used {
		if u.Address != v.Details.Address && len(v.Used) < maxUsedAddresses {
			v.Used = append(v.Used, u)
		}
	}
	return nil
}

// readChoice reads the field shipping or payment of a form, if it has it and the value is one of those offered.
func (v *checkoutView) readChoice(form url.Values) {
	if _, ok := store.ShippingByKey(form.Get("shipping")); ok && v.Step == shippingStep {
		v.Details.Shipping = form.Get("shipping")
	}
	if _, ok := store.TestCardByKey(form.Get("payment")); ok && v.Step == paymentStep {
		v.Details.Payment = form.Get("payment")
	}
}

// saveStep returns the handler of POST for a step before the review: it stores the choice and redirects to the first
// step that lacks something, or shows the form again (422).
func (a *App) saveStep(step checkoutStep) echo.HandlerFunc {
	return func(c echo.Context) error {
		form, err := posted(c)
		if err != nil {
			return err
		}
		v, to, err := a.loadCheckout(c, step)
		if err != nil {
			return err
		}
		if to != "" {
			return web.SeeOther(c, to)
		}
		ctx, sub := c.Request().Context(), rp.From(c.Request()).Subject
		_, ships := store.ShippingByKey(form.Get("shipping"))
		_, pays := store.TestCardByKey(form.Get("payment"))
		switch {
		case step == addressStep:
			if v.Details.Address, v.Faults = ParseAddress(form); len(v.Faults) == 0 {
				err = a.store.ChooseAddress(ctx, sub, v.Details.Address, a.Now())
			}
		case step == shippingStep && !ships:
			v.Faults = map[string]string{"shipping": "Choose how we deliver your order."}
		case step == shippingStep:
			err = a.store.ChooseShipping(ctx, sub, form.Get("shipping"), a.Now())
		case !pays:
			v.Faults = map[string]string{"payment": "Choose a test card."}
		default:
			err = a.store.ChoosePayment(ctx, sub, form.Get("payment"), a.Now())
		}
		if err != nil {
			return err
		}
		if len(v.Faults) > 0 {
			return a.showCheckout(c, http.StatusUnprocessableEntity, v)
		}
		return web.SeeOther(c, "/checkout")
	}
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
	if v.Shell, err = a.shell(c, "Checkout: "+checkoutSteps[v.Step].label, nil); err != nil {
		return err
	}
	return web.Render(c, status, checkoutPage(v))
}

// placeOrder handles POST /checkout/review: turns the cart into an order, once per form key. It shows the review again
// if it differs from what the user saw (409), and the payment if that was declined.
func (a *App) placeOrder(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx, sub, key := c.Request().Context(), rp.From(c.Request()).Subject, form.Get("key")
	if !web.ValidFormKey(key) {
		return a.reviewAgain(c, http.StatusUnprocessableEntity, rand.Text())
	}
	order := store.Checkout{Subject: sub, Key: key, Summary: form.Get("summary"), Now: a.Now()}
	chosen, err := a.store.Choices(ctx, sub)
	if err != nil {
		return err
	}
	if chosen.Addressed {
		if order.Address, err = a.knownAddress(c); err != nil {
			return err
		}
	}
	order.Shipping, order.Payment = chosen.Shipping, chosen.Payment
	id, again, err := a.store.PlaceOrder(ctx, order)
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
	case errors.Is(err, store.ErrDeclined):
		if err := a.store.ForgetPayment(ctx, sub, order.Payment, a.Now()); err != nil {
			return err
		}
		return web.SeeOther(c, checkoutSteps[paymentStep].path+"?declined=1")
	case errors.Is(err, store.ErrChanged):
		return a.reviewAgain(c, http.StatusConflict, key)
	case err != nil:
		return err
	}
	if !again {
		a.relay.Notify()
	}
	return web.SeeOther(c, orderPath(id)+"?placed=1")
}

// reviewAgain shows the review as it is now, or redirects to a step that lacks something meanwhile.
func (a *App) reviewAgain(c echo.Context, status int, key string) error {
	v, to, err := a.loadCheckout(c, reviewStep)
	if err != nil {
		return err
	}
	if to != "" {
		return web.SeeOther(c, to)
	}
	v.Key, v.Changed = key, true
	return a.showCheckout(c, status, v)
}

// faultTitle returns the heading of the errors in the step's form.
func (v checkoutView) faultTitle() string {
	switch v.Step {
	case addressStep:
		return "Check your address"
	case shippingStep:
		return "Choose your shipping"
	case paymentStep:
		return "Choose a test card"
	}
	return "Your order hasn't been placed yet"
}

func (v checkoutView) errors() []components.FieldError {
	var out []components.FieldError
	for _, name := range []string{"name", "street", "postcode", "city", "country", "shipping", "payment"} {
		if m := v.Faults[name]; m != "" {
			out = append(out, components.FieldError{Field: name, Message: m})
		}
	}
	return out
}

func (v checkoutView) countries() []components.Option {
	return append([]components.Option{{Value: "", Label: "Choose…"}}, countries...)
}

// arrival returns when an order of this time is expected to arrive: "Tuesday, 1 December to Thursday, 3 December".
func arrival(s store.Shipping, ordered time.Time) string {
	const day = "Monday, 2 January"
	first, last := s.Estimate(ordered)
	if first.Equal(last) {
		return last.Format(day)
	}
	return first.Format(day) + " to " + last.Format(day)
}

// freeOr returns a price, or "Free" for none.
func freeOr(cents int64) string {
	if cents == 0 {
		return "Free"
	}
	return components.Money(cents)
}

// chosenShipping returns the way to deliver that the form has selected: the first one by default.
func (v checkoutView) chosenShipping() string {
	if _, ok := store.ShippingByKey(v.Details.Shipping); ok {
		return v.Details.Shipping
	}
	return store.ShippingOptions[0].Key
}

// paymentName returns the name of a test card, or "" for an order without one.
func paymentName(key string) string {
	card, _ := store.TestCardByKey(key)
	return card.Name
}
