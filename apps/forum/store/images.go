package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Limits of the images of one person.
const (
	maxImages        = 200
	maxImageBytes    = 100 << 20
	maxImageBytesDay = 20 << 20
	imageTTL         = 24 * time.Hour // of an image that no post has
	// MaxPostImages is the number of images that a post can have.
	MaxPostImages = 20
)

// ErrImages says that a person's images have reached a limit.
var ErrImages = errors.New("forum: the user has uploaded too many images")

// Image is an uploaded image.
type Image struct {
	ID   string `db:"id"`
	Sub  string `db:"sub"`  // who uploaded it
	Type string `db:"type"` // image/png or image/jpeg
	Data []byte `db:"data"`

	Post    string `db:"post_id"` // "" for none
	Removed Stamp  `db:"removed_at"`
}

// Shown reports whether everyone may see the image: a post has it, and the post is shown.
func (i Image) Shown() bool { return i.Post != "" && !i.Removed.Set() }

// CountUpload counts a try to upload an image, so that few are decoded in vain. It returns a [*db.RateLimitError].
func (s *Store) CountUpload(ctx context.Context, sub string, at time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error { return uploadLimit.Count(ctx, tx, "upload "+sub, at) })
}

// StoredQuery sums up a person's images.
const StoredQuery = `SELECT COUNT(*) AS images, COALESCE(SUM(size), 0) AS bytes FROM images i WHERE i.sub = ? AND i.at >= ?`

// AddImage stores an image and returns its id. It returns ErrImages, or a [*db.RateLimitError] after too
// many in a day by the person or from the network.
func (s *Store) AddImage(ctx context.Context, i Image, network string, at time.Time) (id string, err error) {
	type sum struct {
		Images int   `db:"images"`
		Bytes  int64 `db:"bytes"`
	}
	id = newID()
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The limit's counter serialises the uploads of one person, so that they do not exceed the others together.
		if err := imageLimit.Count(ctx, tx, "image "+i.Sub, at); err != nil {
			return err
		}
		if err := imagesPerNetwork.Count(ctx, tx, "images of "+network, at); err != nil {
			return err
		}
		all, err := db.One[sum](ctx, tx, "images", StoredQuery, i.Sub, 0)
		if err != nil {
			return err
		}
		today, err := db.One[sum](ctx, tx, "images", StoredQuery, i.Sub, db.Millis(at.Add(-imageTTL)))
		if err != nil {
			return err
		}
		size := int64(len(i.Data))
		if all.Images >= maxImages || all.Bytes+size > maxImageBytes || today.Bytes+size > maxImageBytesDay {
			return ErrImages
		}
		return db.Exec(ctx, tx, "images", `INSERT INTO images (id, sub, post_id, type, size, at, data) VALUES (?, ?, '', ?, ?, ?, ?)`,
			id, i.Sub, i.Type, size, db.Millis(at), i.Data)
	})
	if err != nil {
		return "", fmt.Errorf("add image: %w", err)
	}
	return id, nil
}

// Image returns the image with this id, or ErrNotFound.
func (s *Store) Image(ctx context.Context, id string) (Image, error) {
	return db.One[Image](ctx, s.db, "image", `SELECT i.id, i.sub, i.type, i.data, i.post_id,
			CASE WHEN p.removed_at > 0 THEN p.removed_at ELSE COALESCE(t.removed_at, 0) END AS removed_at
		FROM images i LEFT JOIN posts p ON p.id = i.post_id LEFT JOIN threads t ON t.id = p.thread_id WHERE i.id = ?`, id)
}

// attach gives a post those of its author's images that its text refers to and that no post has, and takes those away
// that the text no longer refers to.
func attach(ctx context.Context, tx *sqlx.Tx, post string, by string, images []string, at int64) error {
	images = append([]string{""}, images[:min(len(images), MaxPostImages)]...) // never empty, for IN
	if err := db.Exec(ctx, tx, "images", `UPDATE images SET post_id = '', at = ? WHERE post_id = ? AND post_id <> '' AND id NOT IN (?)`, at, post, images); err != nil {
		return err
	}
	return db.Exec(ctx, tx, "images", `UPDATE images SET post_id = ? WHERE id IN (?) AND sub = ? AND post_id = ''`, post, images, by)
}

// pruneImages deletes the images that no post has had for a day. It takes away those of posts whose author can't take
// their deletion back, so that the next calls delete them.
func (s *Store) pruneImages(ctx context.Context, now time.Time) error {
	if err := db.Exec(ctx, s.db, "images of deleted posts", DetachImages, now.UnixMilli(), db.Millis(now.Add(-UndoTimeout))); err != nil {
		return err
	}
	return db.Exec(ctx, s.db, "prune images", `DELETE FROM images WHERE post_id = '' AND at < ?`, db.Millis(now.Add(-imageTTL)))
}

// DetachImages takes images away from posts that their author has deleted.
const DetachImages = `UPDATE images SET post_id = '', at = ? WHERE post_id IN (SELECT id FROM posts WHERE deleted_at > 0 AND deleted_at < ? AND removed_by = '')`
