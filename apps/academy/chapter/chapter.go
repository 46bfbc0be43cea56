package chapter

// Chapter holds all lessons in order.
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

// Lesson is one lesson file.
type Lesson struct {
	Slug, Title, Summary, Part string
	Order                      int
	Minutes                    int // reading time
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
	Real       = "real" // says what is real and what is not
	Diagram    = "diagram"
)

// Block is a rendered piece of a lesson. Its Kind determines which fields are set.
type Block struct {
	Kind     string
	HTML     string            // Text, FAQ and the call-outs
	Heading  string            // Text: the heading of level 2 that it begins with, if any
	ID       string            // Text: id attribute of that heading
	Bare     bool              // Text: there is nothing but that heading
	Title    string            // FAQ and the call-outs
	Name     string            // Experiment, Diagram
	Setup    map[string]string // Experiment: parameters that differ from the defaults
	Caption  string            // Diagram
	Question *Question         // Ask
}

// The kinds of Question.
const (
	Choice    = "choice"   // one option is right
	Several   = "several"  // some options are right
	Order     = "order"    // lines to put in order
	Exercise  = "exercise" // a text to compare with the model answer
	Interview = "interview"
)

// Question is a question of a lesson.
type Question struct {
	ID      string // unique in its lesson
	Kind    string
	Prompt  string   // HTML
	Options []Option // of Choice and Several
	Lines   []string // of Order: HTML, in the right order
	Shown   []int    // of Order: the initial arrangement of the lines
	Model   string   // HTML of Exercise and Interview: the model answer
	Why     string   // HTML, of Order; may be empty
}

// Option is an answer to choose.
type Option struct {
	HTML  string
	Why   string // HTML: why it is right or wrong
	Right bool
}

// Lesson returns the lesson with this slug, or nil.
func (c *Chapter) Lesson(slug string) *Lesson { return c.bySlug[slug] }

// With returns the first lesson that contains an experiment, or nil.
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

// Minutes returns the reading time of all lessons.
func (c *Chapter) Minutes() (sum int) {
	for _, l := range c.Lessons {
		sum += l.Minutes
	}
	return sum
}

// Question returns the lesson's question with this ID, or nil.
func (l *Lesson) Question(id string) *Question {
	for _, q := range l.Questions {
		if q.ID == id {
			return q
		}
	}
	return nil
}

// Text reports whether the answer is a written text, which only the learner judges.
func (q *Question) Text() bool { return q.Kind == Exercise || q.Kind == Interview }
