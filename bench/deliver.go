package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func fdatasync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// deliver: each call waits until Teams has its message, so that as much goes out as comes in.
func deliver(ctx context.Context, b *bench) error {
	return b.onEach(ctx, b.deliverOn)
}

func (b *bench) deliverOn(ctx context.Context, s *service, kind string) error {
	if err := s.addHooks(ctx, b.of(1000), "fast"); err != nil {
		return err
	}
	const connections = 256
	l := newLoad(s, connections)
	l.wait = true
	var rates, bares []float64
	var cpu []float64
	first := 0
	for range b.rounds {
		bare, err := b.barePosts(ctx, s.sink)
		if err != nil {
			return err
		}
		m, err := b.round(ctx, l, connections)
		if err != nil {
			return err
		}
		bares, rates, cpu = append(bares, bare), append(rates, m.rate), append(cpu, float64(m.cpu))
		if first == 0 {
			first = s.memory()
		}
	}
	b.out("%-9s %7.0f/s accepted and delivered, a bare client %.0f/s: %.2f; CPU %v each; memory %d MiB after the first round, %d MiB after the last",
		kind, median(rates), median(bares), median(rates)/median(bares), short(time.Duration(median(cpu))), first, s.memory())
	return nil
}

// barePosts is how many posts a second a client makes that does nothing else, from 256 connections.
func (b *bench) barePosts(ctx context.Context, to *sink) (float64, error) {
	client := newLoad(nil, 256).client
	body := `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.5","body":[{"type":"TextBlock","wrap":true,"text":"` + text("bare") + `"}]}}]}`
	ctx, cancel := context.WithTimeout(ctx, b.span)
	defer cancel()
	var n atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range 256 {
		all.Go(func() {
			for ctx.Err() == nil {
				res, err := client.Post(to.url+"/fast/bare", "application/json", strings.NewReader(body))
				if err != nil {
					return
				}
				_ = res.Body.Close()
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(began).Seconds(), nil
}

// steady: little to do, so that only the way through counts.
func steady(ctx context.Context, b *bench) error {
	return b.onEach(ctx, b.steadyOn)
}

func (b *bench) steadyOn(ctx context.Context, s *service, kind string) error {
	if err := s.addHooks(ctx, b.of(1000), "fast"); err != nil {
		return err
	}
	took, err := newLoad(s, 64).eachOnce(ctx, s.hooks, 50)
	if err != nil {
		return err
	}
	b.out("%-9s %d texts: p50 %v, p99 %v", kind, len(took), short(at(took, 50)), short(at(took, 99)))
	return nil
}

// sink50: how near the webhooks in flight come to what a Teams of 50 ms lets them.
func sink50(ctx context.Context, b *bench) error {
	for _, kind := range b.databases() {
		for _, n := range []int{5, 25, 125} {
			if err := b.sink50Once(ctx, kind, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) sink50Once(ctx context.Context, kind string, n int) error {
	s, err := b.start(ctx, kind)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.paused(ctx, n, "ms50"); err != nil {
		return err
	}
	// enough for the whole span, before it begins
	if _, err := newLoad(s, 64).many(ctx, 64, int((b.span.Seconds()+2)*20)*n, time.Minute, s.hooks); err != nil {
		return err
	}
	if err := s.each(ctx, s.hooks, "resume", `{"send":"all"}`); err != nil {
		return err
	}
	before, err := s.sink.posts()
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(b.span)
	after, err := s.sink.posts()
	if err != nil {
		return err
	}
	rate, most := float64(after-before)/time.Since(began).Seconds(), float64(n)/0.05
	b.out("%-9s %4d webhooks: %.0f/s, %.0f %% of %.0f/s", kind, n, rate, 100*rate/most, most)
	return nil
}
