package forum

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// newView is the data of the form for a new thread.
type newView struct {
	Shell       components.Shell
	Draft       *draft
	Boards      []store.Board // where the user may start a thread
	ProductName string        // of Draft.Product
	Notice      string
	Sub         string // of the user
}

// productBoard is preselected for a user who comes from a product's page. If no board has this slug, none is selected.
const productBoard = "products"

var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,79}$`)

// validSlug reports whether s has the format of the forum's ids and slugs, which is also that of the shop's slugs.
func validSlug(s string) bool { return slugForm.MatchString(s) }

func (a *App) newThread(c echo.Context) error {
	d := restoredDraft(c)
	if d.Board == "" {
		d.Board = c.QueryParam("board")
	}
	if d.Product == "" {
		d.Product = c.QueryParam("product")
	}
	if d.Board == "" && d.Product != "" {
		d.Board = productBoard
	}
	return a.showNew(c, http.StatusOK, d)
}

func (a *App) previewThread(c echo.Context, d *draft) error { return a.showNew(c, http.StatusOK, d) }

func (a *App) createThread(c echo.Context) error {
	d, err := readDraft(c)
	if err != nil {
		return err
	}
	d.checkTitle()
	d.checkBody()
	if err := a.checkBoard(c, d); err != nil {
		return err
	}
	var product store.Product
	if d.Product != "" {
		if product, err = a.product(c.Request().Context(), d.Product); err != nil {
			d.addFault("product", shopFault(err))
		}
	}
	if len(d.Faults) > 0 {
		return a.showNew(c, http.StatusUnprocessableEntity, d)
	}
	post, err := a.store.CreateThread(c.Request().Context(), store.NewThread{
		Board: d.Board, Title: d.Title, Source: d.Body, Refs: references(d.Body), Author: author(c), Product: product, FormKey: d.Key, At: a.Now(),
	})
	if d.addRateLimitFault(c, err) {
		return a.showNew(c, http.StatusTooManyRequests, d)
	}
	if err != nil {
		return err
	}
	a.relay.Notify()
	web.Flash(c, "success", "Your thread has been posted.")
	return web.SeeOther(c, postURL(post))
}

func (a *App) checkBoard(c echo.Context, d *draft) error {
	if !validSlug(d.Board) {
		d.addFault("board", "Choose a board.")
		return nil
	}
	board, err := a.store.Board(c.Request().Context(), d.Board)
	switch {
	case errors.Is(err, store.ErrNotFound):
		d.addFault("board", "This board no longer exists. Choose another.")
	case err != nil:
		return err
	case board.StaffOnly && !isModerator(c):
		d.addFault("board", "Only moderators can start threads there. Choose another board.")
	}
	return nil
}

// product asks the shop for a product, for at most buyersTimeout. It returns ErrNoProduct if the shop does not have it.
func (a *App) product(ctx context.Context, slug string) (store.Product, error) {
	if !validSlug(slug) {
		return store.Product{}, ErrNoProduct
	}
	ctx, cancel := context.WithTimeout(ctx, buyersTimeout)
	defer cancel()
	return a.shop.Product(ctx, slug)
}

func shopFault(err error) string {
	if errors.Is(err, ErrNoProduct) {
		return "The shop doesn't sell this product. Post without it, or start from the product's page in the shop."
	}
	return "The shop is unavailable right now. Your text is saved here. Post it without the product, or try again in a moment."
}

func (a *App) showNew(c echo.Context, status int, d *draft) error {
	ctx := c.Request().Context()
	boards, err := a.store.Boards(ctx)
	if err != nil {
		return err
	}
	v := newView{Shell: a.shell(c, "New thread", "/new"), Draft: d, Sub: apps.Subject(c)}
	v.Shell.Toasts = d.withToast(v.Shell.Toasts)
	for _, b := range boards {
		if !b.StaffOnly || isModerator(c) {
			v.Boards = append(v.Boards, b)
		}
	}
	if d.Product != "" {
		p, err := a.product(ctx, d.Product)
		switch {
		case errors.Is(err, ErrNoProduct):
			v.Notice, d.Product = shopFault(err), ""
		case err != nil:
			v.ProductName, v.Notice = d.Product, shopFault(err)
		default:
			v.ProductName = p.Name
		}
	}
	return web.Render(c, status, newPage(v))
}

func (v newView) options() []components.Option {
	options := []components.Option{{Label: "Choose a board"}}
	for _, b := range v.Boards {
		options = append(options, components.Option{Value: b.Slug, Label: b.Name})
	}
	return options
}
