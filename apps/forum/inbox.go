package forum

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/events/unread"
	"gatehouse.example/web"
)

// InboxPath is the path of the page with the user's notifications.
const InboxPath = "/inbox"

// inboxView is the data of the page with the user's notifications.
type inboxView struct {
	Shell         components.Shell
	Notifications []store.Notification
	Pages         components.Pages
	Now           int64 // before the notifications were read from the database, in milliseconds
}

// inbox handles GET /inbox: lists the user's notifications, newest first.
func (a *App) inbox(c echo.Context) error {
	now := db.Millis(a.Now())
	all, total, page, err := a.store.Inbox(c.Request().Context(), apps.Subject(c), web.Int(c, "page", 1, 1, maxPage))
	if err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, inboxPage(inboxView{Shell: a.shell(c, "Inbox", InboxPath),
		Notifications: all, Now: now, Pages: pagesOf(InboxPath, page, total)}))
}

// readInbox handles POST /inbox/read: marks all notifications as read, but for those that came after the page.
func (a *App) readInbox(c echo.Context) error {
	shown, err := strconv.ParseInt(c.FormValue("shown"), 10, 64)
	if err != nil {
		shown = db.Millis(a.Now())
	}
	if err := a.store.ReadAll(c.Request().Context(), apps.Subject(c), shown, a.Now()); err != nil {
		return err
	}
	return web.SeeOther(c, InboxPath)
}

// markNotified marks the user's notifications about posts that are shown as read. If that fails, it logs the error: the
// page is shown all the same.
func (a *App) markNotified(c echo.Context, posts ...store.Post) {
	sub, ids := apps.Subject(c), make([]string, len(posts))
	if sub == "" {
		return
	}
	for i, p := range posts {
		ids[i] = p.ID
	}
	ctx := c.Request().Context()
	if err := a.store.ReadPosts(ctx, sub, ids, a.Now()); err != nil {
		a.Logger.WarnContext(ctx, "cannot mark notifications as read", "error", err)
	}
}

// inboxText returns what a notification says.
func inboxText(n store.Notification) string {
	switch n.Kind {
	case store.Mentioned:
		return "mentioned you"
	case store.Quoted:
		return "quoted your post"
	case store.Replied:
		return "replied in a thread that you follow"
	case store.Answer:
		return "accepted your answer"
	}
	return map[string]string{
		string(store.Remove): "removed your post", string(store.Restore): "restored your post", string(store.Pin): "pinned your thread",
		string(store.Unpin): "unpinned your thread", string(store.Lock): "locked your thread", string(store.Unlock): "unlocked your thread",
	}[n.Kind]
}

// announcer publishes the numbers of unread notifications of people whose inboxes have changed. What is lost with this
// process is published when the person opens a page of the forum.
type announcer struct {
	store  *store.Store
	counts *unread.Counts
	log    *slog.Logger

	mu      sync.Mutex
	changed map[string]struct{} // subs
	wake    chan struct{}
}

const (
	maxChanged = 10_000
	maxBatch   = 100
	maxTries   = 3
)

func newAnnouncer(s *store.Store, counts *unread.Counts, log *slog.Logger) *announcer {
	return &announcer{store: s, counts: counts, log: log, changed: make(map[string]struct{}), wake: make(chan struct{}, 1)}
}

// Changed makes Run publish the numbers of these people soon. It never blocks.
func (n *announcer) Changed(subs ...string) {
	n.mu.Lock()
	for _, sub := range subs {
		if len(n.changed) < maxChanged {
			n.changed[sub] = struct{}{}
		}
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *announcer) nextBatch() (subs []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for sub := range n.changed {
		if len(subs) == maxBatch {
			break
		}
		subs = append(subs, sub)
		delete(n.changed, sub)
	}
	return subs
}

// Run publishes numbers until ctx ends, and returns nil then. It retries after errors.
func (n *announcer) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.wake:
		}
		for subs := n.nextBatch(); len(subs) > 0; subs = n.nextBatch() {
			if err := n.announce(ctx, subs); err != nil && ctx.Err() == nil {
				n.log.Warn("cannot publish the numbers of unread notifications", "error", err)
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
				n.Changed(subs...)
				break
			}
		}
	}
}

// announce counts and publishes. Another replica may do the same with an older count: the last to publish finds, when
// it counts again, that what it published is current.
func (n *announcer) announce(ctx context.Context, subs []string) error {
	for _, sub := range subs {
		if err := n.store.PruneInbox(ctx, sub); err != nil {
			return err
		}
	}
	counts, err := n.store.Unread(ctx, subs...)
	for range maxTries {
		if err != nil {
			return err
		}
		if err := n.counts.Set(ctx, counts); err != nil {
			return err
		}
		var again map[string]int
		if again, err = n.store.Unread(ctx, subs...); err == nil && maps.Equal(counts, again) {
			return nil
		}
		counts = again
	}
	return err
}
