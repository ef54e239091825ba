package auth

import (
	"context"
	"sync"
	"time"
)

// maxCached bounds the memory that each kind of credentials takes; beyond it all are read anew.
const maxCached = 10_000

// cache answers for credentials that exist, for a short time.
type cache[K comparable, V any] struct {
	age time.Duration

	mu    sync.RWMutex
	known map[K]entry[V]
}

type entry[V any] struct {
	value V
	at    time.Time // before the question was put
}

// get answers from memory, or asks.
func (c *cache[K, V]) get(ctx context.Context, key K, ask func(ctx context.Context, key K) (V, error)) (V, error) {
	now := time.Now()
	c.mu.RLock()
	e, known := c.known[key]
	c.mu.RUnlock()
	if known && now.Sub(e.at) < c.age {
		return e.value, nil
	}
	value, err := ask(ctx, key)
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCached {
		c.known = make(map[K]entry[V])
	}
	c.known[key] = entry[V]{value: value, at: now}
	return value, nil
}
