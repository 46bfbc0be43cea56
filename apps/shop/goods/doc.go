// Package goods is what the shop sells: the catalogue it starts with, and the
// pictures, which are drawn here and not photographed.
//
// A picture is a motif (pictures/<slug>.svg, shapes that name their colours by
// role: @a to @c the thing's own, @d to @f its second material, @s shadow) in a
// scene (a wall or a table), coloured from the palettes in palette.go. Nothing in
// them needs a style attribute, so the site's Content-Security-Policy may forbid
// those.
package goods
