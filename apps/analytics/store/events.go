package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse.example/db"
)

// Event is a raw event as stored.
type Event struct {
	ID         string `db:"id"`
	Type       string `db:"type"`
	Variant    string `db:"variant"`
	App        string `db:"app"`
	Subject    string `db:"subject"`
	Cents      int64  `db:"cents"`
	Data       string `db:"data"`
	HappenedAt int64  `db:"happened_at"`
}

// Position is a place in a list of events, which is ordered by time and then by id.
type Position struct {
	At int64 // milliseconds since 1970
	ID string
}

// EventFilter selects raw events from From to To (exclusive) of Types or, if there are none, those of all users; of App
// or, if it is empty, of all apps; and only those older than Before or newer than After, if one is set.
type EventFilter struct {
	From, To      time.Time
	App           string
	Types         []string
	Before, After *Position
}

// EventPage is a page of a list of events, newest first. Newer and Older report whether there are more.
type EventPage struct {
	Events       []Event
	Newer, Older bool
}

// Events returns the newest events that f selects or, if f.After is set, the oldest: at most limit.
func (s *Store) Events(ctx context.Context, f EventFilter, limit int) (EventPage, error) {
	query, args := eventsOf(f, limit+1)
	events, err := db.All[Event](ctx, s.db, "analytics: events", query, args...)
	if err != nil {
		return EventPage{}, err
	}
	more := len(events) > limit
	page := EventPage{Events: events[:min(len(events), limit)], Newer: f.Before != nil, Older: more}
	if f.After != nil {
		slices.Reverse(page.Events)
		page.Newer, page.Older = more, true
	}
	return page, nil
}

const eventColumns = `id, type, variant, app, subject, cents, data, happened_at`

// eventsOf returns the query for f. It reads each type's events in the order of an index and stops after limit.
func eventsOf(f EventFilter, limit int) (query string, args []any) {
	order := ` ORDER BY happened_at DESC, id DESC LIMIT ?`
	if f.After != nil {
		order = ` ORDER BY happened_at, id LIMIT ?`
	}
	span := ` happened_at >= ? AND happened_at < ?`
	common := []any{db.Millis(f.From), db.Millis(f.To)}
	if f.App != "" {
		span, common = span+` AND app = ?`, append(common, f.App)
	}
	if at := f.Before; at != nil {
		span, common = span+` AND (happened_at, id) < (?, ?)`, append(common, at.At, at.ID)
	}
	if at := f.After; at != nil {
		span, common = span+` AND (happened_at, id) > (?, ?)`, append(common, at.At, at.ID)
	}
	common = append(common, limit)
	if len(f.Types) == 0 {
		return `SELECT ` + eventColumns + ` FROM events WHERE subject <> '' AND` + span + order, common
	}
	var each []string
	for _, typ := range f.Types {
		each = append(each, `SELECT * FROM (SELECT `+eventColumns+` FROM events WHERE type = ? AND`+span+order+`) AS one`)
		args = append(append(args, typ), common...)
	}
	return `SELECT * FROM (` + strings.Join(each, ` UNION ALL `) + `) AS found` + order, append(args, limit)
}
