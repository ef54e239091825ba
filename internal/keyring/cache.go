package keyring

import (
	"crypto/cipher"
	"sync"
)

// maxDerived bounds how many ciphers are kept: about 1 KiB each.
const maxDerived = 4096

// derived names a cipher: what it was derived from.
type derived struct {
	master       *master
	table, owner string
	month        uint16
}

// cache keeps the ciphers of two generations. When the young one is full it
// becomes the old one and the old one is forgotten: what is in use stays, and
// there are never more than max.
type cache struct {
	mu         sync.Mutex
	max        int
	young, old map[derived]cipher.AEAD
}

func newCache(limit int) cache {
	return cache{max: limit, young: make(map[derived]cipher.AEAD)}
}

func (c *cache) get(k derived) (cipher.AEAD, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if aead, ok := c.young[k]; ok {
		return aead, true
	}
	aead, ok := c.old[k]
	if ok {
		c.add(k, aead)
	}
	return aead, ok
}

func (c *cache) put(k derived, aead cipher.AEAD) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(k, aead)
}

func (c *cache) add(k derived, aead cipher.AEAD) {
	if len(c.young) >= c.max/2 {
		c.old, c.young = c.young, make(map[derived]cipher.AEAD)
	}
	c.young[k] = aead
}

func (c *cache) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
