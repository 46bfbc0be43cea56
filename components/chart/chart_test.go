package chart_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse.example/components/chart"
)

func TestTicks_HoldTheValuesAndAreFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e12, 0).Draw(t, "low")
		high := rapid.Float64Range(0, 1e12).Draw(t, "high")
		ticks := chart.Ticks(low, high, 4, rapid.Bool().Draw(t, "whole"))
		if len(ticks) < 2 || len(ticks) > 8 {
			t.Fatalf("%d ticks", len(ticks))
		}
		if ticks[0] > low || ticks[len(ticks)-1] < high {
			t.Fatalf("%v … %v do not hold %v … %v", ticks[0], ticks[len(ticks)-1], low, high)
		}
	})
}

func TestTicks_AreRound(t *testing.T) {
	for _, c := range []struct {
		high  float64
		whole bool
		want  []float64
	}{
		{7, true, []float64{0, 2, 4, 6, 8}},
		{1, true, []float64{0, 1}},
		{3, true, []float64{0, 1, 2, 3}},
		{95, true, []float64{0, 25, 50, 75, 100}},
		{1, false, []float64{0, 0.25, 0.5, 0.75, 1}},
	} {
		got := chart.Ticks(0, c.high, 4, c.whole)
		if len(got) != len(c.want) {
			t.Errorf("up to %v: %v, want %v", c.high, got, c.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("up to %v: %v, want %v", c.high, got, c.want)
			}
		}
	}
}

func TestLogTicks_HoldTheValuesAndAreFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := math.Pow(10, rapid.Float64Range(-6, 9).Draw(t, "low"))
		high := low * math.Pow(10, rapid.Float64Range(0, 8).Draw(t, "times"))
		ticks := chart.LogTicks(low, high)
		if len(ticks) < 2 || len(ticks) > 8 {
			t.Fatalf("%d ticks", len(ticks))
		}
		if ticks[0] > low*(1+1e-6) || ticks[len(ticks)-1] < high*(1-1e-6) {
			t.Fatalf("%v do not hold %v … %v", ticks, low, high)
		}
	})
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

func TestDraw_FitsThePolicyWhateverTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := chart.Chart{ID: "x", Title: rapid.StringMatching(`[a-z<>&"' ]{0,20}`).Draw(t, "title"), Desc: "By size.", Bars: rapid.Bool().Draw(t, "bars"),
			Log: rapid.Bool().Draw(t, "log"), XLabel: "Size", YLabel: "ms"}
		n := rapid.IntRange(0, 60).Draw(t, "places")
		for i := range n {
			c.Labels = append(c.Labels, strings.Repeat("9", 1+i%7))
		}
		value := rapid.OneOf(rapid.Float64Range(-1e6, 1e12), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), 1e-9}))
		for range rapid.IntRange(0, 7).Draw(t, "series") {
			// Values may be missing while they are still being measured.
			c.Series = append(c.Series, chart.Series{Name: "S<", Values: rapid.SliceOfN(value, 0, n).Draw(t, "values")})
		}
		var b strings.Builder
		if err := c.Draw().Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		if err := check(b.String()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDraw_IsAnImageWithAName(t *testing.T) {
	c := chart.Chart{ID: "x", Title: "Latency", Desc: "By size.", Labels: []string{"1", "2"}, Series: []chart.Series{{Name: "Index", Values: []float64{1, 1000}}}, Log: true}
	var b strings.Builder
	if err := c.Draw().Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`role="img"`, `aria-label="Latency"`, `<desc id="x-n-d">By size.</desc>`, `data-i="1"`, "100"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in %s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "<title") {
		t.Error("browsers show a <title> as a tooltip of their own")
	}
}
