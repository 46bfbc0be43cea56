package shop

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// Limits of a review's texts, in characters.
const (
	maxReviewTitle = 80
	maxReviewBody  = 2_000
)

const onlyBuyers = "Only buyers can review this product"

// reviewsView is the data of the reviews on a product's page.
type reviewsView struct {
	Product   store.Product
	List      []store.Review
	Own       *store.Review // the user's own, or nil
	Guest     bool
	Buyer     bool // the user has bought the product
	Moderator bool // the user may remove reviews
	Pages     components.Pages
}

// reviewView is the data of the form that writes or edits a review.
type reviewView struct {
	Shell       components.Shell
	Product     store.Product
	Exists      bool // the user has reviewed the product already
	Author      string
	Stars       int // 0 if none are chosen
	Title, Body string
	Faults      []components.FieldError
}

func reviewPath(slug string) string  { return productPath(slug) + "/review" }
func reviewsPath(slug string) string { return productPath(slug) + "#reviews" }

// reviews returns the reviews of p on the requested page, and what the user may do with them.
func (a *App) reviews(c echo.Context, p store.Product) (v reviewsView, err error) {
	ctx, user := c.Request().Context(), rp.From(c.Request())
	v = reviewsView{Product: p, Guest: user == nil, Moderator: user.HasRole("moderator", "admin")}
	list, page, pages, err := a.store.Reviews(ctx, p, web.Int(c, "page", 1, 1, 1_000_000))
	if err != nil {
		return v, err
	}
	v.List = list
	v.Pages = components.Pages{Page: page, Total: pages, Label: "Pages of reviews", URL: func(n int) string {
		return productPath(p.Slug) + "?page=" + strconv.Itoa(n) + "#reviews"
	}}
	if user == nil {
		return v, nil
	}
	own, err := a.store.ReviewOf(ctx, p.Slug, user.Subject)
	if err == nil {
		v.Own = &own
		return v, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return v, err
	}
	v.Buyer, err = a.store.Bought(ctx, p.Slug, user.Subject)
	return v, err
}

// reviewForm handles GET /products/:slug/review: shows the form with the user's review, with what they sent before they
// were asked to sign in, or empty.
func (a *App) reviewForm(c echo.Context) error {
	v, err := a.newReviewView(c)
	if err != nil {
		return err
	}
	if draft := rp.Draft(c.Request()); draft.Has("stars") || draft.Has("body") {
		v.read(draft)
		v.Faults = nil
		v.Shell.Toasts = append(v.Shell.Toasts, components.Toast{Kind: "info", Message: "You're signed in. Your review is in the form, but hasn't been sent yet."})
	}
	return a.showReviewForm(c, http.StatusOK, v)
}

// newReviewView returns the form with the user's review of the product that the path names. It returns a 403 error if
// they have no review of it and did not buy it.
func (a *App) newReviewView(c echo.Context) (v reviewView, err error) {
	ctx, user := c.Request().Context(), rp.From(c.Request())
	if v.Product, err = a.findProduct(c, c.Param("slug")); err != nil {
		return v, err
	}
	if v.Author = user.Name; v.Author == "" {
		v.Author = "Customer"
	}
	own, err := a.store.ReviewOf(ctx, v.Product.Slug, user.Subject)
	switch {
	case err == nil:
		v.Exists, v.Stars, v.Title, v.Body = true, own.Stars, own.Title, own.Body
	case !errors.Is(err, store.ErrNotFound):
		return v, err
	default:
		buyer, err := a.store.Bought(ctx, v.Product.Slug, user.Subject)
		if err != nil {
			return v, err
		}
		if !buyer {
			return v, notBuyer(v.Product.Slug)
		}
	}
	v.Shell, err = a.shell(c, v.title(), nil)
	return v, err
}

// notBuyer returns the 403 error for a user who did not buy the product.
func notBuyer(slug string) error {
	e := web.Forbidden("You can write a review once you've ordered it, unless you cancel the order.").WithTitle(onlyBuyers)
	e.ActionLabel, e.ActionURL = "Back to the product", productPath(slug)
	return e
}

func (a *App) showReviewForm(c echo.Context, status int, v reviewView) error {
	return web.Render(c, status, reviewPage(v))
}

