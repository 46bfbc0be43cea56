package chapter

import (
	"embed"
	"io/fs"
)

//go:embed content/*.md
var content embed.FS

// Content are the lessons that come with the Academy.
func Content() fs.FS {
	files, err := fs.Sub(content, "content")
	if err != nil {
		panic(err) // the name is a constant, and valid
	}
	return files
}
