package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

func TestReads_NeverGoBackAndAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		opening := begin(t, s, "Read")
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				if err := s.MarkRead(t.Context(), bob.Sub, opening.Thread, n+1, began); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		read, err := s.Reads(t.Context(), bob.Sub, opening.Thread, "none")
		if err != nil || len(read) != 1 || read[opening.Thread] != 8 {
			t.Fatal(read, err)
		}
		if read, err := s.Reads(t.Context(), "", opening.Thread); err != nil || len(read) != 0 {
			t.Error(read, err)
		}
		grow(t, d, store.MaxReads+50)
		if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO reads (sub, thread_id, number, read_at) SELECT ?, id, 1, created_at FROM threads WHERE id LIKE 't%' AND id <> ?`),
			bob.Sub, opening.Thread); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			p := begin(t, s, fmt.Sprint("More ", i))
			if err := s.MarkRead(t.Context(), bob.Sub, p.Thread, 1, began.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if n := count(t, d, "reads"); n != store.MaxReads {
				t.Errorf("%d threads are remembered", n)
			}
			if read, err := s.Reads(t.Context(), bob.Sub, p.Thread, opening.Thread, "t1"); err != nil || read[p.Thread] != 1 || read[opening.Thread] != 8 || read["t1"] != 0 {
				t.Error(read, err)
			}
		}
	})
}
