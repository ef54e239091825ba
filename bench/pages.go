package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// pages: how long every page and every list takes with 10,000 webhooks and 1,000,000 messages.
func pages(ctx context.Context, b *bench) error {
	return b.onEach(ctx, b.pagesOn)
}

func (b *bench) pagesOn(ctx context.Context, s *service, kind string) error {
	if err := s.fill(ctx, b); err != nil {
		return err
	}
	if err := s.paused(ctx, b.of(100), "held"); err != nil {
		return err
	}
	if _, err := newLoad(s, 16).many(ctx, 16, b.of(10_000), 5*time.Minute, s.hooks[1:]); err != nil {
		return err
	}
	r := &reader{s: s, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if err := r.signIn(ctx, b); err != nil {
		return err
	}
	at, err := r.addresses(ctx)
	if err != nil {
		return err
	}
	var all []reading
	for _, path := range at {
		m, err := r.measure(ctx, path, 60)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b reading) int { return cmp.Compare(b.p95, a.p95) })
	over := 0
	for _, m := range all {
		if m.p95 > 50*time.Millisecond {
			over++
		}
		b.out("%-9s p95 %8v  p50 %8v  CPU %8v  %6d bytes  %d  %s", kind, short(m.p95), short(m.p50), short(m.cpu), m.size, m.status, m.shape)
	}
	b.out("%-9s %d addresses, %d over 50 ms; the slowest p95 %v", kind, len(all), over, short(all[0].p95))
	return nil
}

// reading is what reading one address took.
type reading struct {
	shape         string
	p50, p95, cpu time.Duration
	size, status  int
}

// reader is a person with a browser, or a program with a token.
type reader struct {
	s        *service
	client   *http.Client
	operator []byte // token for what no organization's may read
}

// signIn makes an account for somebody who sees everything, and opens its session.
func (r *reader) signIn(ctx context.Context, b *bench) (err error) {
	if r.client.Jar, err = cookiejar.New(nil); err != nil {
		return err
	}
	out, err := r.s.run(ctx, b, "user", "create", "--email", "ada@example.com", "--organization", "Bench", "--role", "admin", "--operator")
	if err != nil {
		return err
	}
	link := regexp.MustCompile(`/link/\S+`).FindString(string(out))
	res, err := r.client.PostForm(r.s.url+link, url.Values{"password": {"correct horse battery"}})
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("signing in answered %d", res.StatusCode)
	}
	r.operator, err = r.s.run(ctx, b, "token", "create", "--operator", "--name", "reader")
	return err
}

func (r *reader) read(ctx context.Context, path string) (body string, status int, err error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, r.s.url+path, nil)
	if err != nil {
		return "", 0, err
	}
	if strings.HasPrefix(path, "/api/") {
		ask.Header.Set("Authorization", "Bearer "+r.s.token)
	}
	if regexp.MustCompile(`^/api/v1/(mails|orders|tokens|usage|nodes|audit)$`).MatchString(path) {
		ask.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(r.operator)))
	}
	if strings.HasPrefix(path, "/api/v1/webhooks?") || path == "/api/v1/webhooks" {
		ask.SetBasicAuth(r.s.key, r.s.secret)
	}
	res, err := r.client.Do(ask)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	return string(all), res.StatusCode, err
}

func (r *reader) measure(ctx context.Context, path string, times int) (m reading, err error) {
	m.shape = shapeOf(path)
	if _, _, err := r.read(ctx, path); err != nil {
		return m, err
	}
	var took []time.Duration
	before := r.s.cpu()
	for range times {
		began := time.Now()
		body, status, err := r.read(ctx, path)
		if err != nil {
			return m, err
		}
		took = append(took, time.Since(began))
		m.size, m.status = len(body), status
	}
	m.cpu = (r.s.cpu() - before) / time.Duration(times)
	m.p50, m.p95 = at(took, 50), at(took, 95)
	return m, nil
}

