package live

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/revocation"
)

// ticketHeader carries a page's ticket; in an address it would end up in logs.
const ticketHeader = "Live-Ticket"

// greeting says who is signed in.
type greeting struct {
	Person string `json:"person"`
	SignIn string `json:"sign_in"`
	Ticket string `json:"ticket"`
}

func (h *Handler) greet(v visit) greeting {
	p := h.Page(v.sub, v.sid, v.authenticated)
	return greeting{p.Person, p.SignIn, p.Ticket}
}

// State answers a tab that has slept: who is signed in, or why nobody is.
func (h *Handler) State(c echo.Context) error {
	v, err := h.visitor(c)
	if err != nil {
		return err
	}
	if v != nil {
		switch err := h.Watcher.Check(v.sub, v.sid, "", v.authenticated); {
		case err == nil:
			return c.JSON(http.StatusOK, struct {
				SignedIn bool `json:"signed_in"`
				greeting
			}{true, h.greet(*v)})
		case !errors.Is(err, revocation.ErrDenied):
			return unavailable(c, err)
		}
	}
	// The page's own sign-in, which need not be the last one of this browser.
	if about, ok := h.tickets.open(c.Request().Header.Get(ticketHeader)); ok {
		v = &about
	}
	return c.JSON(http.StatusOK, struct {
		SignedIn bool `json:"signed_in"`
		outcome
	}{false, h.why(c.Request().Context(), v)})
}

// why is what ended a sign-in; nil is one that nobody knows.
func (h *Handler) why(ctx context.Context, v *visit) outcome {
	if v == nil {
		v = &visit{}
	}
	e, _ := h.Watcher.Why(ctx, v.sub, v.sid, "", v.authenticated)
	return h.tell(*v, e)
}
