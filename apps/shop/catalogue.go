package shop

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

const perPage = 12

// catalogueView is the data of the catalogue page.
type catalogueView struct {
	Shell    components.Shell
	Query    store.Query
	Listing  store.Listing
	Category *store.Category // the selected one, or nil
	Cards    []card
	Filter   filterView
}

// filterView is the form of the filters: what was typed, with an error for each field that is not a price. Such a field
// does not filter.
type filterView struct{ Min, Max, MinError, MaxError string }

const priceError = "Enter a price, such as 25 or 19.90."

// readFilters reads the filters from the parameters min, max, stock and stars of a request into q.
func readFilters(c echo.Context, q *store.Query) (v filterView) {
	read := func(name string) (text string, cents int64, fault string) {
		text, _ = readLine([]string{c.QueryParam(name)})
		text = string([]rune(text)[:min(len([]rune(text)), maxTyped)])
		cents, ok := ParsePrice(text)
		if !ok {
			return text, 0, priceError
		}
		return text, cents, ""
	}
	v.Min, q.MinCents, v.MinError = read("min")
	v.Max, q.MaxCents, v.MaxError = read("max")
	if q.MaxCents > 0 && q.MaxCents < q.MinCents {
		v.MaxError, q.MaxCents = "Enter a price above the lowest one.", 0
	}
	q.InStock, q.TopRated = c.QueryParam("stock") == "in", c.QueryParam("stars") == "4"
	return v
}

// active returns how many filters are set.
func (v catalogueView) active() (n int) {
	for _, set := range []bool{v.Query.MinCents > 0, v.Query.MaxCents > 0, v.Query.InStock, v.Query.TopRated} {
		if set {
			n++
		}
	}
	return n
}

// filterOpen reports whether the form of the filters is shown at once.
func (v catalogueView) filterOpen() bool {
	return v.active() > 0 || v.Filter.MinError != "" || v.Filter.MaxError != ""
}

func (a *App) catalogue(c echo.Context) error {
	q := store.Query{
		Text: CleanQuery(c.QueryParam("q")), Category: c.QueryParam("category"),
		Sort: ParseSort(c.QueryParam("sort")), Page: web.Int(c, "page", 1, 1, 1_000_000), PerPage: perPage, Similar: true,
	}
	filter := readFilters(c, &q)
	if q.Category != "" && !store.ValidSlug(q.Category) {
		return web.NotFound("This category")
	}
	l, err := a.store.Search(c.Request().Context(), q)
	if err != nil {
		return err
	}
	q.Page = l.Page
	v := catalogueView{Query: q, Listing: l, Filter: filter, Cards: a.cards(l.Products, c.Request().URL.RequestURI())}
	for i := range l.Categories {
		if l.Categories[i].Slug == q.Category {
			v.Category = &l.Categories[i]
		}
	}
	if q.Category != "" && v.Category == nil {
		return web.NotFound("This category")
	}
	if web.WantsFragment(c) {
		return web.Render(c, http.StatusOK, catalogueResults(v))
	}
	if v.Shell, err = a.shell(c, v.title(), &q.Text); err != nil {
		return err
	}
	v.Shell.Description = "Door hardware, locks, lamps, tools and everything else for a well-kept house."
	return web.Render(c, http.StatusOK, cataloguePage(v))
}

func (a *App) cards(products []store.Product, back string) []card {
	if web.LocalPath(back) == "" {
		back = "/"
	}
	out := make([]card, len(products))
	for i, p := range products {
		out[i] = card{
			Slug: p.Slug, Name: p.Name, Short: p.Short, Category: p.CategoryName, Picture: a.pictures.url(p.Slug),
			Cents: p.PriceCents, Stock: p.Stock, Back: back,
			Rating: p.Rating, Reviews: p.ReviewCount,
		}
	}
	return out
}

