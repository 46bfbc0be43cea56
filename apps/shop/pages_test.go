package shop_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/sso/token"
	"gatehouse.example/tests/env"
)

func TestPages_Guest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.want(b.get("/"), 200, "Goods for a well", "Brass Lever Handle Set", "1–12 of 40")
		b.want(b.get("/?category=lamps&sort=price-up"), 200, "Porch Lantern", "Warm light")
		b.want(b.get("/?q=zzzz"), 200, "No products found")
		b.want(b.get("/?category=nope"), 404)
		b.want(b.get("/products/spirit-level"), 200, "Only 2 left", "Specifications", "http://forum.localhost:8080/new?product=spirit-level")
		b.want(b.get("/products/bypass-secateurs"), 200, "Sold out")
		b.want(b.get("/products/nope"), 404)
		b.want(b.get("/cart"), 200, "Your cart is empty")
		pic := b.want(b.get("/pictures/spirit-level.svg"), 200, "<svg")
		if ct := pic.Header.Get("Content-Type"); ct != "image/svg+xml" {
			t.Errorf("a picture is %s", ct)
		}
		b.want(b.get("/pictures/nope.svg"), 404)
		if a := b.want(b.get("/?q=brass", "HX-Request", "true"), 200, "Brass Padlock"); strings.Contains(a.Body, "<html") {
			t.Error("htmx was given a whole page")
		}
		for _, path := range []string{"/orders", "/checkout", "/orders/AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			b.want(b.get(path), 302, portalURL+"/oauth/authorize")
		}
	})
}

func TestCart_ComesAlongAtSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		add := url.Values{"product": {"olive-soap"}, "quantity": {"2"}, "return_to": {"/products/olive-soap"}}
		b.want(b.post("/cart/items", add), 303, "/products/olive-soap")
		b.want(b.get("/cart"), 200, "Olive Soap Block", "$19.00", "Olive Soap Block added", "asked to sign in")
		b.want(b.get("/cart", "Cookie", "shop_cart=x; shop_cart=y; shop_cart=z; shop_cart="+strings.Repeat("A", 26)), 200, "Olive Soap Block", "$19.00")
		b.want(b.post("/cart/items", add, "HX-Request", "true"), 200, "nav-cart", "added to your cart")
		b.want(b.post("/cart/items/olive-soap", url.Values{"quantity": {"3"}}), 303, "/cart")
		b.signIn("p1", "Pat One")
		b.want(b.get("/cart"), 200, "$28.50")
		other := h.browser()
		other.signIn("p1", "Pat One")
		other.want(other.get("/cart"), 200, "$28.50")
		b.want(b.post("/cart/items/olive-soap/remove", nil), 303, "/cart")
		b.want(b.get("/cart"), 200, "Your cart is empty")
		// Limits are told.
		b.want(b.post("/cart/items", url.Values{"product": {"ring-door-knocker"}, "quantity": {"9"}, "return_to": {"/products/ring-door-knocker"}}, "HX-Request", "true"), 422, "Only 3 left.", `id="quantity-error"`, `value="9"`)
		b.want(b.post("/cart/items", url.Values{"product": {"ring-door-knocker"}, "quantity": {"2"}}), 303)
		b.want(b.post("/cart/items", url.Values{"product": {"ring-door-knocker"}, "quantity": {"2"}}), 422, "<html", "Only 3 left. Your cart has 2.")
		b.want(b.post("/cart/items/ring-door-knocker", url.Values{"quantity": {"4"}}, "HX-Request", "true"), 422, "Only 3 left.", `id="quantity-ring-door-knocker-error"`, `value="4"`)
		b.want(b.post("/cart/items", url.Values{"product": {"bypass-secateurs"}, "quantity": {"1"}}, "HX-Request", "true"), 200, "sold out")
	})
}

