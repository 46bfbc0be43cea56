package shop

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

const ordersPerPage = 8

// ordersView is the data of the list of orders.
type ordersView struct {
	Shell    components.Shell
	Page     store.OrderPage
	Pictures pictures
	Now      time.Time
}

// orderView is the data of an order's page.
type orderView struct {
	Shell    components.Shell
	Order    store.Order
	Pictures pictures
	Now      time.Time
	New      bool // the user has just placed the order
	Merchant bool // the page is the merchant's
}

// stepView is a step of an order's timeline.
type stepView struct {
	Label, Text string
	At          time.Time
	Reached     bool
	Current     bool
	Ended       bool // by the user: cancelled or returned
}

func (a *App) orders(c echo.Context) error {
	page, err := a.store.Orders(c.Request().Context(), rp.From(c.Request()).Subject, web.Int(c, "page", 1, 1, 1_000_000), ordersPerPage)
	if err != nil {
		return err
	}
	shell, err := a.shell(c, "Orders", nil)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, ordersPage(ordersView{shell, page, a.pictures, a.Now()}))
}

// order handles GET /orders/:id: shows one of the user's own orders, with placed=1 as the confirmation after the
// checkout. Another user's order gives 404.
func (a *App) order(c echo.Context) error {
	o, err := a.store.Order(c.Request().Context(), rp.From(c.Request()).Subject, c.Param("id"))
	if err != nil {
		return apps.NotFound(err, "This order")
	}
	shell, err := a.shell(c, "Order "+shortOrderID(o.ID), nil)
	if err != nil {
		return err
	}
	v := orderView{Shell: shell, Order: o, Pictures: a.pictures, Now: a.Now()}
	v.New = c.QueryParam("placed") != "" && v.status() < store.Packed
	return web.Render(c, http.StatusOK, orderPage(v))
}

func orderPath(id string) string { return "/orders/" + id }

// cancelOrder handles POST /orders/:id/cancel.
func (a *App) cancelOrder(c echo.Context) error {
	return a.endOrder(c, a.store.Cancel, "Your order is cancelled. Nothing was charged.")
}

// returnOrder handles POST /orders/:id/return.
func (a *App) returnOrder(c echo.Context) error {
	return a.endOrder(c, a.store.Return, "Your return is registered.")
}

// endOrder cancels or returns the order in the path with end, and redirects to its page with the message, or with the
// reason why that is not possible.
func (a *App) endOrder(c echo.Context, end func(ctx context.Context, subject, id string, now time.Time) error, message string) error {
	id := c.Param("id")
	err := end(c.Request().Context(), rp.From(c.Request()).Subject, id, a.Now())
	switch {
	case errors.Is(err, store.ErrPacked):
		web.Flash(c, "warning", "This order is already packed, so it can't be cancelled. You can return it once it's delivered.")
	case errors.Is(err, store.ErrNotReturned):
		web.Flash(c, "warning", "This order can't be returned now.")
	case err != nil:
		return apps.NotFound(err, "This order")
	default:
		a.relay.Notify()
		web.Flash(c, "success", message)
	}
	return web.SeeOther(c, orderPath(id))
}

// reorder handles POST /orders/:id/reorder: puts the order's products into the cart and shows it, with those that are
// no longer available.
func (a *App) reorder(c echo.Context) error {
	id := c.Param("id")
	if err := a.store.Reorder(c.Request().Context(), rp.From(c.Request()).Subject, id, a.Now()); err != nil {
		return apps.NotFound(err, "This order")
	}
	return web.SeeOther(c, "/cart?again="+id)
}

func (v orderView) shipping() store.Shipping {
	s, _ := store.ShippingByKey(v.Order.Shipping)
	return s
}

func (v orderView) status() store.Status { return v.Order.Status(v.Now) }

// statusLabels are the names of the statuses.
var statusLabels = map[store.Status]string{
	store.Placed: "Placed", store.Paid: "Paid", store.Packed: "Packed", store.Sent: "Sent", store.Delivered: "Delivered",
	store.Cancelled: "Cancelled", store.Returned: "Returned",
}

// statusTexts say what a status means for the customer.
var statusTexts = map[store.Status]string{
	store.Placed:    "We have your order, and confirm the payment next.",
	store.Paid:      "The payment is confirmed. You can cancel until we pack your order.",
	store.Packed:    "Your parcel is packed and waits for the carrier.",
	store.Sent:      "Your parcel is on its way.",
	store.Delivered: "Your parcel has arrived.",
	store.Cancelled: "The items are back on sale, and you don't pay anything.",
	store.Returned:  "Send the items back within 14 days. Nothing was charged, so there is nothing to refund.",
}

// statusKind returns the kind of a status's badge.
func statusKind(s store.Status) string {
	switch s {
	case store.Delivered:
		return "success"
	case store.Cancelled, store.Returned:
		return ""
	}
	return "info"
}

// statusIcon returns the icon of a status.
func statusIcon(s store.Status) string {
	switch s {
	case store.Paid:
		return "banknote"
	case store.Packed:
		return "package"
	case store.Sent:
		return "truck"
	case store.Delivered:
		return "circle-check"
	case store.Cancelled:
		return "ban"
	case store.Returned:
		return "undo-2"
	}
	return "receipt-text"
}

// steps returns the order's timeline: what has happened, and unless the order was cancelled, what comes next.
func (v orderView) steps() []stepView {
	status := v.status()
	var out []stepView
	add := func(s store.Status, reached bool) {
		step := stepView{Label: statusLabels[s], At: v.Order.Reaches(s), Reached: reached, Current: s == status, Ended: s > store.Delivered}
		if step.Current && !v.Merchant {
			step.Text = statusTexts[s]
		}
		out = append(out, step)
	}
	for s := store.Placed; s <= store.Delivered; s++ {
		switch {
		case status != store.Cancelled:
			add(s, status == store.Returned || s <= status)
		case !v.Order.Reaches(s).After(v.Order.Reaches(status)):
			add(s, true)
		}
	}
	if status > store.Delivered {
		add(status, true)
	}
	return out
}

// shortOrderID returns the short form of an order's id, which is easier to read out on the telephone. Its hyphen is one
// at which a line does not break.
func shortOrderID(id string) string { return id[:4] + "\u2011" + id[4:8] }
