package ban

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse.example/apps/academy/bank/card"
)

const (
	rate    = 200 // requests per second, to all servers together
	workers = 4   // number of concurrent clients
	life    = 24 * time.Hour
	you     = "you"
	them    = "somebody else"
)

// visitor is a user with a card. began and done are the times when the user's ban was written and when the receipt
// was complete; nil before.
type visitor struct {
	card        string
	began, done atomic.Pointer[time.Time]
}

// banned reports whether the ban of v has begun.
func (v *visitor) banned() bool { return v.began.Load() != nil }

// traffic sends requests at a steady rate, alternately with the learner's card and with the other user's, and counts
// the answers.
type traffic struct {
	estate *estate
	client *http.Client
	you    atomic.Pointer[visitor]
	them   *visitor

	requests                  atomic.Int64
	asked, accepted, refused  atomic.Int64 // with a banned card after "done": all, 200, 401
	innocent, innocentRefused atomic.Int64 // answers to users who are not banned: 200 and 401
	unsure, guessed, failed   atomic.Int64 // 503 of a connected server; 200 of a cut-off one after its bound; no answer
}

func newTraffic(e *estate) (*traffic, error) {
	t := &traffic{estate: e, client: &http.Client{Timeout: patience, Transport: &http.Transport{
		MaxIdleConnsPerHost: workers, IdleConnTimeout: time.Minute, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, DisableCompression: true,
	}}}
	var err error
	t.them, err = t.visitor(them)
	return t, err
}

func (t *traffic) visitor(who string) (*visitor, error) {
	raw, err := t.estate.issuer.Sign(card.Card{Subject: who, Audience: audience, Life: life})
	return &visitor{card: raw}, err
}

// signIn gives the learner a new card.
func (t *traffic) signIn() error {
	v, err := t.visitor(you)
	if err == nil {
		t.you.Store(v)
	}
	return err
}

// run sends requests until ctx ends.
func (t *traffic) run(ctx context.Context) {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			pace := time.NewTicker(time.Second * workers / rate)
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				servers := t.estate.all()
				if len(servers) == 0 {
					continue
				}
				s := servers[rand.IntN(len(servers))]
				if n%2 == 0 {
					t.askYou(ctx, s)
				} else {
					t.askThem(ctx, s)
				}
			}
		})
	}
	all.Wait()
	t.client.CloseIdleConnections()
}

// everywhere calls do for each server, a few at a time.
func everywhere(servers []*server, do func(s *server)) {
	var next atomic.Int64
	order := rand.Perm(len(servers))
	var all sync.WaitGroup
	for range min(2*workers, len(servers)) {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(order); i = next.Add(1) - 1 {
				do(servers[order[i]])
			}
		})
	}
	all.Wait()
}

// ask sends a card to a server. The status is 0 if there was no answer.
func (t *traffic) ask(ctx context.Context, s *server, v *visitor) seen {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return seen{sent: time.Now()}
	}
	req.Header.Set("Authorization", "Bearer "+v.card)
	sent := time.Now()
	res, err := t.client.Do(req)
	if err != nil {
		if !s.closing.Load() && ctx.Err() == nil {
			t.failed.Add(1)
		}
		return seen{sent: sent}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10))
	_ = res.Body.Close()
	t.requests.Add(1)
	return seen{status: res.StatusCode, sent: sent}
}

// askYou sends a request with the learner's card and returns the status.
func (t *traffic) askYou(ctx context.Context, s *server) int {
	v := t.you.Load()
	got := t.ask(ctx, s, v)
	s.note(&s.you, got)
	t.notGuessed(s, got)
	began, done := v.began.Load(), v.done.Load()
	if done != nil && got.sent.After(*done) && got.status != 0 {
		t.asked.Add(1)
		switch got.status {
		case http.StatusOK:
			t.accepted.Add(1)
		case http.StatusUnauthorized:
			t.refused.Add(1)
		}
	}
	if got.status == http.StatusUnauthorized && began == nil {
		t.innocentRefused.Add(1) // the learner was not banned
	}
	return got.status
}

// askThem sends a request with the card of the other user, who is never banned, and returns the status.
func (t *traffic) askThem(ctx context.Context, s *server) int {
	got := t.ask(ctx, s, t.them)
	s.note(&s.them, got)
	t.notGuessed(s, got)
	switch got.status {
	case http.StatusOK:
		t.innocent.Add(1)
	case http.StatusUnauthorized:
		t.innocentRefused.Add(1)
	}
	return got.status
}

// notGuessed counts the answers of servers that could not know the denylist.
func (t *traffic) notGuessed(s *server, got seen) {
	s.mu.Lock()
	cut, healing := s.cutAt, s.healing
	s.mu.Unlock()
	switch {
	case got.status == http.StatusServiceUnavailable && cut.IsZero():
		t.unsure.Add(1)
	case got.status == http.StatusOK && !cut.IsZero() && !healing && got.sent.After(cut.Add(s.bound)):
		t.guessed.Add(1)
	}
}

// note stores an answer if it is newer than the stored one.
func (s *server) note(into *seen, got seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got.status != 0 && got.sent.After(into.sent) {
		*into = got
	}
}

func (s *server) isCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.cutAt.IsZero()
}
