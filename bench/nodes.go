package main

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// nodes: the same 64 callers call one node, then one of two each.
func nodes(ctx context.Context, b *bench) error {
	if b.database == "sqlite" {
		return nil
	}
	s, err := b.start(ctx, "postgres")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.paused(ctx, 16, "fast"); err != nil {
		return err
	}
	var one, two, cpu []float64
	for range b.rounds {
		m, err := b.round(ctx, newLoad(s, 64), 64)
		if err != nil {
			return err
		}
		one, cpu = append(one, m.rate), append(cpu, ms(m.cpu)*1000)
		both, err := b.withAnother(ctx, s)
		if err != nil {
			return err
		}
		two = append(two, both)
	}
	b.out("one node %.0f/s (CPU of the node %.0f us each), two nodes %.0f/s: %.2f times", median(one), median(cpu), median(two), median(two)/median(one))
	return nil
}

// withAnother starts a second node, and measures both.
func (b *bench) withAnother(ctx context.Context, s *service) (rate float64, err error) {
	other := *s
	if err := other.serve(ctx, b); err != nil {
		return 0, err
	}
	defer func() {
		_ = other.cmd.Process.Signal(syscall.SIGTERM)
		_ = other.cmd.Wait()
	}()
	time.Sleep(5 * time.Second) // each has its share of the lanes
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, node := range []*service{s, &other} {
		all.Go(func() {
			m, failed := b.round(ctx, newLoad(node, 32), 32)
			mu.Lock()
			defer mu.Unlock()
			rate += m.rate
			if failed != nil {
				err = failed
			}
		})
	}
	all.Wait()
	return rate, err
}
