package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// house is the API on a real listener, in front of a real store with one
// webhook, and an engine that does what the test says.
type house struct {
	t      testing.TB
	store  *store.Store
	faults *store.Faults
	in     *ingest.Ingester
	engine *engine
	log    *syncBuffer
	api    *api.API

	described    *description // checks every answer
	calls        atomic.Uint32
	addr, url    string
	key, secret  string
	subscription store.Subscription
	webhook      store.WebhookRow
}

func newHouse(t testing.TB, o api.Options) *house {
	t.Helper()
	master, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(master)
	if err != nil {
		t.Fatal(err)
	}
	if o.TrustedProxies == nil {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	h := &house{t: t, log: &syncBuffer{}, faults: &store.Faults{}}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	h.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Ring: ring, Faults: h.faults})
	if err != nil {
		t.Fatal(err)
	}
	h.engine = &engine{store: h.store, woken: make(chan connector.LaneID, 100_000), asked: make(chan struct{}, 100), forecast: connector.Forecast{Waiting: 1}}
	h.in = ingest.New(h.store, ring, h.engine, ingest.Options{Logger: o.Logger})
	h.engine.in = h.in
	h.runStore()
	h.furnish()
	h.listen(api.New(h.in, auth.New(h.store, auth.Options{Logger: o.Logger}), admin.New(h.store, admin.Options{TrustedTargets: []string{"http://127.0.0.1:9911"}, Ended: h.in.Swept, Send: h.in.Send}), o))
	h.described = describe(t, h)
	return h
}

func (h *house) runStore() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.store.Run(ctx); err != nil {
			h.t.Errorf("store: %v", err)
		}
	}()
	h.t.Cleanup(func() {
		h.engine.busy.Wait()
		stop()
		<-done
		if err := h.store.Close(); err != nil {
			h.t.Errorf("close store: %v", err)
		}
	})
}

func (h *house) listen(a *api.API) {
	h.t.Helper()
	h.api = a
	mux := http.NewServeMux()
	a.Mount(mux)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	srv := api.Server("", mux, nil)
	go func() { _ = srv.Serve(listener) }() // it ends with Close
	h.t.Cleanup(func() { _ = srv.Close() })
	h.addr = listener.Addr().String()
	h.url = "http://" + h.addr
}

func (h *house) furnish() {
	h.t.Helper()
	h.key, h.secret, h.subscription = h.setup("Acme")
	h.webhook = h.addWebhook("Ops")
}

