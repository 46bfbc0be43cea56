package chart

// Item is one row of a ranking.
type Item struct {
	Name  string
	Value float64
	Text  string // the value as text, at the right
}

// Ranking is a chart of items as horizontal bars below their names.
type Ranking struct {
	ID, Title, Desc string // ID is unique on the page
	Items           []Item // largest first; none is negative
	EmptyText       string
	MinHeight       float64 // at which rows are further apart; unless the chart is narrow
}

const rowHeight = 43.0

type row struct {
	y, width   float64
	name, text string
}

func (r Ranking) sizes() []size {
	rows := max(len(r.Items), 3)
	height := float64(rows)*rowHeight + 6
	apart := height
	if len(r.Items) >= 3 {
		apart = max(height, r.MinHeight)
	}
	return []size{
		{narrow.suffix, narrow.class, narrow.width, height},
		{middle.suffix, middle.class, middle.width, apart},
	}
}

func (r Ranking) layOut(s size) []row {
	biggest := 0.0
	for _, i := range r.Items {
		biggest = max(biggest, i.Value)
	}
	rows := make([]row, len(r.Items))
	distance := (s.height - 6) / float64(max(len(r.Items), 3))
	for i, item := range r.Items {
		width := 0.0
		if biggest > 0 {
			width = max(item.Value/biggest*s.width, 4)
		}
		room := int((s.width-float64(len([]rune(item.Text))+2)*charWidth)/charWidth) - 3
		rows[i] = row{y: float64(i) * distance, width: width, name: truncate(item.Name, room), text: item.Text}
	}
	return rows
}

// truncate cuts s to most characters, so that it does not overlap the text to its right. If most is below 1, it returns
// s.
func truncate(s string, most int) string {
	runes := []rune(s)
	if most < 1 || len(runes) <= most {
		return s
	}
	return string(runes[:most]) + "…"
}