func TestQuantity_IsRefusedNextToItsField(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		form := func(n string) url.Values {
			return url.Values{"product": {"olive-soap"}, "quantity": {n}, "return_to": {"/products/olive-soap"}}
		}
		const message, field = "Enter a whole number from 1 to 99.", `id="quantity-error"`
		b.want(b.post("/cart/items", form("two")), 422, "<html", message, field, `value="two"`, `aria-describedby="quantity-error"`)
		a := b.want(b.post("/cart/items", form("1.5"), "HX-Request", "true"), 422, message, `hx-swap-oob="innerHTML:#add-quantity"`, `value="1.5"`)
		if strings.Contains(a.Body, "<html") {
			t.Error("htmx was given a whole page")
		}
		if a := b.want(b.post("/cart/items", form("3"), "HX-Request", "true"), 200, "#add-quantity", "3 in <a"); strings.Contains(a.Body, message) {
			t.Error("the error stayed")
		}
		const line = `id="quantity-olive-soap-error"`
		b.want(b.post("/cart/items/olive-soap", url.Values{"quantity": {"lots"}}), 422, "<html", "Enter a whole number from 0 to 99.", line, `value="lots"`)
		b.want(b.post("/cart/items/olive-soap", url.Values{"quantity": {"-1"}}, "HX-Request", "true"), 422, line, `value="-1"`, "data-focus")
		if a := b.want(b.get("/cart"), 200, `value="3"`); !strings.Contains(a.Body, "novalidate") {
			t.Error("the browser checks the quantity")
		}
	})
}

func TestCart_RemovedItemsCanBePutBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"4"}}), 303)
		remove := url.Values{"quantity": {"4"}}
		for range 2 { // a double click, without JavaScript
			to := b.want(b.post("/cart/items/olive-soap/remove", remove), 303, "/cart?quantity=4&removed=olive-soap").Header.Get("Location")
			b.want(b.get(to), 200, "Removed Olive Soap Block", "Undo", "Your cart is empty", `action="/cart/items/olive-soap/restore"`)
		}
		for range 2 {
			b.want(b.post("/cart/items/olive-soap/restore", remove), 303, "/cart")
			if a := b.want(b.get("/cart?quantity=4&removed=olive-soap"), 200, "$38.00"); strings.Contains(a.Body, "Undo") {
				t.Error("what is in the cart can be put back")
			}
		}
		b.want(b.post("/cart/items/olive-soap", url.Values{"quantity": {"0"}}, "HX-Request", "true"), 200, "Removed Olive Soap Block", `name="quantity" value="4"`)
		b.want(b.post("/cart/items/olive-soap/restore", remove, "HX-Request", "true"), 200, "$38.00", "is back in your cart")
		b.want(b.post("/cart/items/nope/restore", remove), 404)
		b.want(b.post("/cart/items/olive-soap/restore", url.Values{"quantity": {"x"}}), 422)
		if a := b.want(b.get("/cart?quantity=4&removed=%3Cb%3E"), 200); strings.Contains(a.Body, "Undo") {
			t.Error("an unknown product can be put back")
		}
		guest := h.browser() // without a cart
		guest.want(guest.post("/cart/items/olive-soap/restore", remove), 303, "/cart")
		guest.want(guest.get("/cart"), 200, "$38.00")
	})
}

func TestCatalogue_FiltersAndSimilarWords(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.want(b.get("/?q=lmap"), 200, "No products match “lmap”. Showing results for", `href="/?q=lamp"`, "Reading Lamp")
		b.want(b.get("/?q=zzzz"), 200, "No products found", "See all products")
		b.want(b.get("/?min=10&max=20.50&stock=in"), 200, "products found", `value="20.50"`, "/?max=20.50&amp;min=10&amp;sort=price-up&amp;stock=in", "Clear filters")
		b.want(b.get("/?q=brass&min=10&category=locks"), 200, "Brass Padlock", "category=locks&amp;min=10&amp;q=brass&amp;sort=newest")
		b.want(b.get("/?stock=in&page=2"), 200, "13–24 of 39", "/?page=3&amp;stock=in")
		a := b.want(b.get("/?min=900&q=lamp"), 200, "No product matches all of your filters", `href="/?q=lamp"`, "Clear filters")
		if strings.Contains(a.Body, "See all products") {
			t.Error("an empty list has more than one action")
		}
		b.want(b.get("/?min=abc&max=-3"), 200, "Enter a price, such as 25 or 19.90.", `value="abc"`, `id="min-error"`, `id="max-error"`, "1–12 of 40")
		b.want(b.get("/?min=30&max=20"), 200, "above the lowest", `value="20"`)
	})
}

