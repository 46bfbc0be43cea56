package shop

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/shop/goods"
	"gatehouse.example/web"
)

// pictures are the products' pictures, by slug.
type pictures map[string]picture

type picture struct {
	svg     []byte
	version string
}

func drawPictures(products []goods.Product) (pictures, error) {
	out := make(pictures, len(products))
	for _, p := range products {
		svg, err := goods.Draw(p)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(svg)
		out[p.Slug] = picture{svg: svg, version: hex.EncodeToString(sum[:6])}
	}
	return out, nil
}

// url returns the URL of a product's picture, or "" if there is none. The URL changes with the picture, so that
// browsers may cache it indefinitely.
func (p pictures) url(slug string) string {
	pic, ok := p[slug]
	if !ok {
		return ""
	}
	return "/pictures/" + slug + ".svg?v=" + pic.version
}

func (a *App) picture(c echo.Context) error {
	slug, isSVG := strings.CutSuffix(c.Param("file"), ".svg")
	pic, ok := a.pictures[slug]
	if !isSVG || !ok {
		return web.NotFound("This picture")
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=3600")
	if c.QueryParam("v") == pic.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	tag := `"` + pic.version + `"`
	h.Set("ETag", tag)
	if c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, "image/svg+xml", pic.svg)
}
