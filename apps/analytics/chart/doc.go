// Package chart draws charts as SVG, on the server.
//
//	Plot, Ranking → geometry (plain numbers, tested) → .templ (marks) → inline <svg>
//
// The charts work under a strict Content-Security-Policy: they use no style attribute and no <style>. Every colour is a
// class of the style sheet or currentColor, so charts follow light and dark. Text in an SVG scales with it, so each
// chart is laid out for two or three widths, and a container query shows the one that fits: text stays legible on a
// phone and does not overlap. Each chart has role="img" with a title and a description; each bucket has its own <title>
// as a tooltip. docs/adr/0002-charts.md says why this is not a library.
package chart