func TestCheckout_OffersTheAddressesOfEarlierOrders(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.signIn("p1", "Pat One")
		add := url.Values{"product": {"olive-soap"}, "quantity": {"1"}}
		for _, street := range []string{"2 Lane", "1 Street", "1 Street"} {
			b.want(b.post("/cart/items", add), 303)
			b.want(b.post("/checkout/review", b.checkOut(with(address, "street", street))), 303, "/orders/")
			h.pass(time.Second)
		}
		b.want(b.post("/cart/items", add), 303)
		page := b.want(b.get("/checkout/address"), 200, `value="1 Street"`, "Use an address from an earlier order", "2 Lane, ")
		if n := strings.Count(page.Body, "/checkout/address?address="); n != 1 {
			t.Errorf("%d other addresses", n)
		}
		_, rest, _ := strings.Cut(page.Body, `href="/checkout/address?address=`)
		id, _, _ := strings.Cut(rest, `"`)
		b.want(b.get("/checkout/address?address="+id), 200, `value="2 Lane"`)
		other := h.browser()
		other.signIn("p2", "Other")
		other.want(other.post("/cart/items", add), 303)
		if a := other.want(other.get("/checkout/address?address="+id), 200); strings.Contains(a.Body, "2 Lane") {
			t.Error("another's address is shown")
		}
	})
}

func TestOrder_PassesThroughItsStatuses(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.signIn("p1", "Pat One")
		order := func() string {
			b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"2"}}), 303)
			to := b.want(b.post("/checkout/review", b.checkOut(address)), 303, "?placed=1").Header.Get("Location")
			return strings.TrimSuffix(to, "?placed=1")
		}
		path := order()
		b.want(b.get(path+"?placed=1"), 200, "Thank you for your order", "Olive Soap Block", "$19.00", "1 Street", "What happens next", "(not yet)", "Cancel order")
		b.want(b.post(path+"/return", nil), 303, path)
		b.want(b.get(path), 200, "t be returned now", "Order ", "Cancel order")
		h.pass(2 * time.Minute)
		b.want(b.get(path), 200, "The payment is confirmed")
		for range 2 {
			b.want(b.post(path+"/cancel", nil), 303, path)
		}
		a := b.want(b.get(path+"?placed=1"), 200, "Your order is cancelled", "Cancelled", "Order again")
		if strings.Contains(a.Body, "Thank you") || strings.Contains(a.Body, "Cancel order") || strings.Contains(a.Body, "Packed") {
			t.Error("a cancelled order goes on")
		}

		path = order()
		h.pass(20 * time.Minute)
		b.want(b.post(path+"/cancel", nil), 303, path)
		if a := b.want(b.get(path), 200, "already packed", "waits for the carrier"); strings.Contains(a.Body, "Cancel order") {
			t.Error("a packed order can be cancelled")
		}
		h.pass(time.Hour)
		b.want(b.get(path), 200, "Your parcel has arrived", "Return order")
		b.want(b.post(path+"/return", nil), 303, path)
		b.want(b.get(path), 200, "Your return is registered", "Send the items back")
		b.want(b.get("/orders"), 200, "Returned", "Cancelled")

		if _, err := h.db.ExecContext(t.Context(), `UPDATE products SET stock = 1 WHERE slug = 'olive-soap'`); err != nil {
			t.Fatal(err)
		}
		to := b.want(b.post(path+"/reorder", nil), 303, "/cart?again=").Header.Get("Location")
		b.want(b.get(to), 200, "Not everything could be added", "Olive Soap Block: 1 of 2, because there are no more in stock.", "$9.50")
		other := h.browser()
		other.signIn("p2", "Other")
		for _, action := range []string{"/cancel", "/return", "/reorder"} {
			other.want(other.post(path+action, nil), 404)
		}
		if a := other.want(other.get(to), 200, "Your cart is empty"); strings.Contains(a.Body, "Not everything") {
			t.Error("another's order is told")
		}
	})
}

func TestCart_GuestsOfANetworkMakeOnlySoMany(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		add := url.Values{"product": {"olive-soap"}, "quantity": {"1"}}
		first := h.browser()
		first.want(first.post("/cart/items", add), 303, "/cart")
		for range 59 {
			b := h.browser()
			b.want(b.post("/cart/items", add), 303, "/cart")
		}
		late := h.browser()
		a := late.want(late.post("/cart/items", add), 429, "try again in ")
		if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 1 || s > 3600 {
			t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
		}
		late.signIn("p1", "Pat One")
		late.want(late.post("/cart/items", add), 303, "/cart")
		first.want(first.post("/cart/items", add), 303, "/cart")
	})
}

