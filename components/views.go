package components

import "github.com/a-h/templ"

// App is one app of the estate, as the header and the switcher show it. Key is "portal", "shop", "forum", "analytics"
// or "academy"; it selects the accent colour and the mark.
type App struct{ Key, Name, URL, Tagline string }

// Person is who is signed in.
type Person struct {
	Name, Email string
	Roles       []string
}

// Live is how a page learns, while it is open, that its person was signed out elsewhere: StreamURL sends events, StateURL is asked
// by a page that has slept. Ticket is handed back to StateURL, which reads from it whose page this is; Person and SignIn tell pages
// of the same person, and of the same sign-in, from others.
type Live struct{ StreamURL, StateURL, Ticket, Person, SignIn string }

// Search is the header's search box: a plain GET form, and with a Target (a CSS selector) also search as you type, where
// htmx puts the answer into that element. Placeholder says what is searched and names the box.
type Search struct{ Action, Name, Value, Placeholder, Target string }

// Toast is a short notice that goes away. Kind is success, info, warning or error.
type Toast struct{ Kind, Message string }

// NavItem is a link of the header, of tabs or of breadcrumbs. Count, if above zero, is shown beside the label. ID is needed only
// for a link of the header that NavLinkOOB redraws.
type NavItem struct {
	ID         string
	Label, URL string
	Icon       string
	Current    bool
	Count      int
}

// Shell is everything around the content of a page.
type Shell struct {
	Title       string // of the page; the window's title adds the app's name
	Description string // for search engines and link previews; may be empty
	App         App
	Apps        []App
	Person      *Person // nil for a guest
	Live        *Live   // nil for a guest
	Unavailable bool    // nobody can tell who this is at the moment, since the session store does not answer

	SignInURL, SignOutAction, ProfileURL, SessionsURL string

	Search *Search // nil for no search box
	Theme  string  // "light", "dark", or "" or "system" for the browser's choice
	Path   string  // of this page with its query, where changing the theme returns to

	Replica, RequestID string
	Toasts             []Toast
	Nav                []NavItem
}

// FieldView is a labelled text field. Name is required; ID defaults to Name. An Error marks the field invalid and is read
// out with it; Hint is shown under the label either way.
type FieldView struct {
	Label, Name, ID, Type, Value     string // Type defaults to "text"
	Hint, Error, Placeholder         string
	Autocomplete, InputMode, Pattern string
	Min, Max, Step                   string
	MinLength, MaxLength             int
	Required, Disabled, ReadOnly     bool
	Autofocus, Optional              bool // Optional adds the word to the label
	Class                            string
	Attrs                            templ.Attributes // more attributes for the <input>, such as hx-get
}

// TextAreaView is a labelled text area; Rows defaults to 5.
type TextAreaView struct {
	Label, Name, ID, Value, Hint, Error, Placeholder string
	Rows, MaxLength                                  int
	Required, Disabled, Optional                     bool
	Class                                            string
	Attrs                                            templ.Attributes
}

// Option is a choice of a select. Group, if set, puts neighbours of the same group under that heading.
type Option struct {
	Value, Label, Group string
	Disabled            bool
}

// SelectView is a labelled select; Value is the chosen option's.
type SelectView struct {
	Label, Name, ID, Value, Hint, Error string
	Options                             []Option
	HideLabel                           bool // for toolbars: the label is only read out
	Required, Disabled, Optional        bool
	AutoSubmit                          bool // submits its form when changed, where there is JavaScript
	Class                               string
	Attrs                               templ.Attributes
}

// CheckboxView is a checkbox with its label beside it. Value defaults to "on". Radio makes it a radio button, Toggle a switch.
type CheckboxView struct {
	Label, Name, ID, Value, Hint, Error        string
	Checked, Required, Disabled, Radio, Toggle bool
	Attrs                                      templ.Attributes
}

// FieldError is a line of the error summary: Field is the ID of the faulty field.
type FieldError struct{ Field, Message string }

// ButtonView is a button or a link that looks like one. Kind is primary, secondary, ghost, danger or quiet-danger, and defaults to
// secondary; Size is sm, md or lg. Confirm, if set, asks that question first (where there is JavaScript).
type ButtonView struct {
	Kind, Size, Type string // Type defaults to "submit"
	Name, Value      string
	Icon             string // Lucide name, before the label
	Label            string // accessible name when there is only an icon
	URL              string // ButtonLink's address
	Confirm          string
	Block, Disabled  bool // Block: as wide as its container
	Class            string
	Attrs            templ.Attributes
}

// Pages is the state of a paginated list. With Total pages known, Page (from 1) and URL are used; a keyset list leaves
// Total at 0 and gives PrevURL and NextURL, "" at the ends.
type Pages struct {
	Page, Total      int
	URL              func(page int) string
	PrevURL, NextURL string
	Label            string           // names the list for a screen reader, "Products"
	Summary          string           // "1–12 of 40", shown at the left
	Attrs            templ.Attributes // for every link, such as hx-target and hx-get is not set here: links stay links
}

// EmptyState says that there is nothing, and what to do next. Icon defaults to "inbox".
type EmptyState struct{ Icon, Title, Message string }

// StatView is one figure. Trend is "up", "down" or "" and colours Change; Good tells which direction is welcome
// ("up" by default).
type StatView struct{ Label, Value, Unit, Change, Trend, Good, Icon, Hint string }

// ChartView frames a chart; its children draw it. Table is shown behind "Show as table".
type ChartView struct {
	ID, Title, Subtitle string
	Legend              []LegendItem
	Table               templ.Component
	Actions             templ.Component // at the right of the title
}

// LegendItem names a series; Color is a chart colour from 1 to 6.
type LegendItem struct {
	Label string
	Color int
}

// TableView is a table that scrolls sideways on a phone. Caption is read out (and shown if ShowCaption).
type TableView struct {
	Caption     string
	ShowCaption bool
	Columns     []Column
	Class       string
}

// Column heads a column. Numeric aligns it right. With a SortURL the heading is a link; Sorted is "ascending", "descending" or "".
type Column struct {
	Label, SortURL, Sorted string
	Numeric, HideLabel     bool
	Class                  string
}

// SortView is a menu of orders, as links; the current one is named on the button.
type SortView struct {
	Label string // defaults to "Sort"
	Items []NavItem
	Attrs templ.Attributes
}

// PageHeadView opens a page's content: the one h1, a line under it, and breadcrumbs above.
type PageHeadView struct {
	Title, Lead string
	Crumbs      []NavItem
	Actions     templ.Component // at the right of the title
}

// ErrorView is a failure told to a person. RetryAfter above zero offers "Try again" and, on a whole page, tries again by itself
// after so many seconds; set it for GET and HEAD only, since trying again is a GET of Shell.Path.
type ErrorView struct {
	Shell                      Shell
	Status                     int
	Code, Title, Message, Hint string
	RequestID                  string
	HomeURL, HomeName          string // where its button leads; "/" and the app's name when empty
	ActionLabel, ActionURL     string // a button before that one, for what the person can do
	RetryAfter                 int
}

// TimeStyle is how a moment is written.
type TimeStyle int

// The styles of Time. All are in UTC on the server; app.js rewrites them in the reader's own zone.
const (
	DateTime TimeStyle = iota // 23 Nov 2026, 14:05
	DateOnly                  // 23 Nov 2026
	Relative                  // 5 minutes ago
	Clock                     // 14:05:09, for moments of today
)
