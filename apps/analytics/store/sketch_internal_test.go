package store

import (
	"fmt"
	"math"
	"testing"
)

// A sketch is exact for a few, and within 3 % (four standard deviations) of however many; the order and the repetition
// of people, and how they were spread over sketches, make no difference.
func TestSketch_CountsPeople(t *testing.T) {
	for _, n := range []int{0, 1, maxStored, maxStored + 1, 5_000, 20_000, 60_000, 300_000} {
		whole, parts := newSketch(maxStored), make([]*sketch, 7)
		for i := range parts {
			parts[i] = newSketch(maxStored)
		}
		for i := range n {
			h := hashOf(fmt.Sprintf("person-%d", i))
			whole.add(h)
			parts[i%7].add(h)
			parts[i%3].add(h)
			if whole.add(h) {
				t.Fatalf("person %d was new twice", i)
			}
		}
		union := newSketch(maxExact)
		for _, p := range parts {
			if err := union.merge(p.stored()); err != nil {
				t.Fatal(err)
			}
		}
		if got := whole.count(); n <= maxStored && got != int64(n) || math.Abs(float64(got)-float64(n)) > 0.03*float64(n) {
			t.Errorf("%d people are counted as %d", n, got)
		}
		if got := union.count(); n <= maxStored && got != int64(n) || math.Abs(float64(got)-float64(n)) > 0.03*float64(n) {
			t.Errorf("%d people in seven sketches are counted as %d", n, got)
		}
		if whole.ranks != nil && union.ranks != nil && whole.count() != union.count() {
			t.Errorf("%d people: %d in one sketch, %d in seven", n, whole.count(), union.count())
		}
	}
}

func TestSketch_RefusesWhatIsNone(t *testing.T) {
	for _, stored := range []string{"x", "h1234567", "r", "r123"} {
		if err := newSketch(maxExact).merge([]byte(stored)); err == nil {
			t.Errorf("%q was read", stored)
		}
	}
}
