package chart_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"pgregory.net/rapid"

	"gatehouse.example/apps/analytics/chart"
)

func render(t interface {
	Helper()
	Fatalf(string, ...any)
}, c templ.Component,
) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatalf("render: %v", err)
	}
	return b.String()
}

// check says what is wrong with svg inside a page under our Content-Security-Policy.
func check(svg string) error {
	d := xml.NewDecoder(strings.NewReader(svg))
	ids := map[string]bool{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not well-formed: %w", err)
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local == "style" || e.Name.Local == "script" {
			return fmt.Errorf("has a <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			switch name := a.Name.Local; {
			case name == "style" || strings.HasPrefix(name, "on"):
				return fmt.Errorf("<%s> has the attribute %s", e.Name.Local, name)
			case strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf"):
				return fmt.Errorf("<%s> has %s=%q", e.Name.Local, name, a.Value)
			case name == "id" && ids[a.Value]:
				return fmt.Errorf("the id %q is there twice", a.Value)
			case name == "id":
				ids[a.Value] = true
			}
		}
	}
}

func plot(kind chart.Kind, step time.Duration, series ...[]float64) chart.Plot {
	p := chart.Plot{
		ID: "x", Title: "Sign-ins", Desc: "By hour.", Kind: kind, EmptyText: "No data for this period",
		Axis: func(v float64) string { return fmt.Sprint(v) }, Link: func(i int) string { return fmt.Sprintf("/events/x?i=%d&a=<b>", i) },
		SoFar: "This hour so far", Progress: 0.3,
	}
	for i, v := range series {
		p.Series = append(p.Series, chart.Series{Name: fmt.Sprintf("S%d", i), Color: i + 1, Values: v})
	}
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if len(series) > 0 {
		for i := range series[0] {
			p.Starts = append(p.Starts, start.Add(time.Duration(i)*step))
		}
	}
	return p
}

func TestPlot_FitsThePolicyWhateverTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(t, "buckets")
		value := rapid.Float64Range(-1e9, 1e12)
		p := plot(chart.Kind(rapid.IntRange(0, 1).Draw(t, "kind")),
			rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "step"),
			rapid.SliceOfN(value, n, n).Draw(t, "a"), rapid.SliceOfN(value, n, n).Draw(t, "b"))
		p.Partial, p.Wide, p.Whole = rapid.Bool().Draw(t, "partial"), rapid.Bool().Draw(t, "wide"), rapid.Bool().Draw(t, "whole")
		p.Title = rapid.StringMatching(`[a-z<>&"' ]{0,20}`).Draw(t, "title")
		if err := check(render(t, p.Draw())); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPlot_IsAnImageWithAName(t *testing.T) {
	svg := render(t, plot(chart.Lines, time.Hour, []float64{1, 2, 3}).Draw())
	for _, want := range []string{`role="img"`, `aria-label="Sign-ins"`, `aria-describedby="x-n-d"`, `<desc id="x-n-d">By hour.</desc>`, `data-i="2"`, `href="/events/x?i=2&amp;a=&lt;b&gt;"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in %s", want, svg)
		}
	}
}

// What browsers show as a tooltip, for the mouse only, is <title>.
func TestPlot_HasNoTooltipsOfBrowsers(t *testing.T) {
	if svg := render(t, plot(chart.Bars, time.Hour, []float64{1, 2}).Draw()); strings.Contains(svg, "<title") {
		t.Error("there is a <title>")
	}
}

// A bucket that has just begun is hatched, not a line that falls to zero.
func TestPlot_PartialBucketIsHatched(t *testing.T) {
	for kind, lines := range map[chart.Kind]int{chart.Lines: 3, chart.Bars: 0} {
		p := plot(kind, time.Hour, []float64{5, 5, 5, 0.1})
		whole := render(t, p.Draw())
		p.Partial = true
		partial := render(t, p.Draw())
		if strings.Contains(whole, "<pattern") || strings.Contains(whole, "so far") || strings.Contains(whole, ">now<") {
			t.Errorf("kind %d: a bucket that has ended is hatched", kind)
		}
		for _, want := range []string{"<pattern", `fill="url(#x-n-h`, "This hour so far", ">now<"} {
			if !strings.Contains(partial, want) {
				t.Errorf("kind %d: no %s", kind, want)
			}
		}
		if kind == chart.Lines {
			path := regexp.MustCompile(`<path d="(M[^"Z]*)"`).FindStringSubmatch(partial)
			if path == nil || strings.Count(path[1], "L")+1 != lines {
				t.Errorf("the line goes through %v, want %d buckets", path, lines)
			}
		}
	}
}

func TestPlot_MarksBuckets(t *testing.T) {
	p := plot(chart.Bars, time.Hour, []float64{1, 2, 3})
	p.Marks = []chart.Mark{{Index: 1}, {Index: 1, Shape: chart.Diamond}}
	if svg := render(t, p.Draw()); strings.Count(svg, "stroke-dasharray") != 4 {
		t.Error("one bucket is not marked twice in each of the two layouts")
	}
}

func TestPlot_SaysSoWhenThereIsNothing(t *testing.T) {
	if svg := render(t, plot(chart.Bars, time.Hour, []float64{0, 0}).Draw()); !strings.Contains(svg, "No data for this period") {
		t.Error("an empty chart is bare")
	}
}

func TestRanking_FitsThePolicyWhateverTheNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := chart.Ranking{ID: "best", Title: "Best sellers", Desc: "By pieces.", EmptyText: "Nothing sold"}
		for range rapid.IntRange(0, 12).Draw(t, "items") {
			r.Items = append(r.Items, chart.Item{
				Name:  rapid.StringMatching(`[A-Za-zé<&"]{1,80}`).Draw(t, "name"),
				Value: math.Abs(rapid.Float64Range(0, 1e12).Draw(t, "value")), Text: "1 sold",
			})
		}
		if err := check(render(t, r.Draw())); err != nil {
			t.Fatal(err)
		}
	})
}
