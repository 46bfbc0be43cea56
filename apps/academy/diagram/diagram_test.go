package diagram_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"gatehouse.example/apps/academy/diagram"
)

func TestFigure_EachDrawingIsWellFormedAndHasWords(t *testing.T) {
	names := diagram.Names()
	if len(names) < 5 {
		t.Fatalf("only %v", names)
	}
	for _, name := range names {
		var b strings.Builder
		if err := diagram.Figure(name, "").Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "<svg") || !strings.Contains(b.String(), `class="sr-only"`) || strings.Contains(b.String(), "style=") {
			t.Errorf("%s: %s", name, b.String())
		}
		for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

func TestFigure_TakesACaptionAndEscapesIt(t *testing.T) {
	var b strings.Builder
	if err := diagram.Figure("card", "A <card>").Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "A &lt;card&gt;") {
		t.Error(b.String())
	}
}
