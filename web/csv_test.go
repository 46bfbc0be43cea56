package web_test

import (
	"testing"

	"gatehouse.example/web"
)

func TestCSVText_IsNoFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " ": " ", "Lamp": "Lamp", " Lamp": " Lamp", "Lamp =1": "Lamp =1",
		"=1+1": "'=1+1", " =HYPERLINK(1)": "' =HYPERLINK(1)", "-1": "'-1", "\t=1": "'\t=1", "＝1": "'＝1",
	} {
		if got := web.CSVText(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
