package chapter

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Options configure Load.
type Options struct {
	Files fs.FS  // the built-in lessons: *.md
	Dir   string // folder of additional lessons, which replace those with the same slug; "" for none
	// Experiment returns what is wrong with an experiment that a lesson names, or with its setup, which is nil for
	// the default. A nil Experiment accepts everything.
	Experiment func(name string, setup map[string]string) error
	Diagrams   []string // names of the existing diagrams
}

// Fault is an error in a lesson file, with its position.
type Fault struct {
	File string
	Line int // from 1; 0 for the file as a whole
	What string
}

// String returns "FILE:LINE: what is wrong".
func (f Fault) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
}

// Load reads all lessons. It leaves out files with errors and returns their faults.
func Load(o Options) (*Chapter, []Fault) {
	var faults []Fault
	lessons := map[string]*Lesson{}
	if o.Files != nil {
		faults = append(faults, o.folder(o.Files, "", lessons)...)
	}
	if o.Dir != "" {
		more := map[string]*Lesson{}
		faults = append(faults, o.folder(os.DirFS(o.Dir), o.Dir, more)...)
		for slug, l := range more {
			lessons[slug] = l
		}
	}
	return bind(lessons), faults
}

// folder adds the lessons of one folder to lessons, in the order of their file names.
func (o *Options) folder(files fs.FS, dir string, lessons map[string]*Lesson) []Fault {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return []Fault{{File: dir, What: "the folder of lessons can't be read: " + reason(err)}}
	}
	var faults []Fault
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) != ".md" {
			continue
		}
		name := filepath.Join(dir, e.Name())
		source, err := readLesson(files, e.Name())
		if err != nil {
			faults = append(faults, Fault{File: name, What: "the file can't be read: " + reason(err)})
			continue
		}
		l, wrong := o.Parse(name, source)
		if len(wrong) == 0 && lessons[l.Slug] != nil {
			wrong = []Fault{{File: name, Line: l.slugLine, What: fmt.Sprintf("the slug %q is that of %s already", l.Slug, lessons[l.Slug].file)}}
		}
		faults = append(faults, wrong...)
		if len(wrong) == 0 {
			lessons[l.Slug] = l
		}
	}
	return faults
}

// maxLesson is the maximum size of a lesson file in bytes, far beyond what is read in one sitting.
const maxLesson = 256 << 10

// readLesson reads a regular file. It returns an error for anything else, since a pipe would block the start.
func readLesson(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is none")
	case info.Size() > maxLesson:
		return nil, fmt.Errorf("it has %d bytes, and a lesson takes at most %d", info.Size(), maxLesson)
	}
	return fs.ReadFile(files, name)
}

// reason returns a file system error without its path, which the fault names already.
func reason(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// Parse parses one lesson. Faults name the file name.
func (o *Options) Parse(name string, source []byte) (*Lesson, []Fault) {
	r := &reader{file: name, o: o, ids: map[string]int{}, headings: headings{}}
	lines := r.split(source)
	if lines == nil {
		return nil, r.faults
	}
	l, body := r.front(lines)
	for _, p := range r.pieces(body) {
		if p.directive == "" {
			l.Blocks = append(l.Blocks, r.render(p.lines))
			continue
		}
		b, ok := r.block(p)
		if !ok {
			continue
		}
		l.Blocks = append(l.Blocks, b)
		if b.Question != nil {
			l.Questions = append(l.Questions, b.Question)
		}
	}
	if len(l.Blocks) == 0 && len(r.faults) == 0 {
		r.fault(lines[len(lines)-1].n, "there is nothing behind the front matter")
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
		return nil, r.faults
	}
	return l, nil
}

// bind orders the lessons. The lessons of a part stay together, at the position of the first of them.
func bind(lessons map[string]*Lesson) *Chapter {
	c := &Chapter{bySlug: lessons}
	sorted := make([]*Lesson, 0, len(lessons))
	for _, l := range lessons {
		sorted = append(sorted, l)
	}
	slices.SortFunc(sorted, func(a, b *Lesson) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Slug, b.Slug))
	})
	for _, l := range sorted {
		i := slices.IndexFunc(c.Parts, func(p Part) bool { return p.Title == l.Part })
		if i < 0 {
			i = len(c.Parts)
			c.Parts = append(c.Parts, Part{Title: l.Part})
		}
		c.Parts[i].Lessons = append(c.Parts[i].Lessons, l)
	}
	for _, p := range c.Parts {
		c.Lessons = append(c.Lessons, p.Lessons...)
	}
	for i, l := range c.Lessons {
		l.Number = i + 1
		if i > 0 {
			l.Previous, c.Lessons[i-1].Next = c.Lessons[i-1], l
		}
	}
	return c
}
