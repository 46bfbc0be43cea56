// Package chart draws charts as SVG, on the server.
//
//	Plot, Ranking → geometry (plain numbers, tested) → .templ (marks) → inline <svg>
//
// What it draws lives inside a page under a strict Content-Security-Policy: there is no style attribute and no <style>, every
// colour is a class of the house style or currentColor, so charts follow light and dark. Text in an SVG shrinks with it,
// so each chart is laid out for two or three widths and a container query shows the one that fits: text stays legible on a phone
// and never overlaps. Each has role="img" with a title and a description; each bucket has its own <title> to hover.
// docs/adr/0002-charts.md says why this is not a library.
package chart
