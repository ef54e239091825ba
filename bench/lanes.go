package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// paused adds webhooks that send nothing.
func (s *service) paused(ctx context.Context, n int, path string) error {
	first := len(s.hooks)
	if err := s.addHooks(ctx, n, path); err != nil {
		return err
	}
	return s.each(ctx, s.hooks[first:], "pause", "")
}

// each calls an action of every webhook.
func (s *service) each(ctx context.Context, hooks []string, action, body string) error {
	for _, hook := range hooks {
		if err := s.call(ctx, "POST", "/api/v1/webhooks/"+hook+"/"+action, body, nil); err != nil {
			return err
		}
	}
	return nil
}

// lanes: nobody waits for the one who is slow.
func lanes(ctx context.Context, b *bench) error {
	return b.onEach(ctx, b.lanesOn)
}

func (b *bench) lanesOn(ctx context.Context, s *service, kind string) error {
	if err := s.addHooks(ctx, 1, "slow"); err != nil {
		return err
	}
	slow := s.hooks[:1]
	l := newLoad(s, 64)
	if _, err := l.many(ctx, 64, b.of(99_000), 5*time.Minute, slow); err != nil {
		return err
	}
	if err := s.addHooks(ctx, b.of(1000), "fast"); err != nil {
		return err
	}
	took, err := l.eachOnce(ctx, s.hooks[1:], 200)
	if err != nil {
		return err
	}
	b.out("%-9s %d webhooks: call to Teams p50 %v, p99 %v", kind, len(took), at(took, 50).Round(time.Microsecond), at(took, 99).Round(time.Microsecond))
	return nil
}

// eachOnce sends one marked text to each webhook, so many a second, and returns how long each took from the call to Teams.
func (l *load) eachOnce(ctx context.Context, hooks []string, aSecond int) (took []time.Duration, err error) {
	if _, err := l.s.sink.arrivals(); err != nil { // forget those before
		return nil, err
	}
	began := make([]int64, len(hooks))
	tick := time.NewTicker(time.Second / time.Duration(aSecond))
	defer tick.Stop()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, hook := range hooks {
		<-tick.C
		all.Go(func() {
			began[i] = time.Now().UnixNano()
			if failed := l.send(ctx, hook, text(fmt.Sprintf("mark-%d", i))); failed != nil {
				mu.Lock()
				err = failed
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err != nil {
		return nil, err
	}
	came, err := l.s.sink.await(len(hooks), 30*time.Second) // the last may be on their way
	if err != nil {
		return nil, err
	}
	for i := range hooks {
		when, ok := came[fmt.Sprintf("mark-%d", i)]
		if !ok {
			return nil, fmt.Errorf("text %d did not arrive within 30 s", i)
		}
		took = append(took, time.Duration(when-began[i]))
	}
	return took, nil
}

// queued: an accept costs the same, however many wait.
func queued(ctx context.Context, b *bench) error {
	p := &plot{title: "Accept: throughput against the queue", x: "messages queued", y: "a second"}
	err := b.onEach(ctx, func(ctx context.Context, s *service, kind string) error { return b.queuedOn(ctx, s, kind, p) })
	if err != nil {
		return err
	}
	return b.draw("queued", p)
}

func (b *bench) queuedOn(ctx context.Context, s *service, kind string, p *plot) error {
	if err := s.paused(ctx, 16, "fast"); err != nil {
		return err
	}
	l := newLoad(s, 64)
	queued := 0
	cost := func(n int) (time.Duration, error) {
		before, began := s.cpu(), time.Now()
		took, err := l.many(ctx, 64, n, 10*time.Minute, s.hooks)
		queued += len(took)
		p.add(kind, float64(queued), float64(len(took))/time.Since(began).Seconds())
		return (s.cpu() - before) / time.Duration(max(1, len(took))), err
	}
	if _, err := cost(b.of(20_000)); err != nil { // warm
		return err
	}
	empty, err := cost(b.of(50_000))
	if err != nil {
		return err
	}
	for range 10 {
		if _, err := cost(b.of(88_000)); err != nil {
			return err
		}
	}
	full, err := cost(b.of(50_000))
	if err != nil {
		return err
	}
	b.out("%-9s CPU for each accept: empty %v, with %d queued %v, ratio %.2f; memory %d MiB",
		kind, empty, queued, full, float64(full)/float64(empty), s.memory())
	if kind == "sqlite" {
		size, err := sizeOf(s.dir)
		if err != nil {
			return err
		}
		b.out("%-9s %d bytes on disk for each message of 320 bytes", kind, size/int64(queued))
	}
	return nil
}

// openTransaction: somebody else's transaction keeps old rows from being cleaned
// up. The load, 200 texts a second on lanes of its own, is the same without it.
func openTransaction(ctx context.Context, b *bench) error {
	if b.database == "sqlite" {
		return nil
	}
	s, err := b.start(ctx, "postgres")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.addHooks(ctx, 100, "fast"); err != nil {
		return err
	}
	busy, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- newLoad(s, 8).steady(busy, 200, s.hooks[50:]) }()
	defer func() { stop(); <-done }()

	before, err := s.steadily(ctx, min(b.span, time.Minute))
	if err != nil {
		return err
	}
	end, err := s.server.hold(ctx)
	if err != nil {
		return err
	}
	defer end()
	during, err := s.steadily(ctx, b.span)
	if err != nil {
		return err
	}
	tail := during[len(during)*9/10:] // the end, when most waits to be cleaned up
	b.out("call to Teams p50 %v, p99 %v; with a transaction open for %v p50 %v, p99 %v, in its last tenth p99 %v",
		at(before, 50).Round(time.Microsecond), at(before, 99).Round(time.Microsecond), b.span,
		at(slices.Clone(during), 50).Round(time.Microsecond), at(slices.Clone(during), 99).Round(time.Microsecond), at(tail, 99).Round(time.Microsecond))
	return err
}

// steadily measures 50 lanes one after the other, 100 texts a second, in the order of the calls.
func (s *service) steadily(ctx context.Context, span time.Duration) (all []time.Duration, err error) {
	l := newLoad(s, 64)
	for end := time.Now().Add(span); time.Now().Before(end); {
		took, err := l.eachOnce(ctx, s.hooks[:50], 100)
		if err != nil {
			return nil, err
		}
		all = append(all, took...)
	}
	return all, nil
}

// idle counts what a service without work asks its database.
func idle(ctx context.Context, b *bench) error {
	if b.database == "sqlite" {
		return nil
	}
	s, err := b.start(ctx, "postgres")
	if err != nil {
		return err
	}
	defer s.stop()
	time.Sleep(5 * time.Second) // the start is over
	before, err := s.server.statements(ctx)
	if err != nil {
		return err
	}
	const span = 20 * time.Second
	time.Sleep(span)
	after, err := s.server.statements(ctx)
	b.out("%.1f statements a second", float64(after-before)/span.Seconds())
	return err
}

// sizeOf is what the files in a folder hold, in bytes.
func sizeOf(dir string) (all int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all += info.Size()
		}
		return err
	})
	return all, err
}
