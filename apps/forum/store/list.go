package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/db/fulltext"
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
	Query   string // words, or beginnings of words, that title and texts must hold, "" for all
	Sort    Sort
	Page    int // from 1; one past the end shows the last page
}

// MaxFound is how many threads a search, a product or Unanswered lists: the newest.
const MaxFound = 500

// List is a page of threads.
type List struct {
	Threads []Thread
	Total   int  // on all pages
	Many    bool // there are more than MaxFound, of which these are the newest
	Page    int  // the one that is shown, from 1
}

// Pages is how many pages there are, at least 1.
func (l List) Pages() int { return max(1, (l.Total+PageSize-1)/PageSize) }

// Threads is the page of threads that f asks for. Removed threads are in no
// list, and removed text is not searched.
func (s *Store) Threads(ctx context.Context, f Filter) (List, error) {
	find := s.browse
	if f.bounded() {
		find = s.find
	}
	l, ids, err := find(ctx, f)
	if err != nil {
		return List{}, fmt.Errorf("list threads: %w", err)
	}
	if l.Threads, err = s.byID(ctx, ids); err != nil {
		return List{}, fmt.Errorf("list threads: %w", err)
	}
	return l, nil
}

// bounded reports whether f lists at most MaxFound threads: those whose number is not kept.
func (f Filter) bounded() bool {
	return f.Product != "" || f.Sort == Unanswered || len(fulltext.Words(f.Query)) > 0
}

// browse pages through a board, or all of them, whose threads are counted when they are written.
func (s *Store) browse(ctx context.Context, f Filter) (l List, ids []string, err error) {
	if strings.TrimSpace(f.Query) != "" { // without a word in it
		return List{Page: 1}, nil, nil
	}
	count, args := `SELECT COALESCE(SUM(threads), 0) FROM boards`, []any{}
	if f.Board != "" {
		count, args = `SELECT threads FROM boards WHERE slug = ?`, []any{f.Board}
	}
	if err := s.db.GetContext(ctx, &l.Total, s.db.Rebind(count), args...); err != nil && !db.Missing(err) {
		return List{}, nil, err
	}
	skip := offset(f.Page, l.Total)
	l.Page = skip/PageSize + 1
	back := skip > l.Total/2
	size := min(PageSize, l.Total-skip)
	if back { // the end is nearer
		skip = l.Total - skip - size
	}
	query, args := f.BrowseStatement(skip, size, back)
	err = s.db.SelectContext(ctx, &ids, s.db.Rebind(query), args...)
	if back {
		slices.Reverse(ids)
	}
	return l, ids, err
}

// BrowseStatement selects the ids of a page, counted from the end and backwards if back is set. It reads no table: each
// order has an index that ends with the id.
func (f Filter) BrowseStatement(skip, size int, back bool) (query string, args []any) {
	order := f.order()
	if back {
		order = strings.ReplaceAll(order, "DESC", "ASC")
	}
	query = `SELECT t.id FROM threads t WHERE t.removed_at = 0`
	if f.Board != "" {
		query, args = query+` AND t.board = ?`, append(args, f.Board)
	}
	return query + ` ORDER BY ` + order + ` LIMIT ? OFFSET ?`, append(args, size, skip)
}

// find lists the newest MaxFound threads that f is about, in its order.
func (s *Store) find(ctx context.Context, f Filter) (l List, ids []string, err error) {
	query, args, err := s.FindStatement(ctx, f)
	if err != nil || query == "" {
		return List{Page: 1}, nil, err
	}
	if err := s.db.SelectContext(ctx, &ids, s.db.Rebind(query), args...); err != nil {
		return List{}, nil, err
	}
	l.Total, l.Many = min(len(ids), MaxFound), len(ids) > MaxFound
	skip := offset(f.Page, l.Total)
	l.Page = skip/PageSize + 1
	return l, ids[skip:min(skip+PageSize, l.Total)], nil
}

// FindStatement selects the ids of at most MaxFound+1 threads, "" if it is known that there are none. CROSS JOIN keeps
// SQLite from beginning with all threads.
func (s *Store) FindStatement(ctx context.Context, f Filter) (query string, args []any, err error) {
	if len(fulltext.Words(f.Query)) > 0 {
		match, args, err := fulltext.Match(ctx, s.db, f.Query, MaxFound+1)
		if err != nil || match == "" {
			return "", nil, err
		}
		where, more := f.where()
		return `SELECT t.id FROM (` + match + `) m CROSS JOIN threads t WHERE t.id = m.id AND ` + where + ` ORDER BY ` + f.order(), append(args, more...), nil
	}
	where, args := f.where()
	newest := `SELECT t.id FROM threads t WHERE ` + where + ` ORDER BY t.created_at DESC, t.id DESC LIMIT ?`
	args = append(args, MaxFound+1)
	if f.Product == "" {
		return newest, args, nil // Unanswered, whose order this is
	}
	return `SELECT t.id FROM (` + newest + `) m CROSS JOIN threads t WHERE t.id = m.id ORDER BY ` + f.order(), args, nil
}

// byID returns the threads in the order of their ids.
func (s *Store) byID(ctx context.Context, ids []string) ([]Thread, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, args, err := sqlx.In(`SELECT `+threadColumns+` FROM threads t WHERE t.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	var threads []Thread
	if err := s.db.SelectContext(ctx, &threads, s.db.Rebind(query), args...); err != nil {
		return nil, err
	}
	slices.SortFunc(threads, func(a, b Thread) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return threads, nil
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
		add(`t.reply_count = 0 AND t.locked_at = 0 AND NOT EXISTS (SELECT 1 FROM boards b WHERE b.slug = t.board AND b.staff_only)`)
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

// maxMatched is how many posts of each thread are looked through for a text to show.
const maxMatched = `100`

// Matches are, for each of the threads, the text of the first post that holds
// one of the words of query; threads that match only by their title or a post after the first maxMatched have none.
func (s *Store) Matches(ctx context.Context, threads []Thread, query string) (map[string]string, error) {
	words := fulltext.QueryWords(query)
	if len(threads) == 0 || len(words) == 0 {
		return nil, nil
	}
	likes := strings.TrimSuffix(strings.Repeat(`p.search LIKE ? OR `, len(words)), ` OR `)
	marks := strings.TrimSuffix(strings.Repeat(`?, `, len(threads)), `, `)
	var args []any
	for _, t := range threads {
		args = append(args, t.ID)
	}
	for _, w := range words {
		args = append(args, "%"+w+"%")
	}
	var rows []struct {
		Thread string `db:"thread_id"`
		Source string `db:"source"`
	}
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT q.thread_id, q.source FROM posts q JOIN
		(SELECT p.thread_id, MIN(p.number) AS number FROM posts p
			WHERE p.thread_id IN (`+marks+`) AND p.number <= `+maxMatched+` AND p.removed_at = 0 AND (`+likes+`) GROUP BY p.thread_id) m
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
