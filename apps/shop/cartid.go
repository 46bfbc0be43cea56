package shop

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/sso/cookies"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/session"
)

// cartLifetime is how long a guest's cart is kept after its last change, and the lifetime of its cookie.
const cartLifetime = 30 * 24 * time.Hour

const cartKey = "gatehouse/shop.cart"

// cartID returns the cart of the user or guest, or "" for a guest without one. If a signed-in user still has a guest's
// cart, it merges that into the user's and deletes the cookie.
func (a *App) cartID(c echo.Context) (store.CartID, error) {
	if id, ok := c.Get(cartKey).(store.CartID); ok {
		return id, nil
	}
	guest, err := a.guestCart(c)
	if err != nil {
		return "", err
	}
	id := guest
	if p := rp.From(c.Request()); p != nil {
		id = store.PersonCart(p.Subject)
		if guest != "" {
			if err := a.store.Merge(c.Request().Context(), guest, id, a.Now()); err != nil {
				return "", err
			}
			a.setCartCookie(c, "", -1)
		}
	}
	c.Set(cartKey, id)
	return id, nil
}

// cartForWriting returns the cart like cartID, or a new one for a guest without a cart. It does not create a cart for
// the value of an unknown cookie, since another party may have chosen that value (fixation).
func (a *App) cartForWriting(c echo.Context) (store.CartID, error) {
	id, err := a.cartID(c)
	if err != nil || rp.From(c.Request()) != nil {
		return id, err
	}
	if id != "" {
		if there, err := a.store.Exists(c.Request().Context(), id); err != nil || there {
			return id, err
		}
	}
	secret := rand.Text()
	a.setCartCookie(c, secret, int(cartLifetime/time.Second))
	id = store.GuestCart(secret)
	c.Set(cartKey, id)
	return id, nil
}

// guestCart returns the cart of the browser's cookie, or "" without one. If there are several cookies, it returns the
// first whose cart exists, or the cart of the first cookie if there is none.
func (a *App) guestCart(c echo.Context) (store.CartID, error) {
	secrets := cookies.Values(c.Request(), a.cartCookie(), session.IsID)
	if len(secrets) == 0 {
		return "", nil
	}
	if len(secrets) > 1 {
		for _, secret := range secrets {
			id := store.GuestCart(secret)
			if there, err := a.store.Exists(c.Request().Context(), id); err != nil || there {
				return id, err
			}
		}
	}
	return store.GuestCart(secrets[0]), nil
}

func (a *App) cartCookie() string {
	if a.Estate.Secure() {
		return "__Host-shop_cart"
	}
	return "shop_cart"
}

func (a *App) setCartCookie(c echo.Context, value string, maxAge int) {
	c.SetCookie(&http.Cookie{
		Name: a.cartCookie(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: a.Estate.Secure(), SameSite: http.SameSiteLaxMode,
	})
}