// setup makes an organization with a subscription and a pair of keys.
func (h *house) setup(name string) (key, secret string, sub store.Subscription) {
	h.t.Helper()
	key, secret, err := keyring.NewPair()
	if err != nil {
		h.t.Fatal(err)
	}
	rows, err := h.store.Setup(h.t.Context(), store.NewSetup{Name: name, LicenseKey: key, SecretHash: keyring.Hash(secret), By: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	return key, secret, rows.Subscription
}

func (h *house) addWebhook(name string) store.WebhookRow {
	h.t.Helper()
	w, err := h.store.CreateWebhook(h.t.Context(), store.NewWebhook{
		Subscription: h.subscription.ID, Name: name, Host: "127.0.0.1", By: "test",
		URL:     connector.NewSecret("http://127.0.0.1:1/" + name + "?sig=canary-url"),
		Profile: connector.ProfileNone, Payload: connector.PayloadAdaptive,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// answer is what came back, whatever it was.
type answer struct {
	code   int
	header http.Header
	raw    string

	SentMessage *bool    `json:"sentMessage"`
	Message     *string  `json:"message"`
	MessageID   string   `json:"messageId"`
	Status      any      `json:"status"` // a word, or the number of a problem
	ExpectedAt  string   `json:"expectedAt"`
	Warnings    []string `json:"warnings"`
	Type        string   `json:"type"`
	Title       string   `json:"title"`
	Detail      string   `json:"detail"`
	Code        string   `json:"code"`
	RequestID   string   `json:"requestId"`
	Errors      []struct{ Pointer, Detail string }
}

func (a answer) pointers() []string {
	var all []string
	for _, e := range a.Errors {
		all = append(all, e.Pointer)
	}
	return all
}

// call makes a request with the house's license; headers come in pairs, and an
// Authorization of "-" sends none, one with "+" before its name another one.
func (h *house) call(method, path, body string, headers ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, h.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		h.t.Fatal(err)
	}
	req.SetBasicAuth(h.key, h.secret)
	req.Header.Set("Content-Type", "application/json")
	n := h.calls.Add(1) // each from an address of its own, so that wrong secrets hold up nobody else
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("198.18.%d.%d", n>>8&0xff, n&0xff))
	for i := 0; i+1 < len(headers); i += 2 {
		switch {
		case headers[i] == "Host":
			req.Host = headers[i+1]
		case headers[i+1] == "-":
			req.Header.Del(headers[i])
		case headers[i] == "Authorization":
			req.Header.Set(headers[i], headers[i+1])
		default:
			req.Header.Add(strings.TrimPrefix(headers[i], "+"), headers[i+1])
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answer{code: res.StatusCode, header: res.Header, raw: string(raw)}
	if kind := res.Header.Get("Content-Type"); len(raw) > 0 && strings.Contains(kind, "json") && kind != "application/x-ndjson" {
		if err := json.Unmarshal(raw, &a); err != nil {
			h.t.Fatalf("answer %q: %v", raw, err)
		}
	}
	if d := h.described; d != nil {
		d.check(h.t, method, path, a)
	}
	return a
}

func (h *house) post(body string, headers ...string) answer {
	h.t.Helper()
	return h.call(http.MethodPost, "/api/v1/messages", body, headers...)
}

// body makes a send body for the house's webhook out of pairs of names and values.
func (h *house) body(pairs ...any) string {
	h.t.Helper()
	m := map[string]any{"webhookId": h.webhook.ID, "textMessage": "hello"}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// heads returns what waits on the house's webhook, oldest first.
func (h *house) heads() []connector.Item {
	h.t.Helper()
	loaded, err := h.store.Fetch(h.t.Context(), []connector.FetchRequest{{Lane: h.webhook.Lane}})
	if err != nil || len(loaded) != 1 {
		h.t.Fatalf("fetch = %+v, %v", loaded, err)
	}
	return loaded[0].Head
}

// engine settles what it is woken for as finish says.
type engine struct {
	store *store.Store
	in    *ingest.Ingester
	woken chan connector.LaneID
	asked chan struct{}
	busy  sync.WaitGroup

	mu       sync.Mutex
	forecast connector.Forecast // an At of zero: now
	finish   connector.State    // zero: messages stay where they are
	detail   string
	explode  string // what Forecast panics with; empty: it does not
}

func (e *engine) set(finish connector.State, detail string, f connector.Forecast) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.finish, e.detail, e.forecast = finish, detail, f
}

func (e *engine) Wake(lane connector.LaneID, _ int) {
	e.woken <- lane
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.finish != 0 {
		e.busy.Go(func() { e.settle(lane) })
	}
}

func (e *engine) Forecast(connector.LaneID) connector.Forecast {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.explode != "" {
		panic(e.explode)
	}
	select {
	case e.asked <- struct{}{}:
	default:
	}
	f := e.forecast
	if f.At.IsZero() {
		f.At = time.Now()
	}
	return f
}

// settle ends all that waits at the head of a lane.
func (e *engine) settle(lane connector.LaneID) {
	loaded, err := e.store.Fetch(context.Background(), []connector.FetchRequest{{Lane: lane}})
	if err != nil || len(loaded) != 1 {
		return
	}
	e.mu.Lock()
	s := connector.Settlement{Lane: loaded[0].Lane, Group: loaded[0].Group}
	for _, item := range loaded[0].Head {
		s.Ends = append(s.Ends, connector.End{
			Seq: item.Seq, Message: item.ID, State: e.finish, Reason: connector.ReasonOther, Detail: e.detail, At: e.store.Now(),
		})
	}
	e.mu.Unlock()
	if err := e.store.Settle(context.Background(), []connector.Settlement{s}); err == nil {
		e.in.Settled([]connector.Settlement{s})
	}
}

// syncBuffer collects what several goroutines log.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
