// Package components is the kit of which every page of every app is made: the frame of a page, form fields, buttons,
// tables, notices and chart frames. It takes plain view structs (views.go) and does not depend on Echo or on stored
// records. It uses Tailwind 4 and daisyUI 5. Nothing uses an inline style or script, so it works with a strict
// Content-Security-Policy, and everything works without JavaScript.
//
// A page:
//
//	templ catalogue(v catalogueView) {
//		@components.Page(v.Shell) {
//			@components.PageHead(components.PageHeadView{Title: "Catalogue", Lead: "Forty things for a calm desk."})
//			...
//		}
//	}
//
// The kit, with an example each:
//
//	@Page(shell) { content }                     <html> to footer; content is at most 72rem wide
//	@PageHead(PageHeadView{Title: "Orders", Lead: "…", Crumbs: []NavItem{{Label: "Shop", URL: "/"}, {Label: "Orders"}}, Actions: newButton()})
//	@Icon("shopping-cart", "size-5")             a Lucide icon; a new name needs "npm run css" once
//	@Mark("shop", "size-9")                      an app's mark
//	@Card("") { … }                              a panel with padding; Card("p-0 overflow-hidden") sets its own
//	@Section("Password", "Signs out your other devices.") { … }   a panel with an h2
//	@Narrow("portal", "Sign in", "Sign in once to use every app.") { <form> … }     the only panel of a page with one purpose
//	@Button(ButtonView{Kind: "primary", Icon: "plus"}) { New thread }
//	@ButtonLink(ButtonView{URL: "/new", Kind: "secondary", Size: "sm"}) { Cancel }
//	@PostButton("/sessions/end", ButtonView{Kind: "quiet-danger", Size: "sm", Confirm: "End this session?"}, "id", s.ID) { End }
//	@Field(FieldView{Label: "Email", Name: "email", Type: "email", Value: v.Email, Error: v.Errors["email"], Required: true})
//	@TextArea(TextAreaView{Label: "Reply", Name: "body", Rows: 6, Hint: "Markdown works."})
//	@Select(SelectView{Label: "Country", Name: "country", Value: "NO", Options: []Option{{Value: "NO", Label: "Norway"}}})
//	@Checkbox(CheckboxView{Label: "Remember this address", Name: "remember", Checked: true})
//	@ErrorSummary("Your order was not placed", []FieldError{{Field: "email", Message: "Enter an email address"}})
//	@Alert("warning", "Only two left") { Order soon. }
//	@Badge("success", "badge-check", "Verified buyer")   kinds: "", primary, success, info, warning, error
//	@Avatar(user.ID, "Alice Demo", "sm")
//	@Clip("row-link", user.Name, "/people/7")    a link cut to one line
//	@CopyButton("secret", "the secret")          copies a field; @CodeBlock("env", "Environment variables", text) has one
//	@Breadcrumbs(items)  @Tabs("Account", items)
//	@Sort(SortView{Items: []NavItem{{Label: "Newest", URL: "?sort=new", Current: true}}})
//	@Pagination(Pages{Page: 2, Total: 7, URL: func(n int) string { … }, Summary: "13–24 of 80"})
//	@Pagination(Pages{PrevURL: "", NextURL: "?after=abc"})        keyset form
//	@Empty(EmptyState{Icon: "shopping-cart", Title: "Your cart is empty", Message: "…"}) { @ButtonLink(…) { Browse } }
//	@Stat(StatView{Label: "Revenue", Value: Money(123456), Change: "12%", Trend: "up", Hint: "than the week before"})
//	@ChartFrame(ChartView{ID: "signins", Title: "Sign-ins", Legend: …, Table: table}) { <svg>… }
//	@Table(TableView{Caption: "Orders", Columns: []Column{{Label: "Order"}, {Label: "Total", Numeric: true}}}) { <tr><td>…</td><td class="num">…</td></tr> }
//	@Time(order.PlacedAt, DateTime)              also DateOnly, Relative and Clock; TimeText(t, "3 h") has another text,
//	                                             TimeThen(t, Relative, ".") punctuation
//	@ToastOOB(Toast{Kind: "success", Message: "Added to your cart"})   next to a fragment, for htmx
//	@NavLinkOOB(NavItem{ID: "nav-cart", Label: "Cart", URL: "/cart", Icon: "shopping-cart", Count: 3})   same, for a link of the header
//	@ErrorPage(ErrorView{…})  @ErrorFragment(ErrorView{…})             web's error handler uses them
//
// Icons: "npm run css" copies each icon that is named in a call of Icon or in a field Icon of a view struct, in a
// .templ or .go file; list names from elsewhere in a comment that begins with "icons:". Class names are found in .templ
// files only, so write a Go function that chooses a class in one.
//
// In Go: Money(cents), Count(n), Amount("12", "ms"), LabelUnit("Wait", "ms"), Plural(n, "reply", "replies"),
// Initials(name), RelativeAt(t, now).
//
// Colours, besides daisyUI's (bg-base-100 a panel, bg-base-200 the page, border-base-300 a line, text-primary the app's
// accent for text and lines; bg-fill with text-fill-content the accent as a filled shape): text-muted for secondary
// text, text-faint for decoration only, text-chart-1 to text-chart-6 for series in an SVG that draws with currentColor.
// "flow" puts space between children, "prose" sets rendered Markdown, "num" aligns figures right in a table with
// tabular digits; "tabular-nums" elsewhere.
//
// Behaviour that app.js adds to attributes: data-confirm="Question?" on a button or form, data-autosubmit on a select
// or input, data-focus on the element that takes the focus, data-menu on a <details> that closes on Escape and outside
// clicks, data-time on <time>, data-remember on a <details> that is open on the next page, too. A form's buttons are
// disabled while it is being sent.
package components
