package shop

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// merchantRoles are the roles that may handle orders, stock and prices.
var merchantRoles = []string{"merchant", "admin"}

const merchantPerPage = 20

// maxStock is the largest stock that a merchant can set.
const maxStock = 100_000

// merchantOrdersView is the data of the list of all orders.
type merchantOrdersView struct {
	Shell  components.Shell
	Orders []store.Order
	Status string // key of the status that is selected, "" for any
	Number string // as it was typed
	Pages  components.Pages
	Now    time.Time
}

// statusKeys are the statuses in addresses and forms.
var statusKeys = []string{
	store.Placed: "placed", store.Paid: "paid", store.Packed: "packed", store.Sent: "sent", store.Delivered: "delivered",
	store.Cancelled: "cancelled", store.Returned: "returned",
}

// parseStatus returns the status with this key, or nil if there is none.
func parseStatus(key string) *store.Status {
	for i, k := range statusKeys {
		if k == key {
			s := store.Status(i)
			return &s
		}
	}
	return nil
}

// allOrders handles GET /merchant: a page of all orders, by the parameters status, q (the beginning of a number), after
// and before (the order around which the page is).
func (a *App) allOrders(c echo.Context) error {
	ctx := c.Request().Context()
	v := merchantOrdersView{Number: CleanQuery(c.QueryParam("q")), Now: a.Now()}
	q := store.OrderQuery{Status: parseStatus(c.QueryParam("status")), PerPage: merchantPerPage, Now: v.Now}
	if q.Status != nil {
		v.Status = statusKeys[*q.Status]
	}
	q.Prefix = strings.ToUpper(strings.NewReplacer("-", "", "\u2011", "", " ", "").Replace(v.Number))
	q.After, q.Before = readCursor(c.QueryParam("after")), readCursor(c.QueryParam("before"))
	if q.After != nil {
		q.Before = nil
	}
	orders, more, err := a.store.AllOrders(ctx, q)
	if err == nil && q.Before != nil && !more { // fewer than a page before it: show the first page
		q.Before = nil
		orders, more, err = a.store.AllOrders(ctx, q)
	}
	if err != nil {
		return err
	}
	v.Orders = orders
	v.Pages.Label = "Pages of orders"
	if n := len(orders); n > 0 {
		if q.After != nil || q.Before != nil {
			v.Pages.PrevURL = v.link(v.Status, "before", cursorText(orders[0]))
		}
		if q.Before != nil || more {
			v.Pages.NextURL = v.link(v.Status, "after", cursorText(orders[n-1]))
		}
	}
	if v.Shell, err = a.shell(c, "Orders of the shop", nil); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, merchantOrdersPage(v))
}

// link returns the address of the list with a status and, unless cursor is "", a position.
func (v merchantOrdersView) link(status, cursor, at string) string {
	p := url.Values{}
	for name, value := range map[string]string{"status": status, "q": v.Number, cursor: at} {
		if name != "" && value != "" {
			p.Set(name, value)
		}
	}
	if len(p) == 0 {
		return "/merchant"
	}
	return "/merchant?" + p.Encode()
}

func cursorText(o store.Order) string { return strconv.FormatInt(o.PlacedAt, 10) + "~" + o.ID }

// readCursor decodes what cursorText encoded, or returns nil.
func readCursor(text string) *store.Cursor {
	at, id, _ := strings.Cut(text, "~")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || len(id) != 26 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return nil
	}
	return &store.Cursor{PlacedAt: ms, ID: id}
}

// anyOrder handles GET /merchant/orders/:id: shows an order of any user, with what the merchant can do with it.
func (a *App) anyOrder(c echo.Context) error {
	o, err := a.store.AnyOrder(c.Request().Context(), c.Param("id"))
	if err != nil {
		return apps.NotFound(err, "This order")
	}
	shell, err := a.shell(c, "Order "+shortOrderID(o.ID), nil)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, merchantOrderPage(orderView{Shell: shell, Order: o, Pictures: a.pictures, Now: a.Now(), Merchant: true}))
}

func merchantOrderPath(id string) string { return "/merchant/orders/" + id }

// moveOn handles POST /merchant/orders/:id/move-on with the field from: the status that the merchant saw.
func (a *App) moveOn(c echo.Context) error {
	return a.changeOrder(c, "moved an order on", func(ctx context.Context, id string, from store.Status) error {
		return a.store.MoveOn(ctx, id, from, a.Now())
	})
}

// refund handles POST /merchant/orders/:id/refund with the field from.
func (a *App) refund(c echo.Context) error {
	return a.changeOrder(c, "refunded an order", func(ctx context.Context, id string, from store.Status) error {
		return a.store.Refund(ctx, apps.Subject(c), id, from, a.Now())
	})
}

// changeOrder changes the order in the path with change, logs who did what, and redirects to its page.
func (a *App) changeOrder(c echo.Context, what string, change func(ctx context.Context, id string, from store.Status) error) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	from := parseStatus(form.Get("from"))
	if from == nil {
		return web.BadRequest("The form must say which status the order had.")
	}
	ctx, id := c.Request().Context(), c.Param("id")
	switch err := change(ctx, id, *from); {
	case errors.Is(err, store.ErrMoved):
		web.Flash(c, "warning", "The order was no longer “"+statusLabels[*from]+"”, so nothing was changed. Check its status, then try again.")
	case err != nil:
		return apps.NotFound(err, "This order")
	default:
		a.relay.Notify()
		a.Logger.InfoContext(ctx, "a merchant "+what, "order", id, "from", statusKeys[*from], "by", apps.Subject(c))
		web.Flash(c, "success", "The order is updated.")
	}
	return web.SeeOther(c, merchantOrderPath(id))
}

