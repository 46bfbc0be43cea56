// Package chart renders charts with a few named x-positions as SVG, on the server: lines or bars side by side, with a
// linear or logarithmic y-axis. The time charts of Analytics use its scales, too.
//
// Its output works with a strict Content-Security-Policy: colours are classes of the style sheet or currentColor. Each
// chart has a layout for a phone and one for a wide screen, and a container query shows the one that fits. The area of
// a label has the attribute data-i, its row in the chart's table: plot.js shows that row beside the pointer.
// docs/adr/0002-charts.md says why it is not a library.
package chart
