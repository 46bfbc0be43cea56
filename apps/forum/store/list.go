package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
)

// Sort is the order of a list of threads, or of the replies of a thread.
type Sort string

// The orders. Unanswered is also a filter: it lists threads without a reply. Oldest applies to replies only.
const (
	Oldest     Sort = "oldest"
	Newest     Sort = "newest"
	Active     Sort = "active"
	MostVoted  Sort = "votes"
	Unanswered Sort = "unanswered"
)

// Filter selects the threads of a list. The zero Filter selects all, newest first.
type Filter struct {
	Board   string // slug, "" for all
	Product string // slug, "" for all
	Query   string // words, or beginnings of words, that the title and texts must contain, "" for all
	Sort    Sort
	Page    int // from 1; past the end, the last page is returned
}

// MaxFound limits how many threads a search, a product or Unanswered lists: the newest.
const MaxFound = 500

// List is a page of threads.
type List struct {
	Threads []Thread
	Total   int  // on all pages
	Many    bool // more than MaxFound threads match; the newest of them are listed
	Page    int  // the returned page, from 1
}

// Pages returns the number of pages, at least 1.
func (l List) Pages() int {
	_, pages, _ := db.Page(l.Page, l.Total, PageSize)
	return pages
}

// Threads returns the page of threads that f selects. It does not list removed threads or search removed text.
func (s *Store) Threads(ctx context.Context, f Filter) (List, error) {
	find := s.browseIDs
	if f.isBounded() {
		find = s.findIDs
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

// isBounded reports whether f lists at most MaxFound threads, because no count of its threads is stored.
func (f Filter) isBounded() bool {
	return f.Product != "" || f.Sort == Unanswered || len(fulltext.Words(f.Query)) > 0
}

// browseIDs returns a page of a board, or of all boards, whose thread counts are stored.
func (s *Store) browseIDs(ctx context.Context, f Filter) (l List, ids []string, err error) {
	if strings.TrimSpace(f.Query) != "" { // no searchable word in the query
		return List{Page: 1}, nil, nil
	}
	count, args := `SELECT COALESCE(SUM(threads), 0) FROM boards`, []any{}
	if f.Board != "" {
		count, args = `SELECT threads FROM boards WHERE slug = ?`, []any{f.Board}
	}
	if l.Total, err = db.One[int](ctx, s.db, "count threads", count, args...); err != nil && !errors.Is(err, ErrNotFound) {
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
	ids, err = db.All[string](ctx, s.db, "page", query, args...)
	if back {
		slices.Reverse(ids)
	}
	return l, ids, err
}

// BrowseStatement returns a query for the ids of a page, counted from the end and in reverse order if back is set. The
// query reads indexes only: each order has an index that ends with the id.
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

// findIDs returns a page of the newest MaxFound threads that match f, in f's order.
func (s *Store) findIDs(ctx context.Context, f Filter) (l List, ids []string, err error) {
	query, args, err := s.FindStatement(ctx, f)
	if err != nil || query == "" {
		return List{Page: 1}, nil, err
	}
	if ids, err = db.All[string](ctx, s.db, "matches", query, args...); err != nil {
		return List{}, nil, err
	}
	l.Total, l.Many = min(len(ids), MaxFound), len(ids) > MaxFound
	skip := offset(f.Page, l.Total)
	l.Page = skip/PageSize + 1
	return l, ids[skip:min(skip+PageSize, l.Total)], nil
}

// FindStatement returns a query for the ids of at most MaxFound+1 threads, or "" if it is known that none match. CROSS
// JOIN keeps SQLite from scanning all threads first.
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
		return newest, args, nil // Unanswered has this order
	}
	return `SELECT t.id FROM (` + newest + `) m CROSS JOIN threads t WHERE t.id = m.id ORDER BY ` + f.order(), args, nil
}

// byID returns the threads in the order of ids.
func (s *Store) byID(ctx context.Context, ids []string) ([]Thread, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	threads, err := db.All[Thread](ctx, s.db, "threads", `SELECT `+threadColumns+` FROM threads t WHERE t.id IN (?)`, ids)
	if err != nil {
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
		// Announcements and locked threads do not need an answer.
		add(`t.reply_count = 0 AND t.locked_at = 0 AND NOT EXISTS (SELECT 1 FROM boards b WHERE b.slug = t.board AND b.staff_only)`)
	}
	return strings.Join(conds, " AND "), args
}

// order returns the ORDER BY terms of f. Each Sort has its own text, so that no part of the request becomes SQL. Pinned
// threads come first, except in searches and in the orders by votes and by missing answers.
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

// maxMatched limits how many posts of each thread are searched for an excerpt.
const maxMatched = `100`

// Matches returns, for each of the threads, the text of the first post that contains one of the words of query. Threads
// that match only in their title or in a post after the first maxMatched are not in the result.
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
	type row struct {
		Thread string `db:"thread_id"`
		Source string `db:"source"`
	}
	rows, err := db.All[row](ctx, s.db, "search matches", `SELECT q.thread_id, q.source FROM posts q JOIN
		(SELECT p.thread_id, MIN(p.number) AS number FROM posts p
			WHERE p.thread_id IN (`+marks+`) AND p.number <= `+maxMatched+` AND p.removed_at = 0 AND (`+likes+`) GROUP BY p.thread_id) m
		ON q.thread_id = m.thread_id AND q.number = m.number`, args...)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string, len(rows))
	for _, r := range rows {
		found[r.Thread] = r.Source
	}
	return found, nil
}
