package chapter

// Chapter is all lessons, in their order.
type Chapter struct {
	Lessons []*Lesson
	Parts   []Part
	bySlug  map[string]*Lesson
}

// Part is a heading of the table of contents with its lessons.
type Part struct {
	Title   string
	Lessons []*Lesson
}

// Lesson is one file.
type Lesson struct {
	Slug, Title, Summary, Part string
	Order                      int
	Minutes                    int // of reading
	Number                     int // in the chapter, from 1
	Blocks                     []Block
	Questions                  []*Question // those of the blocks
	Previous, Next             *Lesson     // nil at the ends
	file                       string
	slugLine                   int
}

// The kinds of Block.
const (
	Text       = "text"
	Experiment = "experiment"
	Ask        = "question"
	FAQ        = "faq"
	Note       = "note"
	Warning    = "warning"
	Real       = "real" // says what is real, and what is not
	Diagram    = "diagram"
)

// Block is a piece of a lesson, rendered. Which fields are set depends on its Kind.
type Block struct {
	Kind     string
	HTML     string            // Text, FAQ and the call-outs
	Heading  string            // Text: of level 2 that it begins with, if it does
	ID       string            // Text: of that heading in the page
	Bare     bool              // Text: that heading is all of it
	Title    string            // FAQ and the call-outs
	Name     string            // Experiment, Diagram
	Setup    map[string]string // Experiment: other than it is by itself
	Caption  string            // Diagram
	Question *Question         // Ask
}

// The kinds of Question.
const (
	Choice    = "choice"   // one option is right
	Several   = "several"  // some options are right
	Order     = "order"    // lines to be put in order
	Exercise  = "exercise" // a text, to be compared with the model answer
	Interview = "interview"
)

// Question is something that a lesson asks.
type Question struct {
	ID      string // in its lesson
	Kind    string
	Prompt  string   // HTML
	Options []Option // of Choice and Several
	Lines   []string // of Order: HTML, in the right order
	Shown   []int    // of Order: where the lines stand at first
	Model   string   // HTML of Exercise and Interview: the model answer
	Why     string   // HTML of Order, may be empty
}

// Option is one that can be chosen.
type Option struct {
	HTML  string
	Why   string // HTML: why it is right, or wrong
	Right bool
}

// Lesson is the one of this slug; nil when there is none.
func (c *Chapter) Lesson(slug string) *Lesson { return c.bySlug[slug] }

// With are the lessons that name an experiment.
func (c *Chapter) With(experiment string) *Lesson {
	for _, l := range c.Lessons {
		for _, b := range l.Blocks {
			if b.Kind == Experiment && b.Name == experiment {
				return l
			}
		}
	}
	return nil
}

// Minutes is how long reading all of it takes.
func (c *Chapter) Minutes() (sum int) {
	for _, l := range c.Lessons {
		sum += l.Minutes
	}
	return sum
}

// Question is the lesson's question of this id; nil when there is none.
func (l *Lesson) Question(id string) *Question {
	for _, q := range l.Questions {
		if q.ID == id {
			return q
		}
	}
	return nil
}

// Text reports whether the answer is written, rather than chosen: nobody but the
// learner judges it.
func (q *Question) Text() bool { return q.Kind == Exercise || q.Kind == Interview }