// checkOut goes through the checkout up to its last step, and returns the form that places the order.
func (b *browser) checkOut(address url.Values) url.Values {
	b.h.t.Helper()
	b.want(b.post("/checkout/address", address), 303, "/checkout")
	b.want(b.post("/checkout/shipping", url.Values{"shipping": {"standard"}}), 303, "/checkout")
	b.want(b.post("/checkout/payment", url.Values{"payment": {"test-approved"}}), 303, "/checkout")
	page := b.want(b.get("/checkout/review"), 200)
	return url.Values{"key": {value(b.h.t, page.Body, "key")}, "summary": {value(b.h.t, page.Body, "summary")}}
}

var address = url.Values{"name": {"Pat One"}, "street": {"1 Street"}, "postcode": {"0150"}, "city": {"Oslo"}, "country": {"NO"}}

func with(base url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, v := range base {
		out[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

func TestCheckout_DoubleClickIsOneOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.signIn("p1", "Pat One")
		b.want(b.get("/checkout"), 303, "/cart")
		b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"2"}}), 303)
		b.want(b.get("/checkout/address"), 200, "Pat One", "Nothing is charged")
		b.want(b.post("/checkout/address", with(address, "postcode", "!")), 422, "1 Street", "Enter a valid postcode.")
		form := b.checkOut(address)
		var wg sync.WaitGroup
		to := make([]string, 4)
		for i := range to {
			wg.Go(func() { to[i] = b.want(b.post("/checkout/review", form), 303, "/orders/").Header.Get("Location") })
		}
		wg.Wait()
		for _, l := range to {
			if l != to[0] {
				t.Errorf("two orders: %s and %s", l, to[0])
			}
		}
		b.want(b.get(to[0]), 200, "Olive Soap Block", "$19.00", "Norway", "Your order has been placed", "What happens next", "Cancel order")
		path := strings.TrimSuffix(to[0], "?placed=1")
		b.want(b.get("/orders"), 200, path, "Placed")
		b.want(b.get("/cart"), 200, "Your cart is empty")
		other := h.browser()
		other.signIn("p2", "Other")
		other.want(other.get(to[0]), 404)
		other.want(other.get("/orders"), 200, "No orders yet")
	})
}

func TestCheckout_SoldOutAndChangedLoseNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.signIn("p1", "Pat One")
		b.want(b.post("/cart/items", url.Values{"product": {"spirit-level"}, "quantity": {"2"}}), 303)
		form := b.checkOut(address)

		if _, err := h.db.ExecContext(t.Context(), `UPDATE products SET price_cents = 9900 WHERE slug = 'spirit-level'`); err != nil {
			t.Fatal(err)
		}
		page := b.want(b.post("/checkout/review", form), 409, "Check your order", "$99.00", "was $52.00", "1 Street")
		if k := value(t, page.Body, "key"); k != form.Get("key") {
			t.Error("the form came back with another key")
		}
		form.Set("summary", value(t, page.Body, "summary"))
		if _, err := h.db.ExecContext(t.Context(), `UPDATE products SET stock = 1 WHERE slug = 'spirit-level'`); err != nil {
			t.Fatal(err)
		}
		b.want(b.post("/checkout/review", form), 303, "/cart")
		b.want(b.get("/cart"), 200, "Only 1 of Walnut Spirit Level", "Lower the quantity", "$198.00")
		b.want(b.post("/cart/items/spirit-level", url.Values{"quantity": {"1"}}), 303)
		b.want(b.get("/checkout"), 303, "/checkout/review")
		page = b.want(b.get("/checkout/review"), 200, "1 Street") // remembered
		form.Set("summary", value(t, page.Body, "summary"))
		b.want(b.post("/checkout/shipping", url.Values{"shipping": {"express"}}), 303) // in another tab
		page = b.want(b.post("/checkout/review", form), 409, "Check your order", "$6.90", "$105.90")
		b.want(b.post("/checkout/review", with(form, "summary", value(t, page.Body, "summary"))), 303, "/orders/")
	})
}

