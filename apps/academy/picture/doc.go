// Package picture draws the estate of an experiment as SVG, on the server: browsers,
// the balancer, servers and what they share, with the requests that travel between
// them.
//
//	lab.Picture + lab.Request → layout (plain numbers, tested) → .templ (marks) → inline <svg>
//
// Like the charts it fits a strict Content-Security-Policy: colours are classes of the
// house style, and the travelling is SMIL, which needs no script. Who prefers reduced
// motion sees the last request's way drawn instead (academy.css). A picture is laid
// out twice, for a phone and for a desk, and a container query shows the one that fits.
// What colour tells is told by a shape and a letter, too, and all of it in words beside
// the picture.
package picture
