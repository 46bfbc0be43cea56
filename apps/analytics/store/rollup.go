package store

import (
	"strings"
	"time"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/db"
)

// week begins on Monday (period.Floor).
const week = 7 * period.Day

// widths lists the bucket lengths of the rollups. Each is a multiple of the one before.
var widths = []time.Duration{time.Hour, period.Day, week}

// part is a time span made of whole buckets of one width.
type part struct {
	width    time.Duration
	from, to time.Time
}

// parts divides a time span, whose ends are full hours, into as few rollup buckets as possible: wide ones in the middle
// and shorter ones at the ends. It uses only widths that divide step; if step is 0, all.
func parts(from, to time.Time, step time.Duration) []part {
	widest := 0
	for i, w := range widths {
		if step%w == 0 {
			widest = i
		}
	}
	return splitByWidth(widest, from, to)
}

func splitByWidth(i int, from, to time.Time) []part {
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
		return splitByWidth(i-1, from, to)
	}
	return append(append(splitByWidth(i-1, from, begin), part{widths[i], begin, end}), splitByWidth(i-1, end, to)...)
}

// source is a table and the condition that selects its rows.
type source struct {
	table, at, where string
	args             []any
}

// sources returns the tables to sum up for s, in buckets of step or, if step is 0, as a whole. raw is the table of
// single events, hours that of hourly rollups, and longer that of daily and weekly ones.
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

// union returns a subquery for the rows of all sources. columns returns the columns to select from a source.
func union(sources []source, columns func(o source) string) (query string, args []any) {
	var selects []string
	for _, o := range sources {
		selects, args = append(selects, `SELECT `+columns(o)+` FROM `+o.table+o.where), append(args, o.args...)
	}
	return `(` + strings.Join(selects, ` UNION ALL `) + `) AS found`, args
}