func TestCheckout_StepsAreNotSkippedAndDeclinesLoseNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.signIn("p1", "Pat One")
		b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"2"}}), 303)
		steps := []string{"address", "shipping", "payment", "review"}
		good := []url.Values{address, {"shipping": {"next-day"}}, {"payment": {"test-declined"}}, {"key": {strings.Repeat("A", 26)}, "summary": {"x"}}}
		for i, step := range steps {
			b.want(b.get("/checkout"), 303, "/checkout/"+step)
			b.want(b.get("/checkout/"+step), 200, `aria-current="step"`)
			for j := i + 1; j < len(steps); j++ {
				if a := b.want(b.get("/checkout/"+steps[j]), 303); a.Header.Get("Location") != "/checkout/"+step {
					t.Errorf("%s without %s leads to %s", steps[j], step, a.Header.Get("Location"))
				}
				b.want(b.post("/checkout/"+steps[j], good[j]), 303, "/checkout/"+step)
			}
			if step != "review" {
				b.want(b.post("/checkout/"+step, url.Values{"shipping": {"free-helicopter"}, "payment": {"4242424242424242"}}), 422, []string{"Check your address", "Choose your shipping", "Choose a test card"}[i])
				b.want(b.post("/checkout/"+step, good[i]), 303, "/checkout")
			}
		}
		page := b.want(b.get("/checkout/review"), 200, "Norway", "Next working day ($12.90)", "$31.90", "Test card that is declined")
		form := url.Values{"key": {value(t, page.Body, "key")}, "summary": {value(t, page.Body, "summary")}}
		to := b.want(b.post("/checkout/review", form), 303, "/checkout/payment?declined=1").Header.Get("Location")
		b.want(b.get(to), 200, "Your test payment was declined", "Olive Soap Block")
		b.want(b.get("/checkout"), 303, "/checkout/payment")
		b.want(b.post("/checkout/review", form), 303, "/checkout/payment") // a second click
		b.want(b.get("/orders"), 200, "No orders yet")
		b.want(b.post("/checkout/payment", url.Values{"payment": {"test-approved"}}), 303)
		page = b.want(b.get("/checkout/review"), 200)
		to = b.want(b.post("/checkout/review", with(form, "summary", value(t, page.Body, "summary"))), 303, "/orders/").Header.Get("Location")
		b.want(b.get(to), 200, "$31.90", "$12.90", "Next working day", "Test card that is approved")
		b.want(b.get("/checkout/payment"), 303, "/cart")
		var total string
		if err := h.db.GetContext(t.Context(), &total, `SELECT data FROM event_outbox WHERE type = 'order_placed'`); err != nil || !strings.Contains(total, `"total_cents":3190`) {
			t.Errorf("the event is %s, %v", total, err)
		}
		b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"1"}}), 303)
		b.want(b.get("/checkout"), 303, "/checkout/address") // nothing is chosen for the next order
	})
}

func TestInput_BadIsNeverOurFault(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.signIn("p1", "Pat One")
		b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"1"}}), 303)
		bad := []string{"", "-1", "0x1", "1e3", "100", "99999999999999999999", "1.5", "\x00", "\xff", "<b>", "'; DROP TABLE carts; --", strings.Repeat("9", 5000), "١"}
		for _, v := range bad {
			for name, a := range map[string]answer{
				"quantity": b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {v}}),
				"change":   b.post("/cart/items/olive-soap", url.Values{"quantity": {v}}),
				"product":  b.post("/cart/items", url.Values{"product": {v}, "quantity": {"1"}}),
				"slug":     b.post("/cart/items/"+url.PathEscape(v+"x"), url.Values{"quantity": {"1"}}),
				"address":  b.post("/checkout/address", with(address, "postcode", v+"!")),
				"id":       b.get("/orders/" + url.PathEscape(v+"x")),
				"page":     b.get("/products/" + url.PathEscape(v+"x")),
			} {
				if a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s %.20q: status %d", name, v, a.Status)
				}
			}
			q := url.QueryEscape(v)
			for _, path := range []string{"/?q=" + q, "/?sort=" + q, "/?page=" + q, "/orders?page=" + q, "/api/v1/products?query=" + q} {
				if a := b.get(path); a.Status != 200 {
					t.Errorf("%.40s: status %d", path, a.Status)
				}
			}
		}
		for _, name := range []string{"name", "street", "postcode", "city", "country"} {
			for _, v := range []string{"", "\xff", "a\x00b", strings.Repeat("x", 3000)} {
				b.want(b.post("/checkout/address", with(address, name, v)), 422)
			}
		}
		b.checkOut(address)
		for _, v := range bad {
			b.want(b.post("/checkout/review", url.Values{"key": {v}, "summary": {v}}), 422)
		}
		b.want(b.do(http.MethodPost, "/cart/items", "product=olive-soap&quantity=1&quantity=2"), 400)
		b.want(b.do(http.MethodPost, "/cart/items", "%zz"), 400)
		b.want(b.do(http.MethodPost, "/cart/items", "{}", "Content-Type", "application/json"), 400)
		b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"1"}, "return_to": {"//evil.example"}}), 303, "/cart")
		b.want(b.get("/?q=%zz&page=1&page=2&category=lamps&category=tools"), 200)
		b.want(b.get("/cart"), 200, "$19.00") // one, and the one with the odd return_to
		b.want(b.get("/", "Cookie", "shop_cart=%00; shop_cart="+strings.Repeat("a", 3000)), 200)
	})
}

