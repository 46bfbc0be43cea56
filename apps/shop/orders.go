package shop

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse/apps/shop/store"
	"gatehouse/components"
	"gatehouse/sso/rp"
	"gatehouse/web"
)

const ordersPerPage = 8

// ordersView is what the list of orders shows.
type ordersView struct {
	Shell    components.Shell
	Page     store.OrderPage
	Pictures pictures
}

// orderView is what an order's page shows.
type orderView struct {
	Shell    components.Shell
	Order    store.Order
	Pictures pictures
}

func (a *App) orders(c echo.Context) error {
	page, err := a.store.Orders(c.Request().Context(), rp.Person(c).Subject, web.Int(c, "page", 1, 1, 1_000_000), ordersPerPage)
	if err != nil {
		return err
	}
	shell, err := a.shell(c, "Orders", nil)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, ordersPage(ordersView{shell, page, a.pictures}))
}

// order shows one of the person's own; another's does not exist for them.
func (a *App) order(c echo.Context) error {
	o, err := a.store.Order(c.Request().Context(), rp.Person(c).Subject, c.Param("id"))
	if errors.Is(err, store.ErrNotFound) {
		return web.NotFound("This order")
	}
	if err != nil {
		return err
	}
	shell, err := a.shell(c, "Order "+number(o.ID), nil)
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, orderPage(orderView{shell, o, a.pictures}))
}

// number is the short form of an order's id, to be read out on the telephone.
func number(id string) string { return id[:4] + "-" + id[4:8] }
