package assets

import (
	"embed"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// The icons are Lucide's (ISC licence, see icons/LICENSE), copied by "npm run css" when a page uses one.
//
//go:embed icons
var icons embed.FS

var loadIcons = sync.OnceValue(func() map[string]string {
	names, err := fs.Glob(icons, "icons/*.svg")
	if err != nil {
		panic("assets: " + err.Error()) // the pattern is constant
	}
	inner := make(map[string]string, len(names))
	for _, name := range names {
		b, err := icons.ReadFile(name)
		if err != nil {
			panic("assets: " + err.Error())
		}
		inner[strings.TrimSuffix(path.Base(name), ".svg")] = string(b)
	}
	return inner
})

// Icon returns the shapes of a Lucide icon, the elements inside its <svg> with a viewBox of 24 by 24, and false if
// there is no icon of that name.
func Icon(name string) (shapes string, ok bool) {
	shapes, ok = loadIcons()[name]
	return shapes, ok
}
