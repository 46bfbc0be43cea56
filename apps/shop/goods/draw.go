package goods

import (
	"fmt"
	"strings"
)

// Draw returns the product's picture as an SVG file of 400 by 400 units. It returns an error if the product's motif,
// its scene or a colour does not exist.
func Draw(p Product) ([]byte, error) {
	motif, err := motifs.ReadFile("pictures/" + p.Slug + ".svg")
	if err != nil {
		return nil, fmt.Errorf("picture of %s: %w", p.Slug, err)
	}
	main, ok1 := materials[p.Picture.Main]
	second, ok2 := materials[p.Picture.Second]
	back, ok3 := backdrops[p.Picture.Backdrop]
	if !ok1 || !ok2 || !ok3 {
		return nil, fmt.Errorf("picture of %s: unknown colour among %q, %q, %q", p.Slug, p.Picture.Main, p.Picture.Second, p.Picture.Backdrop)
	}
	scene, body, ok := strings.Cut(string(motif), "\n")
	if !ok {
		return nil, fmt.Errorf("picture of %s: its first line must name the scene", p.Slug)
	}
	body = strings.NewReplacer(
		"@a", main.base, "@b", main.shade, "@c", main.light,
		"@d", second.base, "@e", second.shade, "@f", second.light,
		"@s", shadow,
	).Replace(body)
	var svg strings.Builder
	svg.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">`)
	fmt.Fprintf(&svg, `<defs><radialGradient id="g" cx=".38" cy=".3" r=".85"><stop offset="0" stop-color="%s"/><stop offset="1" stop-color="%s"/></radialGradient></defs>`, back.light, back.base)
	svg.WriteString(`<rect width="400" height="400" fill="url(#g)"/>`)
	switch scene {
	case "<!-- table -->":
		fmt.Fprintf(&svg, `<path d="M0 292h400v108H0z" fill="%s"/>`, back.shade)
	case "<!-- wall -->": // the backdrop is the wall
	default:
		return nil, fmt.Errorf("picture of %s: unknown scene %s", p.Slug, scene)
	}
	svg.WriteString(body)
	svg.WriteString("</svg>\n")
	return []byte(svg.String()), nil
}
