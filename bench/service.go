package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// service is the built binary, serving, with webhooks that post to a sink.
type service struct {
	cmd                *exec.Cmd
	dir, url           string
	where              []string // flags that say where the data is
	key, secret, token string
	sub                string
	server             *postgres // nil: SQLite
	sink               *sink
	trust              string // a further target; empty: none
	hooks              []string
	manage             *http.Client
}

// start makes an installation of its own on a database of that kind.
func (b *bench) start(ctx context.Context, kind string) (*service, error) {
	return b.startFor(ctx, kind, "")
}

// startFor makes one that may also post to another target than its sink.
func (b *bench) startFor(ctx context.Context, kind, trust string) (s *service, err error) {
	s = &service{trust: trust, manage: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	if s.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if err := os.Chmod(s.dir, 0o711); err != nil { // PostgreSQL's user must get through
		return nil, err
	}
	s.where = []string{"--data", filepath.Join(s.dir, "data")}
	if kind == "postgres" {
		if s.server, err = startPostgres(ctx, filepath.Join(s.dir, "pg")); err != nil {
			return nil, err
		}
		key := filepath.Join(s.dir, "key")
		if err := os.WriteFile(key, []byte(strings.Repeat("A", 43)+"="), 0o600); err != nil {
			return nil, err
		}
		s.where = []string{"--database", s.server.url, "--master-key-file", key}
	}
	if s.sink, err = startSink(); err != nil {
		return nil, err
	}
	if err := s.furnish(ctx, b); err != nil {
		return nil, err
	}
	if err := s.serve(ctx, b); err != nil {
		return nil, err
	}
	return s, s.widen(ctx, b)
}

// widen lets the subscription have more webhooks than any plan's.
func (s *service) widen(ctx context.Context, b *bench) error {
	token, err := s.run(ctx, b, "token", "create", "--operator", "--name", "bench")
	if err != nil {
		return err
	}
	own := s.token
	defer func() { s.token = own }()
	s.token = strings.TrimSpace(string(token))
	return s.call(ctx, "PATCH", "/api/v1/subscriptions/"+s.sub, `{"webhookQuota":200000}`, nil)
}

func (s *service) furnish(ctx context.Context, b *bench) error {
	var made struct {
		Subscription struct{ ID string }
		Keys         struct{ LicenseKey, LicenseSecret string }
	}
	out, err := s.run(ctx, b, "setup", "--name", "Bench", "--json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return fmt.Errorf("setup answered %q: %w", out, err)
	}
	s.sub, s.key, s.secret = made.Subscription.ID, made.Keys.LicenseKey, made.Keys.LicenseSecret
	token, err := s.run(ctx, b, "token", "create", "--organization", "Bench", "--role", "admin", "--name", "bench")
	s.token = strings.TrimSpace(string(token))
	return err
}

func (s *service) run(ctx context.Context, b *bench, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.bin, append(args, s.where...)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", args[0], err, complaint.String())
	}
	return out, nil
}

// serve starts the service and waits until it is ready.
func (s *service) serve(ctx context.Context, b *bench) error {
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--trust-target", s.sink.url}, s.where...)
	if s.trust != "" {
		args = append(args, "--trust-target", s.trust)
	}
	s.cmd = exec.Command(b.bin, args...) // it outlives ctx until stop
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var said struct{ Msg, Listen string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "serving" {
			s.url = "http://" + said.Listen
			go func() {
				for lines.Scan() { // so that the service never waits for a reader
				}
			}()
			return s.ready(ctx)
		}
	}
	return errors.New("the service ended before it served")
}

func (s *service) ready(ctx context.Context) error {
	for range 600 {
		res, err := http.Get(s.url + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the service is not ready after 30 s")
}

func (s *service) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	if s.sink != nil {
		s.sink.stop()
	}
	if s.server != nil {
		s.server.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// addHooks adds webhooks by the management API, sixteen at a time. Each posts to its own path of the sink.
func (s *service) addHooks(ctx context.Context, n int, path string) error {
	first := len(s.hooks)
	s.hooks = append(s.hooks, make([]string, n)...)
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	broke := make(chan error, 16)
	for range 16 {
		all.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				if err := s.addHook(ctx, first+int(i), path); err != nil {
					broke <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(broke)
	return <-broke
}

func (s *service) addHook(ctx context.Context, i int, path string) error {
	at := fmt.Sprintf("%s/%s/%d", s.sink.url, path, i)
	body := fmt.Sprintf(`{"name":"hook %d","url":%q,"profile":"none","combine":false}`, i, at)
	var made struct{ ID string }
	err := s.call(ctx, http.MethodPost, "/api/v1/subscriptions/"+s.sub+"/webhooks", body, &made)
	s.hooks[i] = made.ID
	return err
}

// call makes a management call.
func (s *service) call(ctx context.Context, method, path, body string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.manage.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, &text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text.Bytes(), into)
}

// cpuOf is how much processor time a process has used.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // Linux counts in 1/100 s
}

func (s *service) cpu() time.Duration { return cpuOf(s.cmd.Process.Pid) }

// memory is what the service holds in memory, in MiB.
func (s *service) memory() int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, _ := strconv.Atoi(strings.Fields(rest)[0])
	return kib / 1024
}
