// Package picture draws the system of an experiment as SVG, on the server: browsers, the balancer, servers and shared
// services, with the requests that move between them.
//
//	lab.Picture + lab.Request → layout (plain numbers, tested) → .templ (marks) → inline <svg>
//
// Like the charts, it works under a strict Content-Security-Policy: colours are CSS classes, and the animation is
// SMIL, which needs no script. For users who prefer reduced motion, the path of the last request is drawn instead
// (academy.css). A picture is laid out twice, for narrow and for wide screens, and a container query shows the one
// that fits. Everything that a colour shows is also shown by a shape and a letter, and in words next to the picture.
package picture
