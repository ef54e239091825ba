package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// hanging: nobody waits for those who never answer.
func hanging(ctx context.Context, b *bench) error {
	return b.onEach(ctx, b.hangingOn)
}

func (b *bench) hangingOn(ctx context.Context, s *service, kind string) error {
	if err := s.addHooks(ctx, 100, "fast"); err != nil {
		return err
	}
	live := s.hooks[:100]
	l := newLoad(s, 64)
	measure := func() (all []time.Duration, err error) {
		for range 5 {
			took, err := l.eachOnce(ctx, live, 50)
			if err != nil {
				return nil, err
			}
			all = append(all, took...)
		}
		return all, nil
	}
	alone, err := measure()
	if err != nil {
		return err
	}
	if err := s.addHooks(ctx, b.of(10_000), "hang"); err != nil {
		return err
	}
	if _, err := l.many(ctx, 64, 3*b.of(10_000), 2*time.Minute, s.hooks[100:]); err != nil {
		return err
	}
	beside, err := measure()
	if err != nil {
		return err
	}
	b.out("%-9s alone p50 %v, p99 %v; beside %d that hang p50 %v, p99 %v; memory %d MiB", kind, short(at(alone, 50)), short(at(alone, 99)),
		b.of(10_000), short(at(beside, 50)), short(at(beside, 99)), s.memory())
	return nil
}

// webhooks: what many webhooks cost.
func webhooks(ctx context.Context, b *bench) error {
	p := &plot{title: "Accept and deliver: throughput against webhooks", x: "webhooks", y: "a second"}
	err := b.onEach(ctx, func(ctx context.Context, s *service, kind string) error { return b.webhooksOn(ctx, s, kind, p) })
	if err != nil {
		return err
	}
	return b.draw("webhooks", p)
}

func (b *bench) webhooksOn(ctx context.Context, s *service, kind string, p *plot) error {
	for _, n := range []int{1, 10, 100, 1000, b.of(10_000), b.of(100_000)} {
		if more := n - len(s.hooks); more > 0 {
			if err := s.addHooks(ctx, more, "fast"); err != nil {
				return err
			}
		}
		l := newLoad(s, 64)
		l.wait = true
		m, err := b.round(ctx, l, 64)
		if err != nil {
			return err
		}
		b.out("%-9s %6d webhooks: %6.0f/s, p99 %v; memory %d MiB", kind, len(s.hooks), m.rate, short(m.p99), s.memory())
		p.add(kind, float64(len(s.hooks)), m.rate)
	}
	return nil
}

// startUp: how long a start takes, and how much memory what waits takes.
func startUp(ctx context.Context, b *bench) error {
	return b.onEach(ctx, b.startUpOn)
}

func (b *bench) startUpOn(ctx context.Context, s *service, kind string) error {
	empty, err := s.again(ctx, b)
	if err != nil {
		return err
	}
	time.Sleep(10 * time.Second)
	idle := s.memory()
	if err := s.paused(ctx, 16, "fast"); err != nil {
		return err
	}
	if _, err := newLoad(s, 64).many(ctx, 64, b.of(1_000_000), 9*time.Minute, s.hooks); err != nil {
		return err
	}
	loaded := s.memory()
	full, err := s.again(ctx, b)
	if err != nil {
		return err
	}
	b.out("%-9s ready after %v empty, %v with %d queued; memory idle %d MiB, after taking them %d MiB, after the start %d MiB",
		kind, empty.Round(time.Millisecond), full.Round(time.Millisecond), b.of(1_000_000), idle, loaded, s.memory())
	return nil
}

// again stops the service as an operator would, starts it, and says how long it took until it was ready.
func (s *service) again(ctx context.Context, b *bench) (time.Duration, error) {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	if err := s.cmd.Wait(); err != nil {
		return 0, fmt.Errorf("the service ended badly: %w", err)
	}
	began := time.Now()
	err := s.serve(ctx, b)
	return time.Since(began), err
}