var ids = regexp.MustCompile(`\b[a-z]+_[0-9a-z]{26}\b`)

// shapeOf is an address without what differs from row to row.
func shapeOf(path string) string {
	path = ids.ReplaceAllString(path, "{id}")
	return regexp.MustCompile(`cursor=[^&]+`).ReplaceAllString(path, "cursor=…")
}

// addresses are the lists of the API and what can be asked of them, and every page of the console that a link leads to.
func (r *reader) addresses(ctx context.Context) (all []string, err error) {
	known := map[string]bool{}
	add := func(paths ...string) {
		for _, p := range paths {
			if !known[shapeOf(p)] {
				known[shapeOf(p)] = true
				all = append(all, p)
			}
		}
	}
	hook := "wh_01m8zzzzzzzz10000000000007"
	console, log := "/console?instance="+r.s.sub, "/messages?instance="+r.s.sub
	add(console, console+"&q=channel+77", console+"&q=nobody", console+"&cursor="+url.QueryEscape("Channel 5\x00"), console+"&owner=Owner+7", console+"&add=1", console+"&edit="+hook,
		log, log+"&q=order-99", log+"&q=Channel+77", log+"&q=nothing", log+"&q=bad_request", log+"&day="+time.Now().AddDate(0, 0, -9).Format(time.DateOnly), "/messages?webhook="+hook,
		"/messages?webhook="+hook+"&q=order", "/webhooks/"+hook)
	for _, status := range []string{"Delivering", "Waiting for Teams' limit", "Retrying", "Stopped", "Paused", "Not used yet"} {
		add(console + "&status=" + url.QueryEscape(status))
	}
	for _, status := range []string{"accepted", "held", "sent", "posted", "failed", "expired", "uncertain"} {
		add(log+"&status="+status, "/api/v1/messages?status="+status)
	}
	lists := "/api/v1/subscriptions/" + r.s.sub + "/webhooks"
	add(lists, lists+"?limit=200", "/api/v1/webhooks", "/api/v1/messages?limit=200", "/api/v1/messages?webhookId="+hook, "/api/v1/messages?q=order-99")
	for _, status := range []string{"unused", "delivering", "waiting", "retrying", "stopped", "paused"} {
		add(lists + "?status=" + status)
	}
	if err := r.listsOf(ctx, hook, add); err != nil {
		return nil, err
	}
	add("/", "/subscriptions", "/marketplace", "/members", "/notices", "/account")
	link := regexp.MustCompile(`href="(/[^"#]*)"`)
	for i := 0; i < len(all) && len(all) < 400; i++ {
		if strings.HasPrefix(all[i], "/api/") {
			continue
		}
		body, _, err := r.read(ctx, all[i])
		if err != nil {
			return nil, err
		}
		for _, found := range link.FindAllStringSubmatch(body, -1) {
			if to := html.UnescapeString(found[1]); !strings.HasPrefix(to, "/static/") && !strings.Contains(to, "owner=") {
				add(to)
			}
		}
	}
	return all, nil
}

// listsOf adds all that the API's own description says can be read.
func (r *reader) listsOf(ctx context.Context, hook string, add func(...string)) error {
	body, _, err := r.read(ctx, "/api/openapi.json")
	if err != nil {
		return err
	}
	var described struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(body), &described); err != nil {
		return err
	}
	var sub struct{ Organization string }
	if err := r.s.call(ctx, "GET", "/api/v1/subscriptions/"+r.s.sub, "", &sub); err != nil {
		return err
	}
	for path, methods := range described.Paths {
		if methods["get"] == nil {
			continue
		}
		for of, id := range map[string]string{"subscriptions": r.s.sub, "organizations": sub.Organization, "webhooks": hook} {
			path = strings.ReplaceAll(path, "/"+of+"/{id}", "/"+of+"/"+id)
		}
		if !strings.Contains(path, "{") {
			add(path)
		}
	}
	return nil
}
