package analytics

import (
	"fmt"
	"strconv"

	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/components"
)

// A ranking of at least tallSellers products is as high as two charts, and its picture as high as tallRanking.
const (
	tallSellers = 9
	tallRanking = 710
)

// sellers ranks products by units sold.
var sellers = panel{key: "best-sellers", title: "Best sellers", apps: []string{"shop"}, ranking: func(p panel, f *figures) shown {
	ranking := chart.Ranking{ID: p.key, Title: "Best sellers by pieces sold", Desc: f.period.Description(f.now) + ".", EmptyText: "No sales in this period"}
	if p.tall {
		ranking.MinHeight = tallRanking
	}
	s := shown{panel: p, subtitle: "by pieces sold"}
	s.table.columns = []components.Column{{Label: "Rank", Numeric: true}, {Label: "Product"}, {Label: "Pieces", Numeric: true}, {Label: "Ordered for", Numeric: true}}
	for i, b := range f.sellers {
		pieces := components.Count(b.Quantity)
		ranking.Items = append(ranking.Items, chart.Item{
			Name: b.Name, Value: float64(b.Quantity), Text: pieces + " · " + components.Money(b.Cents),
		})
		ranking.Desc += fmt.Sprintf(" %d: %s, %s.", i+1, b.Name, pieces)
		s.table.rows = append(s.table.rows, []cell{{show: strconv.Itoa(i + 1), raw: strconv.Itoa(i + 1)}, textCell(b.Name), countCell(b.Quantity), moneyCell(b.Cents)})
	}
	s.tip = tip{label: ranking.Title + ": arrow keys move", head: 1}
	s.chart = ranking.Draw()
	return s
}}
