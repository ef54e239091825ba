package store_test

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/postgrestest"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// server is the PostgreSQL of these tests; TestMain ends it.
var server = postgrestest.New()

// database is a place for a store, of one kind, with nothing in it yet.
type database func(t testing.TB) store.Options

func sqlite(t testing.TB) store.Options {
	t.Helper()
	return store.Options{Dir: t.TempDir()}
}

func postgres(t testing.TB) store.Options {
	t.Helper()
	return store.Options{Database: connector.NewSecret(server.Database(t))}
}

// databases are all kinds of databases: every promise holds on each.
func databases() map[string]database {
	return map[string]database{"sqlite": sqlite, "postgres": postgres}
}

// promise runs a test on every kind of database, each time in a house of its own.
func promise(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	for name, place := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newHouse(t, place))
		})
	}
}

// house is a store with one organization, one subscription, one pair of keys
// and one webhook.
type house struct {
	*store.Store
	t       testing.TB
	options store.Options
	faults  *store.Faults
	ring    *keyring.Ring

	organization connector.OrganizationID
	subscription store.Subscription
	license      connector.License
	webhook      store.WebhookRow
}

const secretURL = "https://prod-00.example.logic.azure.com/workflows/canary/triggers/manual/paths/invoke?sig=canary"

func newHouse(t testing.TB, place database) *house {
	t.Helper()
	return build(t, place(t))
}

