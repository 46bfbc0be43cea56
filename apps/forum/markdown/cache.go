package markdown

import (
	"crypto/sha256"
	"strings"
	"sync"
)

// Cache stores rendered HTML by the hash of its source and its handles, so that an edit needs no invalidation. It holds
// two generations of at most size bytes each: when the young one is full, it replaces the old one, which is dropped.
// This keeps recently used HTML without the bookkeeping of an LRU list. A Cache is safe for concurrent use.
type Cache struct {
	size       int
	mu         sync.Mutex
	used       int // bytes of young
	young, old map[[sha256.Size]byte]string
}

// NewCache returns a cache for size bytes of recently used HTML. It may hold up to twice as much, and always holds the
// last text, however long.
func NewCache(size int) *Cache {
	return &Cache{size: max(1, size), young: make(map[[sha256.Size]byte]string)}
}

// HTML returns the result of [HTML], from the cache if possible. The handles have spaces between them.
func (c *Cache) HTML(source, handles string) string {
	key := sha256.Sum256([]byte(handles + "\n" + source))
	c.mu.Lock()
	out, ok := c.young[key]
	if !ok {
		if out, ok = c.old[key]; ok {
			c.put(key, out)
		}
	}
	c.mu.Unlock()
	if ok {
		return out
	}
	out = HTML(source, strings.Fields(handles)...) // outside the lock: rendering twice is cheaper than waiting
	c.mu.Lock()
	c.put(key, out)
	c.mu.Unlock()
	return out
}

func (c *Cache) put(key [sha256.Size]byte, out string) {
	if _, ok := c.young[key]; ok { // rendered by two goroutines at once
		return
	}
	if c.used+len(out) > c.size {
		c.old, c.young, c.used = c.young, make(map[[sha256.Size]byte]string), 0
	}
	c.young[key] = out
	c.used += len(out)
}

// Len returns how many bytes of HTML the cache holds.
func (c *Cache) Len() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, generation := range []map[[sha256.Size]byte]string{c.young, c.old} {
		for _, out := range generation {
			n += len(out)
		}
	}
	return n
}
