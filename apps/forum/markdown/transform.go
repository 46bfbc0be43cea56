package markdown

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// pageTransformer adapts a document to the page that contains it.
type pageTransformer struct{}

// headingShift is added to the level of headings, since the page has its own: h1 for the thread, h2 for the replies.
const headingShift, maxHeading = 2, 6

// Transform sets rel on links, replaces images with links, and lowers headings.
func (pageTransformer) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var images []*ast.Image
	// Walk returns an error only if this function does.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+headingShift, maxHeading)
		case *ast.Link:
			n.Title = nil
			n.SetAttributeString("rel", []byte(rel))
		case *ast.AutoLink:
			n.SetAttributeString("rel", []byte(rel))
		case *ast.Image:
			images = append(images, n)
		}
		return ast.WalkContinue, nil
	})
	for _, image := range images {
		replaceImage(image)
	}
}

// replaceImage replaces an image with a link to it; an image inside a link, with its text.
func replaceImage(image *ast.Image) {
	parent := image.Parent()
	if insideLink(image) {
		for c := image.FirstChild(); c != nil; {
			next := c.NextSibling()
			parent.InsertBefore(parent, image, c)
			c = next
		}
		parent.RemoveChild(parent, image)
		return
	}
	link := ast.NewLink()
	link.Destination = image.Destination
	link.SetAttributeString("rel", []byte(rel))
	for c := image.FirstChild(); c != nil; {
		next := c.NextSibling()
		link.AppendChild(link, c)
		c = next
	}
	if !link.HasChildren() {
		link.AppendChild(link, ast.NewString(image.Destination))
	}
	parent.ReplaceChild(parent, image, link)
}

func insideLink(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == ast.KindLink {
			return true
		}
	}
	return false
}