func build(t testing.TB, o store.Options) *house {
	t.Helper()
	h := &house{t: t, options: o, faults: &store.Faults{}, ring: newRing(t)}
	h.options.Ring, h.options.Faults = h.ring, h.faults
	h.start()
	t.Cleanup(func() { _ = h.Close() })

	rows, err := h.Setup(t.Context(), store.NewSetup{Name: "Contoso", LicenseKey: "tck_first", SecretHash: keyring.Hash("tcs_first"), By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	h.organization, h.subscription = rows.Organization.ID, rows.Subscription
	h.license = h.licenseOf("tck_first")
	h.webhook = h.newWebhook("first")
	return h
}

// testKey is a master key that a second process of the test can make too.
func testKey() []byte {
	sum := sha256.Sum256([]byte("master key of the tests"))
	return sum[:]
}

func newRing(t testing.TB) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New(testKey())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// start opens the store again, as a new process would.
func (h *house) start() {
	h.t.Helper()
	s, err := store.Open(h.t.Context(), h.options)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Store = s
}

// second opens the same data once more, beside the first.
func (h *house) second() *store.Store {
	h.t.Helper()
	o := h.options
	o.Faults = nil
	s, err := store.Open(h.t.Context(), o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (h *house) licenseOf(key string) connector.License {
	h.t.Helper()
	row, err := h.KeysByLicense(h.t.Context(), key)
	if err != nil {
		h.t.Fatal(err)
	}
	return row.License
}

func (h *house) newWebhook(name string) store.WebhookRow {
	h.t.Helper()
	w, err := h.CreateWebhook(h.t.Context(), store.NewWebhook{
		Subscription: h.subscription.ID, Name: name, URL: connector.NewSecret(secretURL), Host: "prod-00.example.logic.azure.com",
		Profile: connector.ProfileFlowBot, Payload: connector.PayloadAdaptive, By: "test",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// newMessageID makes a message id as ingest does.
func newMessageID() connector.MessageID {
	return connector.MessageID(connector.PublicID(connector.MessagePrefix, uuid.Must(uuid.NewV7())))
}

// request is a text for the house's webhook, sealed as ingest does.
func (h *house) request(text string) store.AcceptRequest {
	return h.requestTo(h.webhook.ID, text)
}

func (h *house) requestTo(webhook connector.WebhookID, text string) store.AcceptRequest {
	id := newMessageID()
	return store.AcceptRequest{
		License: h.license,
		Message: connector.Message{ID: id, Webhook: webhook, Content: connector.Content{Kind: connector.KindText}},
		Sealed:  h.ring.Seal(store.BodyPlace(h.license.Subscription, id), time.Now(), []byte(text)),
		Size:    len(text),
		MAC:     keyring.ContentMAC(h.MACKey(), []byte(webhook), []byte(text)),
	}
}

func (h *house) keyed(key, text string) store.AcceptRequest {
	r := h.request(text)
	r.Message.Key = key
	return r
}

func (h *house) accept(r store.AcceptRequest) store.Accepted {
	h.t.Helper()
	a, err := h.Accept(h.t.Context(), r)
	if err != nil {
		h.t.Fatalf("Accept: %v", err)
	}
	return a
}

// load fetches one lane.
func (h *house) load(lane connector.LaneID) connector.Loaded {
	h.t.Helper()
	all, err := h.Fetch(h.t.Context(), []connector.FetchRequest{{Lane: lane, Count: true}})
	if err != nil {
		h.t.Fatal(err)
	}
	return all[0]
}

// drain takes all that waits in a lane off its queue as sent, and returns the ids in their order.
func (h *house) drain(lane connector.LaneID) (ids []connector.MessageID) {
	h.t.Helper()
	for {
		loaded := h.load(lane)
		if len(loaded.Head) == 0 {
			return ids
		}
		step := connector.Settlement{Lane: loaded.Lane, Group: loaded.Group}
		for _, item := range loaded.Head {
			ids = append(ids, item.ID)
			step.Ends = append(step.Ends, h.endOf(item, connector.StateSent))
		}
		h.settle(step)
	}
}

func (h *house) endOf(item connector.Item, state connector.State) connector.End {
	reasons := map[connector.State]connector.Reason{
		connector.StateSent: connector.ReasonAccepted, connector.StateExpired: connector.ReasonExpired, connector.StateFailed: connector.ReasonBadRequest,
	}
	return connector.End{Seq: item.Seq, Message: item.ID, State: state, Reason: reasons[state], Detail: state.String(), At: h.Now()}
}

// attempted is the settlement of one attempt at the head of a lane.
func (h *house) attempted(l connector.Loaded, verdict connector.Verdict, ends ...connector.End) connector.Settlement {
	return connector.Settlement{
		Lane: l.Lane, Group: l.Group, Ends: ends,
		Attempt: &connector.Attempt{
			Seq: l.Head[0].Seq, Message: l.Head[0].ID, N: l.Head[0].Attempts + 1, At: h.Now(),
			Outcome: connector.Outcome{Verdict: verdict, Reason: connector.ReasonAccepted, HTTPStatus: 202, Took: 12 * time.Millisecond, RunID: "run"},
		},
	}
}

func (h *house) settle(steps ...connector.Settlement) {
	h.t.Helper()
	if err := h.Settle(h.t.Context(), steps); err != nil {
		h.t.Fatalf("Settle: %v", err)
	}
}

func (h *house) message(id connector.MessageID) store.MessageRow {
	h.t.Helper()
	m, err := h.Message(h.t.Context(), h.license.SubscriptionRow, id)
	if err != nil {
		h.t.Fatalf("Message: %v", err)
	}
	return m
}

// total sums the usage of the house's subscription over all days.
func (h *house) total() (sum store.UsageRow) {
	h.t.Helper()
	rows, err := h.Usage(h.t.Context(), h.subscription.ID, time.Unix(0, 0), h.Now().Add(24*time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range rows {
		sum.Accepted += r.Accepted
		sum.Sent += r.Sent
		sum.Failed += r.Failed
		sum.Expired += r.Expired
		sum.Uncertain += r.Uncertain
	}
	return sum
}

func (h *house) setSubscription(change store.SubscriptionChange) {
	h.t.Helper()
	change.Subscription = h.subscription.ID
	if _, err := h.ChangeSubscription(h.t.Context(), change); err != nil {
		h.t.Fatal(err)
	}
}

// codeOf returns the code of a refusal; empty: err is none.
func codeOf(err error) connector.Code {
	var refused *connector.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// crowd runs do in n goroutines at once, each with a number of its own, until count calls were made.
func crowd(n, count int, do func(i int)) {
	var next atomic.Int64
	done := make(chan struct{})
	for range n {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				do(i)
			}
		}()
	}
	for range n {
		<-done
	}
}

func text(i int) string { return fmt.Sprintf("message %06d", i) }

// all reads what waits in a lane straight from the tables.
func (h *house) all(lane connector.LaneID) (items []connector.Item) {
	h.t.Helper()
	db := h.raw()
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(h.t.Context(), `SELECT q.id, m.public_id FROM queue q JOIN message m ON m.id = q.id WHERE q.lane = $1 ORDER BY q.id`, int64(lane))
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var item connector.Item
		if err := rows.Scan(&item.Seq, &item.ID); err != nil {
			h.t.Fatal(err)
		}
		items = append(items, item)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return items
}

// raw opens the tables themselves, for what the store does not show.
func (h *house) raw() *sql.DB {
	h.t.Helper()
	driver, name := "sqlite", "file:"+filepath.Join(h.options.Dir, "teamsconnector.db")+"?_busy_timeout=5000"
	if h.onPostgres() {
		driver, name = "pgx", h.options.Database.Reveal()
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return db
}

func (h *house) onPostgres() bool { return !h.options.Database.Empty() }
