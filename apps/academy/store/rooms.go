package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Room is a class: a teacher, and the learners who joined with its code.
type Room struct {
	ID          string `db:"id"`
	Code        string `db:"code"`
	TeacherSub  string `db:"teacher_sub"`
	TeacherName string `db:"teacher_name"`
	Title       string `db:"title"`
	OpenedAt    int64  `db:"opened_at"`
	ClosedAt    int64  `db:"closed_at"` // 0: open
	Members     int    `db:"members"`
}

// Open reports whether learners can still join.
func (r Room) Open() bool { return r.ClosedAt == 0 }

// Limits of rooms.
const (
	MaxRooms   = 20  // open at a time, per teacher
	MaxMembers = 200 // per room
	roomsShown = 50  // in a list, the newest
)

// Errors of rooms.
var (
	ErrManyRooms = errors.New("academy: too many open rooms")
	ErrRoomFull  = errors.New("academy: the room is full")
	ErrClosed    = errors.New("academy: the room is closed")
)

const roomColumns = `id, code, teacher_sub, teacher_name, title, opened_at, closed_at,
	(SELECT COUNT(*) FROM room_members WHERE room = rooms.id) AS members`

// codeLetters are the letters and digits that can't be confused with each other.
const codeLetters = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"

// newCode returns six random letters. 31⁶ codes are far more than CountTry allows to be tried.
func newCode() string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	for i, b := range random {
		random[i] = codeLetters[int(b)%len(codeLetters)]
	}
	return string(random[:])
}

// OpenRoom opens a room with a new code. Calling it again with the same ID opens no other room. It returns
// ErrManyRooms if the teacher has MaxRooms open rooms.
func (s *Store) OpenRoom(ctx context.Context, id string, teacher Room, now time.Time) (Room, error) {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := s.lock(ctx, tx, "rooms of "+teacher.TeacherSub); err != nil {
			return err
		}
		open, err := db.One[int](ctx, tx, "open rooms", `SELECT COUNT(*) FROM rooms WHERE teacher_sub = ? AND closed_at = 0 AND id <> ?`, teacher.TeacherSub, id)
		if err != nil {
			return err
		}
		if open >= MaxRooms {
			return ErrManyRooms
		}
		for range 5 { // a collision of codes is very rare
			if n, err := db.Change(ctx, tx, "rooms", `INSERT INTO rooms (id, code, teacher_sub, teacher_name, title, opened_at, closed_at)
				VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`, id, newCode(), teacher.TeacherSub, teacher.TeacherName, teacher.Title, db.Millis(now)); err != nil || n == 1 {
				return err
			}
			there, err := db.One[int](ctx, tx, "open room", `SELECT COUNT(*) FROM rooms WHERE id = ? AND teacher_sub = ?`, id, teacher.TeacherSub)
			if err != nil || there == 1 {
				return err
			}
		}
		return errors.New("no free code")
	})
	if err != nil {
		return Room{}, fmt.Errorf("open room: %w", err)
	}
	return s.Room(ctx, id)
}

// Room returns the room with this ID, or ErrNotFound.
func (s *Store) Room(ctx context.Context, id string) (Room, error) { return s.room(ctx, "id", id) }

// RoomByCode returns the room with this code, or ErrNotFound.
func (s *Store) RoomByCode(ctx context.Context, code string) (Room, error) {
	return s.room(ctx, "code", code)
}

func (s *Store) room(ctx context.Context, column, value string) (Room, error) {
	return db.One[Room](ctx, s.db, "room", `SELECT `+roomColumns+` FROM rooms WHERE `+column+` = ?`, value)
}

// RoomsOf returns the newest rooms of a teacher.
func (s *Store) RoomsOf(ctx context.Context, teacher string) ([]Room, error) {
	return s.rooms(ctx, `SELECT `+roomColumns+` FROM rooms WHERE teacher_sub = ? ORDER BY opened_at DESC, id LIMIT ?`, teacher)
}

// RoomsJoined returns the newest rooms that a learner has joined.
func (s *Store) RoomsJoined(ctx context.Context, sub string) ([]Room, error) {
	return s.rooms(ctx, `SELECT `+roomColumns+` FROM rooms WHERE id IN (SELECT room FROM room_members WHERE sub = ?) ORDER BY opened_at DESC, id LIMIT ?`, sub)
}

func (s *Store) rooms(ctx context.Context, query, sub string) ([]Room, error) {
	return db.All[Room](ctx, s.db, "rooms", query, sub, roomsShown)
}

// CloseRoom closes a room for new members. Closing it again is no error. It returns ErrNotFound for another teacher's
// room.
func (s *Store) CloseRoom(ctx context.Context, id, teacher string, now time.Time) error {
	if n, err := db.Change(ctx, s.db, "close room", `UPDATE rooms SET closed_at = CASE WHEN closed_at = 0 THEN ? ELSE closed_at END WHERE id = ? AND teacher_sub = ?`, db.Millis(now), id, teacher); err != nil || n == 0 {
		return errors.Join(ErrNotFound, err)
	}
	return nil
}

// JoinRoom makes a user a member of a room. Joining again is no error. It returns ErrNotFound, ErrClosed or
// ErrRoomFull.
func (s *Store) JoinRoom(ctx context.Context, id, sub string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// Lock the row, so that two users can't both take the last place.
		lock := ""
		if s.db.Dialect == db.Postgres {
			lock = " FOR UPDATE"
		}
		closed, err := db.One[int64](ctx, tx, "join room", `SELECT closed_at FROM rooms WHERE id = ?`+lock, id)
		if err != nil {
			return err
		}
		there, err := db.One[int](ctx, tx, "join room", `SELECT COUNT(*) FROM room_members WHERE room = ? AND sub = ?`, id, sub)
		if err != nil || there > 0 {
			return err
		}
		members, err := db.One[int](ctx, tx, "join room", `SELECT COUNT(*) FROM room_members WHERE room = ?`, id)
		if err != nil {
			return err
		}
		switch {
		case closed != 0:
			return ErrClosed
		case members >= MaxMembers:
			return ErrRoomFull
		}
		return db.Exec(ctx, tx, "join room", `INSERT INTO room_members (room, sub, joined_at) VALUES (?, ?, ?)`, id, sub, db.Millis(now))
	})
}

// LeaveRoom ends a user's membership, if there is one.
func (s *Store) LeaveRoom(ctx context.Context, id, sub string) error {
	return db.Exec(ctx, s.db, "leave room", `DELETE FROM room_members WHERE room = ? AND sub = ?`, id, sub)
}

// Joined reports whether a user is a member of a room.
func (s *Store) Joined(ctx context.Context, id, sub string) (bool, error) {
	n, err := db.One[int](ctx, s.db, "joined", `SELECT COUNT(*) FROM room_members WHERE room = ? AND sub = ?`, id, sub)
	return n > 0, err
}
