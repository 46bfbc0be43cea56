package analytics

import (
	"math"
	"strconv"

	"gatehouse.example/components"
)

// unit describes how values of one kind are formatted.
type unit struct {
	name        string                 // in the API: "count", "people" or "cents"
	long, short func(v float64) string // for the hover text, and for the axis
	cell        func(v int64) cell
	whole       bool
	sums        bool // buckets can be added up; distinct users can not
}

var (
	times = unit{
		name:  "count",
		long:  func(v float64) string { return components.Count(int64(math.Abs(v))) },
		short: func(v float64) string { return compact(math.Abs(v)) },
		cell:  countCell, whole: true, sums: true,
	}
	persons = unit{name: "people", long: times.long, short: times.short, cell: countCell, whole: true}
	dollars = unit{
		name:  "cents",
		long:  func(v float64) string { return components.Money(int64(v)) },
		short: func(v float64) string { return "$" + compact(v/100) },
		cell:  moneyCell, sums: true,
	}
)

// compact formats a value for an axis in few characters: 12500 gives "12.5k".
func compact(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "bn"}, {1e6, "m"}, {1e3, "k"}} {
		if v >= u.size {
			return strconv.FormatFloat(math.Round(v/u.size*100)/100, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
