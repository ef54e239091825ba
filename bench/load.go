package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// text is what is sent: 320 bytes, as a usual message.
func text(marked string) string {
	t := marked + " "
	for len(t) < 320 {
		t += "Order 4711 was shipped. "
	}
	return t[:320]
}

// load sends to a service from many connections.
type load struct {
	s      *service
	wait   bool // for the end of each message
	client *http.Client
	next   atomic.Int64
}

func newLoad(s *service, connections int) *load {
	return &load{s: s, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}}
}

// send sends one text, as a rule without waiting for its end.
func (l *load) send(ctx context.Context, hook, what string) error {
	body := fmt.Sprintf(`{"webhookId":%q,"textMessage":%q}`, hook, what)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.s.url+"/api/v1/messages", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	r.SetBasicAuth(l.s.key, l.s.secret)
	if !l.wait {
		r.Header.Set("Prefer", "respond-async")
	}
	res, err := l.client.Do(r)
	if err != nil {
		return err
	}
	said, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("send: %d %s", res.StatusCode, said)
	}
	return nil
}

// many sends until n texts are accepted or the time is over, n = 0 being no
// number, and returns how many were and how long each call took.
func (l *load) many(ctx context.Context, connections, n int, span time.Duration, hooks []string) (took []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	var mu sync.Mutex
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			var own []time.Duration
			for ctx.Err() == nil && (n == 0 || left.Add(-1) >= 0) {
				at := time.Now()
				i := l.next.Add(1)
				if failed := l.send(ctx, hooks[int(i)%len(hooks)], text("plain")); failed != nil {
					if !errors.Is(failed, context.DeadlineExceeded) {
						mu.Lock()
						err = failed
						mu.Unlock()
						cancel()
					}
					break
				}
				own = append(own, time.Since(at))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	all.Wait()
	return took, err
}

// steady sends so many texts a second until ctx ends.
func (l *load) steady(ctx context.Context, aSecond int, hooks []string) error {
	tick := time.NewTicker(time.Second / time.Duration(aSecond))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := l.send(ctx, hooks[i%len(hooks)], text("plain")); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// at is a percentile; the slice is sorted by it.
func at(all []time.Duration, percent float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(float64(len(all))*percent/100))]
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
