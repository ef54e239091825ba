package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

const (
	fetchAtOnce  = 128
	settleAtOnce = 512
)

// take cuts up to n off the front of a list that step fills.
func take[T any](d *Dispatcher, list *[]T, n int) []T {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = min(n, len(*list))
	out := append([]T(nil), (*list)[:n]...)
	*list = append((*list)[:0], (*list)[n:]...)
	return out
}

// fetching reads what the machine wants to know, whatever has come together.
func (d *Dispatcher) fetching(ctx context.Context) {
	for wait(ctx, d.fetch) {
		for {
			want := take(d, &d.fetches, fetchAtOnce)
			if len(want) == 0 {
				break
			}
			d.step(d.read(ctx, want)...)
		}
	}
}

// read asks the store; each lane gets its answer, found or not.
func (d *Dispatcher) read(ctx context.Context, want []connector.FetchRequest) []lane.Event {
	events := make([]lane.Event, 0, len(want))
	rows, err := d.queue.Fetch(ctx, want)
	if err != nil {
		d.o.Logger.WarnContext(ctx, "lanes can't be read", "lanes", len(want), "error", err)
	}
	found := make(map[connector.LaneID]bool, len(rows))
	for _, r := range rows {
		found[r.Lane.ID] = true
		events = append(events, lane.Loaded{Loaded: r})
	}
	for _, w := range want {
		if !found[w.Lane] {
			events = append(events, lane.LoadFailed{Lane: w.Lane})
		}
	}
	return events
}

// settling makes steps durable in their order, whatever has come together as
// one batch. A batch that can't be written is tried until it can.
func (d *Dispatcher) settling(ctx context.Context) {
	for wait(ctx, d.settle) {
		for {
			batch := take(d, &d.settles, settleAtOnce)
			if len(batch) == 0 {
				break
			}
			if !d.write(ctx, batch) {
				return
			}
			d.o.Settled(batch)
			events := make([]lane.Event, 0, len(batch))
			for i := range batch {
				events = append(events, lane.Settled{Lane: batch[i].Lane.ID})
			}
			d.step(events...)
		}
	}
}

func (d *Dispatcher) write(ctx context.Context, batch []connector.Settlement) bool {
	for i := range batch {
		batch[i].Lease = d.o.lease
	}
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		err := d.queue.Settle(ctx, batch)
		if err == nil {
			return true
		}
		if errors.Is(err, connector.ErrLeaseLost) {
			d.o.Logger.WarnContext(ctx, "outcomes came too late: another node sends these lanes", "shard", d.o.lease.Shard, "steps", len(batch))
			return false
		}
		d.metrics.unsettled.Inc()
		d.o.Logger.ErrorContext(ctx, "outcomes can't be written", "steps", len(batch), "error", err)
		if !pause(ctx, delay) {
			return false
		}
	}
}

// sweeping ends messages whose life is over, lane by lane.
func (d *Dispatcher) sweeping(ctx context.Context) {
	for wait(ctx, d.sweep) {
		for {
			want := take(d, &d.sweeps, 1)
			if len(want) == 0 {
				break
			}
			want[0].Lease = d.o.lease
			ends, more, err := d.queue.Sweep(ctx, want[0])
			if err != nil {
				d.o.Logger.WarnContext(ctx, "a lane can't be swept", "error", err)
				more = pause(ctx, time.Second)
			}
			d.o.Swept(ends)
			d.step(lane.Swept{Lane: want[0].Lane, N: len(ends), More: more})
		}
	}
}

// ticking tells the machine the time whenever it named one.
func (d *Dispatcher) ticking(ctx context.Context) {
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.timer:
		case <-t.C:
			d.step(lane.Tick{})
		}
		d.mu.Lock()
		next := d.machine.Next()
		d.mu.Unlock()
		if next.IsZero() {
			t.Stop()
			continue
		}
		t.Reset(max(next.Sub(d.o.Now()), 0))
	}
}

// wait reports whether a signal came before the end of ctx.
func wait(ctx context.Context, c chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c:
		return true
	}
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, span time.Duration) bool {
	t := time.NewTimer(span)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// typeName names the kind of a panic, never its text, which might hold a secret.
func typeName(v any) string { return fmt.Sprintf("%T", v) }

func stack() string { return string(debug.Stack()) }