func TestAPI_ProductsAndPurchases(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		b.want(b.get("/api/v1/products/porch-lantern"), 200, `"price_cents":9800`, `"url":"`+shopURL+`/products/porch-lantern"`, `"currency":"USD"`)
		b.want(b.get("/api/v1/products/nope"), 404, `"error":"not_found"`)
		b.want(b.get("/api/v1/products?query=lantern&limit=1"), 200, `"products":[{"slug":"porch-lantern"`)
		b.want(b.get("/api/v1/products?limit=0"), 400, `"error":"invalid_request"`)

		path := "/api/v1/purchases?product=porch-lantern&sub=demo-alice&sub=demo-carol"
		if a := b.want(b.get(path), 401, `"error"`); a.Header.Get("WWW-Authenticate") == "" {
			t.Error("401 without WWW-Authenticate")
		}
		bearer := func(path, raw string) answer { return b.get(path, "Authorization", "Bearer "+raw) }
		good := h.accessToken(shopURL, "purchases:read")
		b.want(bearer(path, good), 200, `{"buyers":["demo-alice"],"product":"porch-lantern"}`)
		b.want(bearer("/api/v1/purchases?product=nope&sub=x", good), 200, `"buyers":[]`)
		b.want(bearer(path, h.accessToken(shopURL, "openid")), 403, `"error"`)
		b.want(bearer(path, h.accessToken("http://forum.localhost:8080", "purchases:read")), 401)
		for name, ofPerson := range map[string]func(*token.AccessClaims){
			"another subject": func(c *token.AccessClaims) { c.Subject = "demo-alice" },
			"a sign-in":       func(c *token.AccessClaims) { c.SID = "s1" },
			"an auth_time":    func(c *token.AccessClaims) { c.AuthTime = c.IssuedAt },
		} {
			t.Log("a token of a person:", name)
			b.want(bearer(path, h.accessToken(shopURL, "purchases:read", ofPerson)), 403)
		}
		b.want(bearer(path, good+"x"), 401)
		for _, q := range []string{
			"", "product=porch-lantern", "sub=a", "product=&sub=a", "product=a&product=b&sub=a", "product=a&sub=", "product=a&sub=%00",
			"product=a&sub=%ff", "product=%27&sub=a", "product=a" + strings.Repeat("&sub=x", 101), "product=a&sub=" + strings.Repeat("x", 300),
		} {
			b.want(bearer("/api/v1/purchases?"+q, good), 400, `"error":"invalid_request"`)
		}
	})
}

func TestRedisAway_GuestsShopOn(t *testing.T) {
	srv, err := env.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	rdb := dialRedis(t, srv.URL())
	h := open(t, env.DB(t, "shop"), rdb)
	b, guest := h.browser(), h.browser()
	b.signIn("p1", "Pat One")
	srv.Stop()
	guest.want(guest.get("/"), 200, "Brass Lever")
	guest.want(guest.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"1"}}), 303)
	guest.want(guest.get("/cart"), 200, "$9.50")
	b.want(b.get("/"), 200, "Account unavailable")
	b.want(b.get("/cart"), 200, "Sign-in is temporarily unavailable")
	b.want(b.get("/orders"), 503)
	b.want(b.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"2"}}), 303)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	b.want(b.get("/cart"), 200, "$19.00")
}
