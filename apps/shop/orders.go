package shop

import (
	"net/http"

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
}

// orderView is the data of an order's page.
type orderView struct {
	Shell    components.Shell
	Order    store.Order
	Pictures pictures
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
	return web.Render(c, http.StatusOK, ordersPage(ordersView{shell, page, a.pictures}))
}

// order handles GET /orders/:id: shows one of the user's own orders. Another user's order gives 404.
func (a *App) order(c echo.Context) error {
	o, err := a.store.Order(c.Request().Context(), rp.From(c.Request()).Subject, c.Param("id"))
	if err != nil {
		return apps.NotFound(err, "This order")
	}
	shell, err := a.shell(c, "Order "+shortOrderID(o.ID), nil)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, orderPage(orderView{shell, o, a.pictures}))
}

// shortOrderID returns the short form of an order's id, which is easier to read out on the telephone.
func shortOrderID(id string) string { return id[:4] + "-" + id[4:8] }
