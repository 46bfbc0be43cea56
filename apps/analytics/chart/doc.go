// Package chart draws charts as SVG, on the server.
//
//	Plot, Ranking → geometry (plain numbers, tested) → .templ (marks) → inline <svg>
//
// The charts work under a strict Content-Security-Policy: they use no style attribute and no <style>. Every colour is a
// class of the style sheet or currentColor, so charts follow light and dark. Text in an SVG scales with it, so each
// chart is laid out for two or three widths, and a container query shows the one that fits: text stays legible on a
// phone and does not overlap. Each chart has role="img" with a name and a description. Each bucket has the attribute
// data-i, its row in the chart's table: plot.js shows that row beside the pointer.
//
// A bucket that has not ended yet is hatched, and the axis ends now.
// docs/adr/0002-charts.md says why this is not a library.
package chart
