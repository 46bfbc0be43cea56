package denylist

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// table is a concurrent hash table of denied identifiers. Lookups take no lock; writers take turns.
//
// A key is stored as 128 bits of two keyed hashes, so that a slot has a fixed size and an attacker can't cause
// collisions. Slots are filled once and never moved; when there are too many, a new array with the entries in force
// replaces the old one.
type table struct {
	seeds   [2]maphash.Seed
	array   atomic.Pointer[array]
	mu      sync.Mutex // of writers
	used    int
	entries atomic.Int64 // not expired, as of the last write or sweep
}

// array has a power of two of slots, and a filter in front of them: nearly every lookup finds nothing, and a million
// slots don't fit into a processor's caches, but one byte for each of them does.
type array struct {
	filter []atomic.Uint64
	slots  []slot
}

// slot is one entry: its hashes and, packed into one word, until and before in seconds since 1970. first is 0 in an
// empty slot and is written last.
type slot struct {
	first  atomic.Uint64
	second uint64
	packed atomic.Uint64
}

const (
	slotBytes     = 24
	slotsPerWord  = 8 // slots per 64-bit word of the filter
	smallestTable = 1 << 10
)

func newArray(size int) *array {
	return &array{filter: make([]atomic.Uint64, size/slotsPerWord), slots: make([]slot, size)}
}

// filtered returns a key's place in the filter: three bits of a word. For one in a hundred absent keys, all three are
// set by others.
func (a *array) filtered(first uint64) (word *atomic.Uint64, bits uint64) {
	word = &a.filter[first>>36&uint64(len(a.filter)-1)]
	return word, 1<<(first>>18&63) | 1<<(first>>24&63) | 1<<(first>>30&63)
}

func newTable() *table {
	t := &table{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	t.array.Store(newArray(smallestTable))
	return t
}

// exempt is the kind of a sign-in that an entry about its user excepts. It is stored with the Before of that entry, so
// that a later entry without the exception applies.
const exempt Kind = "exempt"

// first and second return the hashes of a key; the first one keeps kinds apart.
func (t *table) first(k Kind, value string) uint64 {
	first := maphash.String(t.seeds[0], value)
	switch k {
	case Subject:
		first ^= 0x9e3779b97f4a7c15
	case SignIn:
		first ^= 0xc2b2ae3d27d4eb4f
	case exempt:
		first ^= 0x165667b19e3779f9
	}
	return max(first, 1)
}

func (t *table) second(value string) uint64 { return maphash.String(t.seeds[1], value) }

// before returns the time up to which k:value is denied, in seconds since 1970, or 0 if it is not denied.
func (t *table) before(k Kind, value string) uint32 {
	if value == "" {
		return 0
	}
	first, a := t.first(k, value), t.array.Load()
	if word, bits := a.filtered(first); word.Load()&bits != bits {
		return 0
	}
	return a.find(first, t.second(value))
}

func (a *array) find(first, second uint64) uint32 {
	mask := uint64(len(a.slots) - 1)
	for i := first & mask; ; i = (i + 1) & mask {
		s := &a.slots[i]
		switch s.first.Load() {
		case 0:
			return 0
		case first:
			if s.second == second {
				return uint32(s.packed.Load())
			}
		}
	}
}

// put adds an entry, or extends the existing one to the later before and until.
func (t *table) put(k Kind, value string, before uint32, until, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, second := t.first(k, value), t.second(value)
	keep := uint32(min(max(until.Unix()+1, 1), everything))
	if t.array.Load().insert(first, second, before, keep) {
		t.used++
		t.entries.Add(1)
	}
	if size := len(t.array.Load().slots); t.used*10 > size*7 {
		t.rebuild(now, 0)
	}
}

// insert adds an entry or extends the existing one, and reports whether the key is new. The array must have room.
func (a *array) insert(first, second uint64, before, until uint32) bool {
	mask := uint64(len(a.slots) - 1)
	for i := first & mask; ; i = (i + 1) & mask {
		s := &a.slots[i]
		switch s.first.Load() {
		case 0:
			s.second = second
			s.packed.Store(uint64(until)<<32 | uint64(before))
			s.first.Store(first)
			word, bits := a.filtered(first)
			word.Or(bits)
			return true
		case first:
			if s.second == second {
				old := s.packed.Load()
				s.packed.Store(uint64(max(until, uint32(old>>32)))<<32 | uint64(max(before, uint32(old))))
				return false
			}
		}
	}
}

// sweep removes expired entries.
func (t *table) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if live := t.live(now); live < t.used {
		t.rebuild(now, 0)
	}
}

func (t *table) live(now time.Time) (n int) {
	slots := t.array.Load().slots
	for i := range slots {
		if slots[i].first.Load() != 0 && int64(slots[i].packed.Load()>>32) > now.Unix() {
			n++
		}
	}
	return n
}

// rebuild copies the entries that have not expired into an array that is at most half full with room more entries.
// Readers use the old one until then.
func (t *table) rebuild(now time.Time, room int) {
	live := t.live(now)
	size := smallestTable
	for size < 2*(live+room) {
		size *= 2
	}
	fresh := newArray(size)
	old := t.array.Load().slots
	for i := range old {
		if packed := old[i].packed.Load(); old[i].first.Load() != 0 && int64(packed>>32) > now.Unix() {
			fresh.insert(old[i].first.Load(), old[i].second, uint32(packed), uint32(packed>>32))
		}
	}
	t.used = live
	t.entries.Store(int64(live))
	t.array.Store(fresh)
}

// reserve makes room for n more entries, so that loading does not grow the table step by step.
func (t *table) reserve(n int, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if size := len(t.array.Load().slots); (t.used+n)*10 > size*7 {
		t.rebuild(now, n)
	}
}

func (t *table) bytes() int64 {
	a := t.array.Load()
	return int64(len(a.slots))*slotBytes + int64(len(a.filter))*8
}
