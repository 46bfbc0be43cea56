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

// Transform sets rel on links, replaces images with links unless they were uploaded here, makes mentions links, and
// lowers headings.
func (pageTransformer) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var images []*ast.Image
	var mentions []*mention
	shown := 0
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
		case *mention:
			mentions = append(mentions, n)
		case *ast.AutoLink:
			n.SetAttributeString("rel", []byte(rel))
		case *ast.Image:
			if imageForm.Match(n.Destination) && shown < maxRefs && !insideLink(n) {
				n.Title, shown = nil, shown+1
				n.SetAttributeString("loading", []byte("lazy"))
				return ast.WalkContinue, nil
			}
			images = append(images, n)
		}
		return ast.WalkContinue, nil
	})
	for _, m := range mentions {
		if insideLink(m) {
			unwrap(m)
		} else {
			replaceWithLink(m, []byte("/u/@"+m.handle))
		}
	}
	for _, image := range images {
		replaceImage(image)
	}
}

// replaceImage replaces an image with a link to it; an image inside a link, with its text.
func replaceImage(image *ast.Image) {
	if insideLink(image) {
		unwrap(image)
		return
	}
	if !image.HasChildren() {
		image.AppendChild(image, ast.NewString(image.Destination))
	}
	replaceWithLink(image, image.Destination)
}

// replaceWithLink replaces a node with a link that has its children.
func replaceWithLink(n ast.Node, to []byte) {
	link := ast.NewLink()
	link.Destination = to
	link.SetAttributeString("rel", []byte(rel))
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		link.AppendChild(link, c)
		c = next
	}
	n.Parent().ReplaceChild(n.Parent(), n, link)
}

// unwrap replaces a node with its children.
func unwrap(n ast.Node) {
	parent := n.Parent()
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		parent.InsertBefore(parent, n, c)
		c = next
	}
	parent.RemoveChild(parent, n)
}

// insideLink reports whether a node is in a link, or in an image, which may become one.
func insideLink(n ast.Node) bool { return inside(n, ast.KindLink) || inside(n, ast.KindImage) }
