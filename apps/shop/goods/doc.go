// Package goods has the shop's initial catalogue and the pictures of its products, which are drawn as SVG.
//
// A picture is a motif (pictures/<slug>.svg, shapes that name their colours by role: @a to @c the main material, @d to
// @f the second material, @s the shadow) in a scene (a wall or a table), coloured from the palettes in palette.go. The
// pictures use no style attribute, so that the Content-Security-Policy may forbid it.
package goods
