package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	goteamsnotify "github.com/atc0005/go-teams-notify/v2"
	"github.com/atc0005/go-teams-notify/v2/adaptivecard"
)

// others is what users would pick instead: go-teams-notify, a library, and
// apprise, a command, where it is installed. First how fast they post to a sink,
// then what becomes of a burst at a Teams with Microsoft's limits.
func others(ctx context.Context, b *bench) error {
	s, err := startSink()
	if err != nil {
		return err
	}
	defer s.stop()
	client := notifier()
	for _, connections := range []int{1, 64} {
		took, err := b.calls(ctx, connections, func(ctx context.Context) error {
			return notify(ctx, client, s.url+"/fast/other", text("other"), 0)
		})
		if err != nil {
			return fmt.Errorf("go-teams-notify: %w", err)
		}
		b.out("go-teams-notify, %3d connections: %.0f/s posted, p50 %v", connections, float64(len(took))/b.span.Seconds(), short(at(took, 50)))
	}
	if path, err := exec.LookPath("apprise"); err == nil {
		took, err := b.calls(ctx, 1, func(ctx context.Context) error {
			return exec.CommandContext(ctx, path, "-b", text("other"), "json"+s.url[len("http"):]+"/fast/other").Run()
		})
		if err != nil {
			return fmt.Errorf("apprise: %w", err)
		}
		b.out("apprise, a process for each message: %.1f/s posted, p50 %v", float64(len(took))/b.span.Seconds(), short(at(took, 50)))
	} else {
		b.out("apprise is not installed")
	}
	return b.burst(ctx)
}

func notifier() *goteamsnotify.TeamsClient {
	return goteamsnotify.NewTeamsClient().SkipWebhookURLValidationOnSend(true)
}

// notify posts one text, with the library's own way to try again every 5 seconds.
func notify(ctx context.Context, client *goteamsnotify.TeamsClient, target, what string, retries int) error {
	m, err := adaptivecard.NewSimpleMessage(what, "", true)
	if err != nil {
		return err
	}
	return client.SendWithRetry(ctx, target, m, retries, 5)
}

// calls repeats a call from so many goroutines for the span.
func (b *bench) calls(ctx context.Context, connections int, call func(context.Context) error) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, b.span)
	defer cancel()
	var mu sync.Mutex
	var took []time.Duration
	var broke error
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				err := call(ctx)
				mu.Lock()
				if err == nil {
					took = append(took, time.Since(began))
				} else if ctx.Err() == nil {
					broke = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return took, broke
}

// burst: 200 texts at once to one channel of the simulated Teams, with
// Microsoft's limits and times, by the library and by the service; it looks into
// the channel after the span, at least two minutes.
func (b *bench) burst(ctx context.Context) error {
	const texts, retries = 200, 5
	span := max(b.span, 2*time.Minute)
	byLibrary := func(ctx context.Context, target string) (int, error) {
		client := notifier()
		var taken atomic.Int64
		var all sync.WaitGroup
		for i := range texts {
			all.Go(func() {
				if notify(ctx, client, target, text(fmt.Sprintf("mark-%d", i)), retries) == nil {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		return int(taken.Load()), nil
	}
	byService := func(ctx context.Context, target string) (int, error) {
		at, err := url.Parse(target)
		if err != nil {
			return 0, err
		}
		s, err := b.startFor(ctx, "sqlite", at.Scheme+"://"+at.Host)
		if err != nil {
			return 0, err
		}
		context.AfterFunc(ctx, s.stop)
		var made struct{ ID string }
		if err := s.call(ctx, http.MethodPost, "/api/v1/subscriptions/"+s.sub+"/webhooks", fmt.Sprintf(`{"name":"burst","url":%q,"profile":"flow-bot"}`, target), &made); err != nil {
			return 0, err
		}
		l := newLoad(s, 64)
		var taken atomic.Int64
		var all sync.WaitGroup
		for i := range texts {
			all.Go(func() {
				if l.send(ctx, made.ID, text(fmt.Sprintf("mark-%d", i))) == nil {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		return int(taken.Load()), nil
	}
	for _, way := range []struct {
		name string
		send func(context.Context, string) (int, error)
	}{{"go-teams-notify, 5 retries", byLibrary}, {"Teams Connector", byService}} {
		ctx, cancel := context.WithCancel(ctx)
		err := b.burstBy(ctx, way.name, span, way.send)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
	}
	return nil
}

func (b *bench) burstBy(ctx context.Context, name string, span time.Duration, send func(context.Context, string) (int, error)) error {
	teams, target, err := b.startTeams(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	taken, err := send(ctx, target)
	if err != nil {
		return err
	}
	said := time.Since(began)
	stand := 0
	var last time.Duration
	for time.Since(began) < span {
		now, err := standing(ctx, teams)
		if err != nil {
			return err
		}
		if now > stand {
			stand, last = now, time.Since(began)
		}
		if stand >= taken && stand > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	b.out("%-27s 200 texts at once to one channel: %d said to be taken after %v; %d stand in the channel, the last after %v",
		name, taken, said.Round(100*time.Millisecond), stand, last.Round(time.Second))
	return nil
}

// startTeams starts the simulated Teams with Microsoft's limits and returns its page and its webhook.
func (b *bench) startTeams(ctx context.Context) (page, target string, err error) {
	cmd := exec.CommandContext(ctx, b.bin, "simulator", "--listen", "127.0.0.1:0", "--channels", "1", "--json", "--log-level", "error")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", "", err
	}
	if err := cmd.Start(); err != nil {
		return "", "", err
	}
	go func() { <-ctx.Done(); _ = cmd.Wait() }()
	var said struct {
		Page     string
		Webhooks []struct{ URL string }
	}
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		return "", "", err
	}
	if len(said.Webhooks) != 1 {
		return "", "", errors.New("the simulator named no webhook")
	}
	return said.Page, said.Webhooks[0].URL, nil
}

// standing is how many of the marked texts stand in the simulated channel.
func standing(ctx context.Context, page string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page+"_sim/state", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var state struct {
		Messages []struct {
			Text  string
			Posts int
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&state); err != nil {
		return 0, err
	}
	found := map[string]bool{}
	for _, m := range state.Messages {
		if m.Posts > 0 {
			for _, one := range everyMark.FindAllString(m.Text, -1) {
				found[one] = true
			}
		}
	}
	return len(found), nil
}

var everyMark = regexp.MustCompile(`mark-[0-9]+`)