// isFrontPage reports whether this is the shop's front page: the whole catalogue, first page, in the default order.
func (v catalogueView) isFrontPage() bool {
	return v.Query.Text == "" && v.Query.Category == "" && v.Query.Page == 1 && v.Query.Sort == store.Featured && !v.filterOpen()
}

func (v catalogueView) title() string {
	switch {
	case v.Query.Text != "":
		return "Search: " + v.Query.Text
	case v.Category != nil:
		return v.Category.Name
	default:
		return "Shop"
	}
}

func (v catalogueView) heading() string {
	switch {
	case v.Query.Text != "" && v.Category != nil:
		return "“" + v.Query.Text + "” in " + v.Category.Name
	case v.Query.Text != "":
		return "“" + v.Query.Text + "”"
	case v.Category != nil:
		return v.Category.Name
	default:
		return "All products"
	}
}

// foundText returns the number of products found as text.
func (v catalogueView) foundText() string {
	if v.Listing.Many && v.Query.Filtered() {
		return "The first " + components.Plural(v.Listing.Total, "product", "products") + " found. Narrow your search to see others."
	}
	if v.Listing.Many {
		return "More than " + components.Count(store.MaxFound) + " products found. Add words to narrow your search."
	}
	return components.Plural(v.Listing.Total, "product", "products") + " found"
}

func (v catalogueView) lead() string {
	if v.Query.Text == "" && v.Category != nil {
		return v.Category.Description
	}
	return ""
}

// link returns the URL of the catalogue with one part of the query changed, on page 1 unless change sets another.
func (v catalogueView) link(change func(q *store.Query)) string {
	q := v.Query
	q.Page = 1
	change(&q)
	p := url.Values{}
	if q.Text != "" {
		p.Set("q", q.Text)
	}
	if q.Category != "" {
		p.Set("category", q.Category)
	}
	if q.MinCents > 0 {
		p.Set("min", formatPrice(q.MinCents))
	}
	if q.MaxCents > 0 {
		p.Set("max", formatPrice(q.MaxCents))
	}
	if q.InStock {
		p.Set("stock", "in")
	}
	if q.TopRated {
		p.Set("stars", "4")
	}
	if q.Sort != store.Featured {
		p.Set("sort", string(q.Sort))
	}
	if q.Page > 1 {
		p.Set("page", strconv.Itoa(q.Page))
	}
	if len(p) == 0 {
		return "/"
	}
	return "/?" + p.Encode()
}

func (v catalogueView) categoryLink(slug string) string {
	return v.link(func(q *store.Query) { q.Category = slug })
}

// clearLink returns the URL without filters.
func (v catalogueView) clearLink() string {
	return v.link(func(q *store.Query) { q.MinCents, q.MaxCents, q.InStock, q.TopRated = 0, 0, false, false })
}

// similarLink returns the URL of a search for the words that the catalogue has shown results for.
func (v catalogueView) similarLink() string {
	return v.link(func(q *store.Query) { q.Text = v.Listing.Similar })
}

func (v catalogueView) allCategoriesLink() string {
	return v.categoryLink("")
}

func (v catalogueView) sorts() components.SortView {
	var s components.SortView
	for _, o := range sortOrders {
		s.Items = append(s.Items, components.NavItem{
			Label: o.label, URL: v.link(func(q *store.Query) { q.Sort = o.sort }), Current: v.Query.Sort == o.sort,
		})
	}
	return s
}

func (v catalogueView) pages() components.Pages {
	first := (v.Listing.Page-1)*perPage + 1
	of := " of "
	if v.Listing.Many {
		of = " of the first "
	}
	return components.Pages{
		Page: v.Listing.Page, Total: v.Listing.Pages, Label: "Pages of products",
		URL:     func(n int) string { return v.link(func(q *store.Query) { q.Page = n }) },
		Summary: strconv.Itoa(first) + "–" + strconv.Itoa(first+len(v.Cards)-1) + of + strconv.Itoa(v.Listing.Total),
	}
}
