package chapter

import (
	"embed"
	"io/fs"
)

//go:embed content/*.md
var content embed.FS

// Content returns the lessons that are built into the Academy.
func Content() fs.FS {
	files, err := fs.Sub(content, "content")
	if err != nil {
		panic(err) // the name is constant and valid
	}
	return files
}
