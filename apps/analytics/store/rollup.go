package store

import (
	"strings"
	"time"

	"gatehouse/apps/analytics/period"
	"gatehouse/db"
)

// week begins on Mondays (period.Floor).
const week = 7 * period.Day

// widths are those of the buckets that are summed up, each a multiple of the one before.
var widths = []time.Duration{time.Hour, period.Day, week}

// part is a stretch that whole buckets of one width fill.
type part struct {
	width    time.Duration
	from, to time.Time
}

// parts cuts a stretch into the fewest buckets that a step can be made of, or of all widths if step is 0: the widest in
// the middle, and others at its ends. Both ends are full hours.
func parts(from, to time.Time, step time.Duration) []part {
	widest := 0
	for i, w := range widths {
		if step%w == 0 {
			widest = i
		}
	}
	return cutInto(widest, from, to)
}

func cutInto(i int, from, to time.Time) []part {
	if !from.Before(to) {
		return nil
	}
	if i == 0 {
		return []part{{widths[0], from, to}}
	}
	begin, end := period.Floor(from, widths[i]), period.Floor(to, widths[i])
	if begin.Before(from) {
		begin = begin.Add(widths[i])
	}
	if !begin.Before(end) {
		return cutInto(i-1, from, to)
	}
	return append(append(cutInto(i-1, from, begin), part{widths[i], begin, end}), cutInto(i-1, end, to)...)
}

// source is a table, and which of its rows are asked for.
type source struct {
	table, at, where string
	args             []any
}

// sources are what a span is summed up from, by step or, if that is 0, as a whole. raw has single events, hours and
// longer the buckets.
func (s Span) sources(step time.Duration, raw, hours, longer string) []source {
	if s.Raw {
		return []source{s.source(raw, "happened_at", s.From, s.To)}
	}
	var all []source
	for _, p := range parts(s.From, s.To, step) {
		if p.width == time.Hour {
			all = append(all, s.source(hours, "hour_at", p.from, p.to))
			continue
		}
		o := s.source(longer, "at", p.from, p.to)
		o.where, o.args = " WHERE width = ? AND "+strings.TrimPrefix(o.where, " WHERE "), append([]any{p.width.Milliseconds()}, o.args...)
		all = append(all, o)
	}
	return all
}

func (s Span) source(table, at string, from, to time.Time) source {
	o := source{table, at, " WHERE " + at + " >= ? AND " + at + " < ?", []any{db.Millis(from), db.Millis(to)}}
	if s.App != "" {
		o.where, o.args = o.where+" AND app = ?", append(o.args, s.App)
	}
	return o
}

// union is the rows of sources; columns gives those of one.
func union(sources []source, columns func(o source) string) (query string, args []any) {
	var selects []string
	for _, o := range sources {
		selects, args = append(selects, `SELECT `+columns(o)+` FROM `+o.table+o.where), append(args, o.args...)
	}
	return `(` + strings.Join(selects, ` UNION ALL `) + `) AS found`, args
}