// nextLabel returns what moving the order on does.
func (v orderView) nextLabel() string {
	return "Mark as " + strings.ToLower(statusLabels[v.status()+1])
}

// refundTexts returns the label of the button that refunds the order, its question, and the button that answers it.
func (v orderView) refundTexts() (label, question, yes string) {
	switch v.status() {
	case store.Delivered:
		return "Take back and refund", "Take the whole order back? Its items go back on sale, and the customer pays nothing.", "Yes, refund it"
	case store.Returned:
		return "Put back on sale", "Have you checked the items? They go back on sale.", "Yes, put them back"
	}
	return "Cancel and refund", "Cancel the whole order? Its items go back on sale, and the customer pays nothing.", "Yes, cancel it"
}

// stockView is the data of the list of products for the merchant.
type stockView struct {
	Shell   components.Shell
	Query   string
	Listing store.Listing
	Pages   components.Pages
}

// stock handles GET /merchant/products?q=<words>&page=<n>.
func (a *App) stock(c echo.Context) error {
	v := stockView{Query: CleanQuery(c.QueryParam("q"))}
	var err error
	v.Listing, err = a.store.Search(c.Request().Context(), store.Query{
		Text: v.Query, Sort: store.Name, Page: web.Int(c, "page", 1, 1, 1_000_000), PerPage: merchantPerPage, Similar: true,
	})
	if err != nil {
		return err
	}
	v.Pages = components.Pages{Page: v.Listing.Page, Total: v.Listing.Pages, Label: "Pages of products", URL: func(n int) string {
		return "/merchant/products?" + url.Values{"q": {v.Query}, "page": {strconv.Itoa(n)}}.Encode()
	}}
	if v.Shell, err = a.shell(c, "Stock and prices", nil); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, stockPage(v))
}

// stockFormView is the data of the form that changes a product. Price and Stock are as they were typed.
type stockFormView struct {
	Shell        components.Shell
	Product      store.Product
	Price, Stock string
	Faults       map[string]string
	Stale        bool // the product has changed since the form was shown
}

func stockPath(slug string) string { return "/merchant/products/" + slug }

// stockForm handles GET /merchant/products/:slug.
func (a *App) stockForm(c echo.Context) error {
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	return a.showStockForm(c, http.StatusOK, stockFormView{Product: p, Price: formatPrice(p.PriceCents), Stock: strconv.Itoa(p.Stock)})
}

func (a *App) showStockForm(c echo.Context, status int, v stockFormView) error {
	var err error
	if v.Shell, err = a.shell(c, v.Product.Name, nil); err != nil {
		return err
	}
	return web.Render(c, status, stockFormPage(v))
}

// saveStock handles POST /merchant/products/:slug with the fields price, stock, and had: both as the merchant saw them.
// It shows the form again if they are invalid (422) or have changed since (409).
func (a *App) saveStock(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	ctx, v := c.Request().Context(), stockFormView{Product: p, Faults: map[string]string{}}
	typed := func(name string) string {
		s, _ := readLine(form[name])
		return string([]rune(s)[:min(len([]rune(s)), maxTyped)])
	}
	v.Price, v.Stock = typed("price"), typed("stock")
	cents, ok := ParsePrice(v.Price)
	if !ok || cents == 0 {
		v.Faults["price"] = priceError
	}
	stock, err := strconv.Atoi(v.Stock)
	if err != nil || stock < 0 || stock > maxStock {
		v.Faults["stock"] = "Enter a whole number from 0 to " + components.Count(maxStock) + "."
	}
	if len(v.Faults) > 0 {
		return a.showStockForm(c, http.StatusUnprocessableEntity, v)
	}
	change := store.ProductChange{Slug: p.Slug, PriceCents: cents, Stock: stock, HadCents: -1}
	if price, units, ok := strings.Cut(form.Get("had"), " "); ok {
		change.HadCents, err = strconv.ParseInt(price, 10, 64)
		had, errStock := strconv.Atoi(units)
		if change.HadStock = had; err != nil || errStock != nil {
			change.HadCents = -1
		}
	}
	err = a.store.ChangeProduct(ctx, change)
	if errors.Is(err, store.ErrStale) {
		if v.Product, err = a.findProduct(c, p.Slug); err != nil {
			return err
		}
		v.Stale = true
		return a.showStockForm(c, http.StatusConflict, v)
	}
	if err != nil {
		return apps.NotFound(err, "This product")
	}
	a.Logger.InfoContext(ctx, "a merchant changed a product", "product", p.Slug, "price", cents, "was_price", change.HadCents, "stock", stock, "was_stock", change.HadStock, "by", apps.Subject(c))
	web.Flash(c, "success", p.Name+" is saved.")
	return web.SeeOther(c, "/merchant/products")
}

// had returns the price and the stock that the form is based on.
func (v stockFormView) had() string {
	return strconv.FormatInt(v.Product.PriceCents, 10) + " " + strconv.Itoa(v.Product.Stock)
}

func (v stockFormView) errors() []components.FieldError {
	var out []components.FieldError
	for _, name := range []string{"price", "stock"} {
		if m := v.Faults[name]; m != "" {
			out = append(out, components.FieldError{Field: name, Message: m})
		}
	}
	return out
}

func merchantTabs(current string) []components.NavItem {
	return []components.NavItem{
		{Label: "Orders", URL: "/merchant", Icon: "receipt-text", Current: current == "/merchant"},
		{Label: "Stock and prices", URL: "/merchant/products", Icon: "package", Current: current == "/merchant/products"},
	}
}
