package components

import "github.com/a-h/templ"

// App is one app of the estate, as shown in the header and the switcher. Key is "portal", "shop", "forum", "analytics"
// or "academy"; it selects the accent colour and the mark.
type App struct{ Key, Name, URL, Tagline string }

// Person is the signed-in user.
type Person struct {
	ID          string // its sub; it chooses the avatar's colour
	Name, Email string
	Roles       []string
}

// Live is the data with which an open page learns that its user was signed out elsewhere: StreamURL sends events,
// StateURL is requested by a page that was suspended. The page sends Ticket to StateURL, which identifies its sign-in;
// Person and SignIn distinguish the pages of one user, and of one sign-in, from others.
type Live struct{ StreamURL, StateURL, Ticket, Person, SignIn string }

// Search is the header's search box: a plain GET form, and with a Target (a CSS selector) also search as you type,
// where htmx puts the response into that element. Placeholder says what is searched and is the box's accessible name.
type Search struct{ Action, Name, Value, Placeholder, Target string }

// Toast is a short message that disappears. Kind is success, info, warning or error.
type Toast struct{ Kind, Message string }

// NavItem is a link of the header, of tabs or of breadcrumbs. Count, if above zero, is shown next to the label. ID is
// needed only for a link of the header that NavLinkOOB replaces.
type NavItem struct {
	ID         string
	Label, URL string
	Icon       string
	Current    bool
	Count      int
}

// Shell is the frame of a page: everything around its content.
type Shell struct {
	Title       string // the page's title; the window's title adds the app's name
	Description string // for search engines and link previews; may be empty
	App         App
	Apps        []App
	Person      *Person // nil for a guest
	Live        *Live   // nil for a guest
	Unavailable bool    // the user is unknown because the session store does not answer
	Failed      bool    // it is an error page

	InboxURL string // of the page with the user's notifications, "" for none
	Unread   int    // notifications that the user has not read

	SignInURL, SignOutAction, ProfileURL, SessionsURL string

	Search *Search // nil for no search box
	Theme  string  // "light", "dark", or "" or "system" for the browser's choice
	Path   string  // of this page with its query, to return to after a change of theme

	Replica, RequestID string
	Toasts             []Toast
	Nav                []NavItem
}

// FieldView is a labelled text field. Name is required; ID defaults to Name. An Error marks the field invalid and is
// read out with it; Hint is always shown under the label.
type FieldView struct {
	Label, Name, ID, Type, Value     string // Type defaults to "text"
	Hint, Error, Placeholder         string
	Autocomplete, InputMode, Pattern string
	Min, Max, Step                   string
	MinLength, MaxLength             int
	Required, Disabled, ReadOnly     bool
	Autofocus, Optional              bool // Optional adds the word "optional" to the label
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

// Option is an option of a select. Adjacent options with the same Group are shown under that heading.
type Option struct {
	Value, Label, Group string
	Disabled            bool
}

// SelectView is a labelled select; Value is the value of the selected option.
type SelectView struct {
	Label, Name, ID, Value, Hint, Error string
	Options                             []Option
	HideLabel                           bool // for toolbars: the label is for screen readers only
	Required, Disabled, Optional        bool
	AutoSubmit                          bool // submits its form when changed (with JavaScript)
	Class                               string
	Attrs                               templ.Attributes
}

// CheckboxView is a checkbox with its label. Value defaults to "on". Radio makes it a radio button, Toggle a switch.
type CheckboxView struct {
	Label, Name, ID, Value, Hint, Error        string
	Checked, Required, Disabled, Radio, Toggle bool
	Attrs                                      templ.Attributes
}

// FieldError is a line of the error summary: Field is the ID of the invalid field.
type FieldError struct{ Field, Message string }

// ButtonView is a button or a link that looks like one. Kind is primary, secondary, ghost, danger or quiet-danger, and
// defaults to secondary; Size is sm, md or lg. Confirm, if set, asks that question first (with JavaScript).
type ButtonView struct {
	Kind, Size, Type string // Type defaults to "submit"
	Name, Value      string
	Icon             string // Lucide name, before the label
	Label            string // accessible name when there is only an icon
	URL              string // ButtonLink's target
	Confirm          string
	Block, Disabled  bool // Block: as wide as its container
	Class            string
	Attrs            templ.Attributes
}

// Pages is the state of a paginated list. If the number of pages is known, set Total, Page (from 1) and URL; a keyset
// list leaves Total at 0 and sets PrevURL and NextURL, "" at the ends.
type Pages struct {
	Page, Total      int
	URL              func(page int) string
	PrevURL, NextURL string
	Label            string           // names the list for a screen reader, "Products"
	Summary          string           // "1–12 of 40", shown at the left
	Attrs            templ.Attributes // of every link, such as hx-target
}

// EmptyState is the text of an empty list. Icon defaults to "inbox".
type EmptyState struct{ Icon, Title, Message string }

// StatView is one figure. Trend is "up", "down" or "" and colours Change; Good is the direction that is good ("up" by
// default).
type StatView struct{ Label, Value, Unit, Change, Trend, Good, Icon, Hint string }

// ChartView is the frame of a chart, which its children draw. Table is shown under "Show as table".
type ChartView struct {
	ID, Title, Subtitle string
	Legend              []LegendItem
	Table               templ.Component
	Actions             templ.Component // at the right of the title
}

// LegendItem is the name of a series; Color is a chart colour from 1 to 6.
type LegendItem struct {
	Label string
	Color int
}

// TableView is a table. Caption is read out (and shown if ShowCaption).
type TableView struct {
	Caption     string
	ShowCaption bool
	Columns     []Column
	Class       string
	Cards       bool // on a phone each row is a card; a cell's attribute data-label names it there
}

// Column is a column of a table. Numeric aligns it right. With a SortURL the heading is a link; Sorted is "ascending",
// "descending" or "".
type Column struct {
	Label, SortURL, Sorted string
	Numeric, HideLabel     bool
	Class                  string
}

// SortView is a menu of sort orders, as links; the button shows the current one.
type SortView struct {
	Label string // defaults to "Sort"
	Items []NavItem
	Attrs templ.Attributes
}

// PageHeadView is the head of a page's content: the only h1, a line under it, and breadcrumbs above.
type PageHeadView struct {
	Title, Lead string
	Crumbs      []NavItem
	Actions     templ.Component // at the right of the title
}

// ErrorView is an error as shown to the user. RetryAfter above zero offers "Try again" and, on a whole page, reloads it
// after so many seconds; set it for GET and HEAD only, because the retry is a GET of Shell.Path.
type ErrorView struct {
	Shell                      Shell
	Status                     int
	Code, Title, Message, Hint string
	RequestID                  string
	HomeURL, HomeName          string // target of its button; defaults "/" and the app's name
	ActionLabel, ActionURL     string // an additional button before that one
	RetryAfter                 int
}

// TimeStyle is the format of a time.
type TimeStyle int

// The formats of Time. All are in UTC on the server; app.js reformats them in the reader's time zone.
const (
	DateTime TimeStyle = iota // 23 Nov 2026, 14:05
	DateOnly                  // 23 Nov 2026
	Relative                  // 5 minutes ago
	Clock                     // 14:05:09, for times of the current day
)

// GoToView is the list of the pages that the user may open, filtered by the Query.
type GoToView struct {
	Query     string
	MaxLength int
	Groups    []GoToGroup
	Searches  []NavItem // for the Query
}

// GoToGroup is an app with links to its pages.
type GoToGroup struct {
	App   App
	Links []NavItem
}
