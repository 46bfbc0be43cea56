package shop_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestMerchant_HandlesOrdersStockAndPrices(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		customer, merchant := h.browser(), h.browser()
		customer.signIn("p1", "Pat One")
		merchant.signIn("m1", "Max Merchant", "merchant")
		customer.want(customer.post("/cart/items", url.Values{"product": {"olive-soap"}, "quantity": {"2"}}), 303)
		path := strings.TrimSuffix(customer.want(customer.post("/checkout/review", customer.checkOut(address)), 303).Header.Get("Location"), "?placed=1")
		id := strings.TrimPrefix(path, "/orders/")
		order := "/merchant/orders/" + id

		for _, p := range []string{"/merchant", order, "/merchant/products", "/merchant/products/olive-soap"} {
			customer.want(customer.get(p), 403)
			merchant.want(merchant.get(p), 200)
		}
		for _, p := range []string{order + "/move-on", order + "/refund", "/merchant/products/olive-soap"} {
			customer.want(customer.post(p, url.Values{"from": {"placed"}}), 403)
		}
		admin := h.browser()
		admin.signIn("a1", "Ada Admin", "admin")
		admin.want(admin.get("/merchant"), 200, id)

		merchant.want(merchant.get("/merchant?q="+strings.ToLower(id[:4])+"-"+id[4:8]), 200, order)
		merchant.want(merchant.get("/merchant?status=placed"), 200, order)
		for _, q := range []string{"status=cancelled", "status=nonsense&q=%00", "q=%27", "after=1~" + id, "after=x", "before=99999999999999~" + id} {
			merchant.want(merchant.get("/merchant?"+q), 200)
		}
		merchant.want(merchant.get("/merchant/orders/none"), 404)

		merchant.want(merchant.post(order+"/move-on", url.Values{"from": {"placed"}}), 303, order)
		merchant.want(merchant.get(order), 200, "The order is updated", "Mark as packed", "Cancel and refund")
		merchant.want(merchant.post(order+"/move-on", url.Values{"from": {"placed"}}), 303) // a second click
		merchant.want(merchant.get(order), 200, "nothing was changed", "Mark as packed")
		merchant.want(merchant.post(order+"/move-on", url.Values{"from": {"nonsense"}}), 400)
		customer.want(customer.get(path), 200, "The payment is confirmed")
		merchant.want(merchant.post(order+"/refund", url.Values{"from": {"paid"}}), 303)
		if a := merchant.want(merchant.get(order), 200, "Cancelled"); strings.Contains(a.Body, "refund</") {
			t.Error("a cancelled order can be refunded")
		}
		customer.want(customer.get(path), 200, "Cancelled")

		const soap = "/merchant/products/olive-soap"
		had := value(t, merchant.want(merchant.get(soap), 200, `value="9.50"`).Body, "had")
		for _, bad := range []url.Values{{}, {"price": {"0"}, "stock": {"1"}}, {"price": {"-1"}, "stock": {"1"}}, {"price": {"1"}, "stock": {"-1"}}, {"price": {"1"}, "stock": {"100001"}}, {"price": {"<b>"}, "stock": {"\x00"}}} {
			merchant.want(merchant.post(soap, bad), 422, "The product wasn&#39;t saved")
		}
		merchant.want(merchant.post("/merchant/products/nope", url.Values{"price": {"1"}, "stock": {"1"}}), 404)
		good := url.Values{"price": {"12"}, "stock": {"7"}, "had": {had}}
		merchant.want(merchant.post(soap, good), 303, "/merchant/products")
		merchant.want(merchant.get("/merchant/products?q=soap"), 200, "$12.00", "is saved")
		again := merchant.want(merchant.post(soap, with(good, "price", "13")), 409, "has changed meanwhile", "$12.00", "7 in stock", `value="13"`)
		merchant.want(merchant.post(soap, with(good, "price", "13", "had", value(t, again.Body, "had"))), 303)
		for _, h := range []string{"", "x y", "1", "99999999999999999999 1"} {
			merchant.want(merchant.post(soap, with(good, "had", h)), 409)
		}
		merchant.want(merchant.get(order), 200, "$19.00")
	})
}