// saveReview handles POST /products/:slug/review: stores the user's review or, with the field delete, deletes it.
func (a *App) saveReview(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if form.Has("delete") {
		return a.deleteReview(c)
	}
	v, err := a.newReviewView(c)
	if err != nil {
		return err
	}
	v.read(form)
	if len(v.Faults) > 0 {
		return a.showReviewForm(c, http.StatusUnprocessableEntity, v)
	}
	limit := (*db.RateLimitError)(nil)
	edited, err := a.store.PutReview(c.Request().Context(), store.Review{
		Product: v.Product.Slug, Subject: apps.Subject(c), Name: v.Author, Stars: v.Stars, Title: v.Title, Body: v.Body,
	}, a.Now())
	switch {
	case errors.As(err, &limit):
		c.Response().Header().Set("Retry-After", strconv.Itoa(int((limit.Wait+time.Second-1)/time.Second)))
		v.addFault("", "You're changing reviews too often, so this wasn't saved. Your text is still here. Try again in "+web.WaitText(limit.Wait)+".")
		return a.showReviewForm(c, http.StatusTooManyRequests, v)
	case errors.Is(err, store.ErrNotBuyer):
		return notBuyer(v.Product.Slug)
	case err != nil:
		return apps.NotFound(err, "This product")
	case edited:
		web.Flash(c, "success", "Your review is changed.")
	default:
		web.Flash(c, "success", "Thank you for your review.")
	}
	return web.SeeOther(c, reviewsPath(v.Product.Slug))
}

// deleteReview deletes the user's review of the product that the path names.
func (a *App) deleteReview(c echo.Context) error {
	p, err := a.findProduct(c, c.Param("slug"))
	if err != nil {
		return err
	}
	limit := (*db.RateLimitError)(nil)
	err = a.store.DeleteReview(c.Request().Context(), p.Slug, apps.Subject(c), a.Now())
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many_reviews", "You're changing reviews too often. Try again in %s.", limit.Wait)
	case errors.Is(err, store.ErrNotFound): // deleted already, such as by a second click
	case err != nil:
		return err
	}
	web.Flash(c, "success", "Your review is deleted.")
	return web.SeeOther(c, reviewsPath(p.Slug))
}

// removeReview handles POST /reviews/:review/remove: deletes another user's review, for moderators.
func (a *App) removeReview(c echo.Context) error {
	if !rp.From(c.Request()).HasRole("moderator", "admin") {
		return web.Forbidden("Only moderators and admins can remove a review.")
	}
	ctx := c.Request().Context()
	r, err := a.store.RemoveReview(ctx, c.Param("review"))
	if err != nil {
		return apps.NotFound(err, "This review")
	}
	a.Logger.InfoContext(ctx, "a moderator removed a review", "review", r.ID, "product", r.Product, "by", apps.Subject(c))
	web.Flash(c, "success", "The review is removed.")
	return web.SeeOther(c, reviewsPath(r.Product))
}

// read reads the fields of a form into v, with a fault for each that is not valid. It keeps all text that can be shown
// again.
func (v *reviewView) read(form url.Values) {
	v.Stars, v.Faults = 0, nil
	if n, err := strconv.Atoi(form.Get("stars")); err == nil && n >= 1 && n <= store.MaxStars && len(form["stars"]) == 1 {
		v.Stars = n
	} else {
		v.addFault("stars", "Choose how many stars you give.")
	}
	text := func(name string, read func([]string) (string, bool), empty string, most int) string {
		s, ok := read(form[name])
		switch n := utf8.RuneCountInString(s); {
		case !ok:
			v.addFault(name, "We removed characters that aren't text. Check it, then send it again.")
		case !hasVisibleText(s):
			v.addFault(name, empty)
		case n > most:
			v.addFault(name, fmt.Sprintf("This is %s characters long. The limit is %s.", components.Count(n), components.Count(most)))
		}
		return s
	}
	v.Title = text("title", readLine, "Enter a title.", maxReviewTitle)
	v.Body = text("body", readText, "Enter what you think of the product.", maxReviewBody)
}

func (v *reviewView) addFault(field, message string) {
	v.Faults = append(v.Faults, components.FieldError{Field: field, Message: message})
}

// faultOf returns the message of a field that is not valid, or "".
func (v reviewView) faultOf(field string) string {
	for _, f := range v.Faults {
		if f.Field == field {
			return f.Message
		}
	}
	return ""
}

func (v reviewView) title() string {
	if v.Exists {
		return "Edit your review"
	}
	return "Write a review"
}

func (v reviewView) crumbs() []components.NavItem {
	path := crumbs(v.Product)
	path[len(path)-1].URL = productPath(v.Product.Slug)
	return append(path, components.NavItem{Label: "Review"})
}

// ratingText returns a rating, in tenths of a star, as text: "4.5".
func ratingText(tenths int) string { return fmt.Sprintf("%d.%d", tenths/10, tenths%10) }

// starsLabel returns the name of a number of stars: "1 star".
func starsLabel(n int) string { return components.Plural(n, "star", "stars") }
