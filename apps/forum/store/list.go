package store

import (
	"context"
	"fmt"
	"strings"
)

// Sort is the order of a list of threads, or of the replies of one.
type Sort string

// The orders. Unanswered is also a choice: threads that wait for a first reply. Oldest is
// for the replies of a thread only.
const (
	Oldest     Sort = "oldest"
	Newest     Sort = "newest"
	Active     Sort = "active"
	MostVoted  Sort = "votes"
	Unanswered Sort = "unanswered"
)

// Filter says which threads a list holds. The zero Filter means all, newest first.
type Filter struct {
	Board   string // slug, "" for all
	Product string // slug, "" for all
	Query   string // words that title or text must hold, "" for all
	Sort    Sort
	Page    int // from 1; one past the end shows the last page
}

// List is a page of threads.
type List struct {
	Threads []Thread
	Total   int // on all pages
	Page    int // the one that is shown, from 1
}

// Pages is how many pages there are, at least 1.
func (l List) Pages() int { return max(1, (l.Total+PageSize-1)/PageSize) }

// Threads is the page of threads that f asks for. Removed threads are in no
// list, and removed text is not searched.
func (s *Store) Threads(ctx context.Context, f Filter) (List, error) {
	where, args := f.where()
	var l List
	if err := s.db.GetContext(ctx, &l.Total, s.db.Rebind(`SELECT COUNT(*) FROM threads t WHERE `+where), args...); err != nil {
		return List{}, fmt.Errorf("count threads: %w", err)
	}
	skip := offset(f.Page, l.Total)
	l.Page = skip/PageSize + 1
	err := s.db.SelectContext(ctx, &l.Threads, s.db.Rebind(`SELECT `+threadColumns+` FROM threads t WHERE `+where+
		` ORDER BY `+f.order()+` LIMIT ? OFFSET ?`), append(args, PageSize, skip)...)
	if err != nil {
		return List{}, fmt.Errorf("list threads: %w", err)
	}
	return l, nil
}

func (f Filter) where() (string, []any) {
	conds, args := []string{`t.removed_at = 0`}, []any{}
	add := func(cond string, a ...any) { conds, args = append(conds, cond), append(args, a...) }
	if f.Board != "" {
		add(`t.board = ?`, f.Board)
	}
	if f.Product != "" {
		add(`t.product_slug = ?`, f.Product)
	}
	if f.Sort == Unanswered {
		// Announcements and locked threads wait for nobody.
		add(`t.reply_count = 0 AND t.locked_at = 0 AND t.board IN (SELECT slug FROM boards WHERE NOT staff_only)`)
	}
	for _, p := range patterns(f.Query) {
		add(`(t.search LIKE ? ESCAPE '!' OR EXISTS (SELECT 1 FROM posts p
			WHERE p.thread_id = t.id AND p.removed_at = 0 AND p.search LIKE ? ESCAPE '!'))`, p, p)
	}
	return strings.Join(conds, " AND "), args
}

// order is spelled out for each Sort, so that nothing of a request is SQL. What
// is pinned stays on top where a person reads along, not where they look for
// something.
func (f Filter) order() string {
	pinned := `t.pinned_at DESC, `
	if f.Query != "" {
		pinned = ``
	}
	switch f.Sort {
	case MostVoted:
		return `t.votes DESC, t.created_at DESC, t.id DESC`
	case Unanswered:
		return `t.created_at DESC, t.id DESC`
	case Active:
		return pinned + `t.active_at DESC, t.id DESC`
	default:
		return pinned + `t.created_at DESC, t.id DESC`
	}
}

// Matches are, for each of the threads, the text of the first post that holds
// one of the words of query; threads that only match by title have none.
func (s *Store) Matches(ctx context.Context, threads []Thread, query string) (map[string]string, error) {
	words := patterns(query)
	if len(threads) == 0 || len(words) == 0 {
		return nil, nil
	}
	likes := strings.TrimSuffix(strings.Repeat(`p.search LIKE ? ESCAPE '!' OR `, len(words)), ` OR `)
	marks := strings.TrimSuffix(strings.Repeat(`?, `, len(threads)), `, `)
	var args []any
	for _, t := range threads {
		args = append(args, t.ID)
	}
	for _, w := range words {
		args = append(args, w)
	}
	var rows []struct {
		Thread string `db:"thread_id"`
		Source string `db:"source"`
	}
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT q.thread_id, q.source FROM posts q JOIN
		(SELECT p.thread_id, MIN(p.number) AS number FROM posts p
			WHERE p.thread_id IN (`+marks+`) AND p.removed_at = 0 AND (`+likes+`) GROUP BY p.thread_id) m
		ON q.thread_id = m.thread_id AND q.number = m.number`), args...)
	if err != nil {
		return nil, fmt.Errorf("search matches: %w", err)
	}
	found := make(map[string]string, len(rows))
	for _, r := range rows {
		found[r.Thread] = r.Source
	}
	return found, nil
}
