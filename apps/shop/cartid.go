package shop

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/apps/shop/store"
	"gatehouse/sso/rp"
	"gatehouse/sso/session"
)

// cartLife is how long a guest's cart waits for the guest.
const cartLife = 30 * 24 * time.Hour

const cartKey = "gatehouse/shop.cart"

// cartID is the cart of whoever asks, "" for a guest without one. A person who
// brings a guest's cart gets it poured into their own.
func (a *App) cartID(c echo.Context) (store.CartID, error) {
	if id, ok := c.Get(cartKey).(store.CartID); ok {
		return id, nil
	}
	guest, err := a.guestCart(c)
	if err != nil {
		return "", err
	}
	id := guest
	if p := rp.Person(c); p != nil {
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

// cartForWriting is cartID, with a new cart for a guest without one. A cookie that
// names no cart is not taken over: somebody else may have chosen its value.
func (a *App) cartForWriting(c echo.Context) (store.CartID, error) {
	id, err := a.cartID(c)
	if err != nil || rp.Person(c) != nil {
		return id, err
	}
	if id != "" {
		if there, err := a.store.Exists(c.Request().Context(), id); err != nil || there {
			return id, err
		}
	}
	secret := rand.Text()
	a.setCartCookie(c, secret, int(cartLife/time.Second))
	id = store.GuestCart(secret)
	c.Set(cartKey, id)
	return id, nil
}

// guestCart is the cart of the browser's cookie, "" without one. Of several cookies it is the first that names a cart.
func (a *App) guestCart(c echo.Context) (store.CartID, error) {
	secrets := session.Candidates(c.Request(), a.cartCookie(), session.IsID)
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

// network is the part of an address that one household or office has: all of IPv4, the first 64 bits of IPv6.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
