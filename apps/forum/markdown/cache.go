package markdown

import (
	"crypto/sha256"
	"sync"
)

// Cache remembers rendered HTML by the hash of its source, so an edit needs no
// invalidation. It holds two generations of at most size bytes of HTML each: when the
// younger is full it becomes the elder and the elder is forgotten, which keeps
// what is being read without the bookkeeping of a list. It may be used by many
// goroutines.
type Cache struct {
	size       int
	mu         sync.Mutex
	used       int // bytes of young
	young, old map[[sha256.Size]byte]string
}

// NewCache holds at least size bytes of the renderings last asked for, at most twice
// as many, and the last one in any case.
func NewCache(size int) *Cache {
	return &Cache{size: max(1, size), young: make(map[[sha256.Size]byte]string)}
}

// HTML is [HTML] from memory where possible.
func (c *Cache) HTML(source string) string {
	key := sha256.Sum256([]byte(source))
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
	out = HTML(source) // outside the lock: rendering twice is cheaper than waiting
	c.mu.Lock()
	c.put(key, out)
	c.mu.Unlock()
	return out
}

func (c *Cache) put(key [sha256.Size]byte, out string) {
	if _, ok := c.young[key]; ok { // rendered twice at once
		return
	}
	if c.used+len(out) > c.size {
		c.old, c.young, c.used = c.young, make(map[[sha256.Size]byte]string), 0
	}
	c.young[key] = out
	c.used += len(out)
}

// Len returns how many bytes of HTML are held.
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
