// Package chart draws charts over a few named places as SVG, on the server: lines and
// bars side by side, with a linear or a logarithmic axis. Its scales are what the charts
// over time of Analytics stand on, too.
//
// What it draws fits a strict Content-Security-Policy: colours are classes of the house
// style or currentColor. Each chart is laid out for a phone and for a desk, and a
// container query shows the one that fits. docs/adr/0002-charts.md says why this is not a
// library.
package chart
