package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"
)

// measured is what one round showed.
type measured struct {
	rate     float64 // a second
	p50, p99 time.Duration
	cpu      time.Duration // of the service, for each
	busy     float64       // part of all processors that the load took
}

// accept: the lanes are paused, so that only accepting is measured. The same load
// goes to an endpoint that reads the same JSON, answers the same, and keeps nothing.
func accept(ctx context.Context, b *bench) error {
	p := &plot{title: "Durable accept: latency against load", x: "calls at once", y: "ms"}
	for _, connections := range []int{1, 16, 64, 256} {
		if b.only > 0 && connections != b.only {
			continue
		}
		if err := b.acceptAt(ctx, connections, p); err != nil {
			return err
		}
	}
	return b.draw("accept", p)
}

func (b *bench) acceptAt(ctx context.Context, connections int, p *plot) error {
	all := map[string][]measured{}
	for range b.rounds {
		m, err := b.bare(ctx, connections)
		if err != nil {
			return err
		}
		all["bare"] = append(all["bare"], m)
		for _, kind := range b.databases() {
			if m, err = b.acceptOnce(ctx, kind, connections); err != nil {
				return err
			}
			all[kind] = append(all[kind], m)
		}
	}
	bare := middle(all["bare"])
	b.out("%4d connections  bare      %7.0f/s   p50 %8v  p99 %8v   CPU %v each; the load took %.0f %% of the processors%s",
		connections, bare.rate, short(bare.p50), short(bare.p99), short(bare.cpu), 100*bare.busy, verdict(bare.busy))
	for _, kind := range b.databases() {
		m := middle(all[kind])
		b.out("%4d connections  %-9s %7.0f/s   p50 %8v  p99 %8v   %.2f of bare, CPU %v each", connections, kind, m.rate, short(m.p50), short(m.p99), m.rate/bare.rate, short(m.cpu))
		p.add(kind+" p50", float64(connections), ms(m.p50))
		p.add(kind+" p99", float64(connections), ms(m.p99))
	}
	p.add("bare p99", float64(connections), ms(bare.p99))
	if len(b.databases()) == 2 {
		b.out("%4d connections  PostgreSQL %.2f of SQLite", connections, middle(all["postgres"]).rate/middle(all["sqlite"]).rate)
	}
	if connections == 1 {
		took, err := syncs(200)
		if err != nil {
			return err
		}
		b.out("   a bare append of 1 KiB with fdatasync takes p50 %v", short(took))
	}
	return nil
}

// mostBusy is the part of the processors that the load may take at the bare
// endpoint before the run says more about the load than about the service.
const mostBusy = 0.45

func verdict(busy float64) string {
	if busy > mostBusy {
		return ": not valid"
	}
	return ""
}

func (b *bench) bare(ctx context.Context, connections int) (measured, error) {
	end, err := startOwn("endpoint")
	if err != nil {
		return measured{}, err
	}
	defer end.stop()
	return b.round(ctx, newLoad(&service{url: end.url, cmd: end.cmd, hooks: []string{"wh_01jd0000000000000000000000"}}, connections), connections)
}

func (b *bench) acceptOnce(ctx context.Context, kind string, connections int) (measured, error) {
	s, err := b.start(ctx, kind)
	if err != nil {
		return measured{}, err
	}
	defer s.stop()
	if err := s.paused(ctx, 16, "fast"); err != nil {
		return measured{}, err
	}
	return b.round(ctx, newLoad(s, connections), connections)
}

// round warms up for two seconds, then measures.
func (b *bench) round(ctx context.Context, l *load, connections int) (measured, error) {
	if _, err := l.many(ctx, connections, 0, 2*time.Second, l.s.hooks); err != nil {
		return measured{}, err
	}
	began, service, own := time.Now(), l.s.cpu(), cpuOf(os.Getpid())
	took, err := l.many(ctx, connections, 0, b.span, l.s.hooks)
	span := time.Since(began)
	return measured{
		rate: float64(len(took)) / span.Seconds(), p50: at(took, 50), p99: at(took, 99),
		cpu:  (l.s.cpu() - service) / time.Duration(max(1, len(took))),
		busy: float64(cpuOf(os.Getpid())-own) / float64(span) / float64(runtime.NumCPU()),
	}, err
}

// syncs is the median time of an append of 1 KiB with fdatasync.
func syncs(n int) (time.Duration, error) {
	f, err := os.CreateTemp("", "bench-sync-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	var all []time.Duration
	for range n {
		began := time.Now()
		if _, err := f.Write(make([]byte, 1024)); err != nil {
			return 0, err
		}
		if err := fdatasync(f); err != nil {
			return 0, fmt.Errorf("fdatasync: %w", err)
		}
		all = append(all, time.Since(began))
	}
	return at(all, 50), nil
}
