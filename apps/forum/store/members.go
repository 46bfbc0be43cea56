package store

import (
	"context"

	"gatehouse.example/db"
)

// Member is a person who posts in the forum.
type Member struct {
	Sub   string
	Name  string // of the newest post that is shown
	Since Stamp  // of the first post
}

// shownPosts selects the posts of an author that everyone can see.
const shownPosts = ` FROM posts p JOIN threads t ON t.id = p.thread_id
	WHERE p.author_sub = ? AND p.removed_at = 0 AND t.removed_at = 0`

// Member returns the person with this sub, or ErrNotFound if none of the person's posts is shown.
func (s *Store) Member(ctx context.Context, sub string) (m Member, err error) {
	m.Sub = sub
	if m.Name, err = db.One[string](ctx, s.db, "member", `SELECT p.author_name`+shownPosts+` ORDER BY p.created_at DESC, p.id DESC LIMIT 1`, sub); err != nil {
		return m, err
	}
	m.Since, err = db.One[Stamp](ctx, s.db, "member", `SELECT p.created_at FROM posts p WHERE p.author_sub = ? ORDER BY p.created_at, p.id LIMIT 1`, sub)
	return m, err
}

// MemberQuery selects a page of the posts of a member that everyone can see.
const MemberQuery = `SELECT ` + postColumns + `, t.title, t.product_slug, t.accepted` + shownPosts + ` ORDER BY p.created_at DESC, p.id DESC LIMIT ? OFFSET ?`

// MemberPost is a post with what its thread is about.
type MemberPost struct {
	Post
	Title    string `db:"title"`
	Product  string `db:"product_slug"` // "" for none
	Accepted string `db:"accepted"`     // id of the thread's accepted answer
}

// MemberPosts returns a page of the newest MaxFound posts of a member that everyone can see, newest first, with their
// number and the number of the returned page.
func (s *Store) MemberPosts(ctx context.Context, sub string, page int) (posts []MemberPost, total, shown int, err error) {
	total, err = db.One[int](ctx, s.db, "count posts", `SELECT COUNT(*) FROM (SELECT 1`+shownPosts+` LIMIT ?) m`, sub, MaxFound)
	if err != nil {
		return nil, 0, 0, err
	}
	skip := offset(page, total)
	posts, err = db.All[MemberPost](ctx, s.db, "posts", MemberQuery, sub, min(PageSize, max(0, MaxFound-skip)), skip)
	return posts, total, skip/PageSize + 1, err
}
