// Package diagram draws the diagrams of the lessons: SVG rendered on the server in the theme's colours, each with a
// text alternative for screen readers.
package diagram
