package analytics

import (
	"fmt"
	"math"
	"strconv"

	"gatehouse.example/components"
)

// unit describes how values of one kind are formatted. Every function keeps the sign of a value.
type unit struct {
	name  string                 // in the API: "count", "people" or "cents"
	short func(v float64) string // for the axis
	cell  func(v int64) cell     // for tables, tooltips and texts
	whole bool
	sums  bool // buckets can be added up; distinct users can not
}

var (
	times   = unit{name: "count", short: compact, cell: countCell, whole: true, sums: true}
	persons = unit{name: "people", short: compact, cell: countCell, whole: true}
	dollars = unit{name: "cents", short: func(v float64) string {
		return signed(math.Round(v)/100, func(v float64) string { return "$" + compact(v) })
	}, cell: moneyCell, sums: true}
)

// minus is the sign of a negative value on a page. CSV files and the API have "-".
const minus = "−"

// signed formats v with its sign before what format returns for its size: "−$5".
func signed[N int64 | float64](v N, format func(N) string) string {
	if v < 0 {
		return minus + format(-v)
	}
	return format(v)
}

// compact formats a value for an axis in few characters: 12500 gives "12.5k", -3 gives "−3".
func compact(v float64) string {
	return signed(math.Round(v*100)/100, func(v float64) string {
		for _, u := range []struct {
			size float64
			name string
		}{{1e9, "bn"}, {1e6, "m"}, {1e3, "k"}} {
			if v >= u.size {
				return strconv.FormatFloat(math.Round(v/u.size*100)/100, 'f', -1, 64) + u.name
			}
		}
		return strconv.FormatFloat(math.Abs(v), 'f', -1, 64) // of a negative zero
	})
}

func countCell(n int64) cell {
	return cell{show: signed(n, components.Count[int64]), raw: strconv.FormatInt(n, 10)}
}

func moneyCell(cents int64) cell {
	return cell{show: signed(cents, components.Money), raw: decimal(cents)}
}

// decimal formats cents as a number that spreadsheets read: 1234 gives "12.34", -5 gives "-0.05".
func decimal(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}
