package main_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/post"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// stall is how long the simulator's slow faults take here, and patience how
// long the door waits for a first byte: shorter than in life, so that a test does not wait.
const (
	stall    = 5 * time.Second
	patience = 2 * time.Second
)

// rooms is the way of a message from its acceptance to a simulated Teams, in
// this process, so that every attempt can be read.
type rooms struct {
	t       *testing.T
	store   *store.Store
	ingest  *ingest.Ingester
	license connector.License
	hook    connector.WebhookID
	sim     *simulator.Simulator
	flow    simulator.FlowID
}

func furnish(t *testing.T, kind simulator.Kind, overTLS bool) *rooms {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Stall: stall, KeepAll: true})
	if err != nil {
		t.Fatal(err)
	}
	teams := httptest.NewUnstartedServer(sim)
	config, authorities, err := sim.TLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if overTLS {
		teams.TLS = config
		teams.StartTLS()
	} else {
		teams.Start()
	}
	t.Cleanup(func() { sim.Close(); teams.Close() })
	key, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	r := &rooms{t: t, store: st, sim: sim}
	client := outbound.New(outbound.Options{
		Trusted: []string{teams.URL}, RootCAs: authorities, FirstByte: patience, Total: 2 * patience,
	})
	door := post.New(client, post.Options{})
	engine := dispatch.New(st, door, dispatch.Options{
		Now:     st.Now,
		Settled: func(all []connector.Settlement) { r.ingest.Settled(all) },
		Swept:   func(all []connector.End) { r.ingest.Swept(all) },
	})
	r.ingest = ingest.New(st, ring, engine, ingest.Options{})
	desk := admin.New(st, admin.Options{TrustedTargets: []string{teams.URL}})
	r.setUp(desk, teams.URL, kind)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = st.Close()
	})
	return r
}

func (r *rooms) setUp(desk *admin.Admin, teams string, kind simulator.Kind) {
	r.t.Helper()
	made, err := desk.Setup(r.t.Context(), admin.SetupRequest{Name: "Contoso", By: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	var path string
	r.flow, path = r.sim.AddFlow(simulator.Flow{Kind: kind})
	hook, err := desk.AddWebhook(r.t.Context(), connector.Actor{Name: "test", Shell: true}, admin.WebhookRequest{
		Subscription: made.Subscription.ID, WebhookFields: admin.WebhookFields{Name: new("hook"), URL: connector.NewSecret(teams + path)},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	row, err := r.store.KeysByLicense(r.t.Context(), made.Keys.LicenseKey)
	if err != nil {
		r.t.Fatal(err)
	}
	r.license, r.hook = row.License, hook.ID
}

func (r *rooms) send(text string, wait time.Duration) ingest.Answer {
	r.t.Helper()
	a, err := r.ingest.Accept(r.t.Context(), r.license, connector.Message{
		Webhook: r.hook, Content: connector.Content{Kind: connector.KindText, Body: []byte(text)},
	}, ingest.Wait{For: wait})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// attempts returns "verdict/reason" of each attempt at a message.
func (r *rooms) attempts(id connector.MessageID) []string {
	r.t.Helper()
	all, err := r.store.Attempts(r.t.Context(), r.license.SubscriptionRow, id)
	if err != nil {
		r.t.Fatal(err)
	}
	var list []string
	for _, a := range all {
		list = append(list, a.Outcome.Verdict.String()+"/"+string(a.Outcome.Reason))
	}
	return list
}

// expectation is what one fault must come to for the message that meets it,
// and for the message behind it.
type expectation struct {
	status   string // of the message that meets the fault
	attempts string // at it
	accepted int    // requests with it that started a run
	posts    int    // of it in the channel
	next     string // status of the message behind it; empty: sent
	wait     time.Duration
}

func TestEachFaultOfTeamsComesToExactlyThis(t *testing.T) {
	table := faultTable()
	for _, f := range simulator.Faults() {
		want, ok := table[f]
		if !ok {
			t.Errorf("no expectation for the fault %s", f)
			continue
		}
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			r := furnish(t, simulator.Workflows, f == simulator.ExpiredTLS)
			if err := r.sim.Inject(simulator.Injection{Fault: f, Times: 1}); err != nil {
				t.Fatal(err)
			}
			wait := want.wait
			if wait == 0 {
				wait = 30 * time.Second
			}

			met := r.send("meets the fault", wait)
			behind := r.send("comes behind", wait)

			r.check(t, want, met, behind)
		})
	}
	t.Logf("proof: faults of Teams: %d faults, each with its exact state, attempts and counts", len(table))
}

func (r *rooms) check(t *testing.T, want expectation, met, behind ingest.Answer) {
	t.Helper()
	if err := r.sim.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if met.Status != want.status {
		t.Errorf("status %s, want %s (%s)", met.Status, want.status, met.Text)
	}
	if got := strings.Join(r.attempts(met.Message), " "); got != want.attempts {
		t.Errorf("attempts %s, want %s", got, want.attempts)
	}
	next := want.next
	if next == "" {
		next = "sent"
	}
	if behind.Status != next {
		t.Errorf("the message behind is %s, want %s (%s)", behind.Status, next, behind.Text)
	}
	report := r.sim.Oracle()
	m, _ := report.Find("meets the fault")
	if m.Accepted != want.accepted || m.Posts != want.posts {
		t.Errorf("%d requests accepted, %d posts; want %d and %d", m.Accepted, m.Posts, want.accepted, want.posts)
	}
	total := report.Total
	if got := fmt.Sprint(total.Rude, total.LeakedAuthorization, total.RedirectsFollowed); got != "0 0 0" {
		t.Errorf("rude requests, leaked Authorization headers, redirects followed: %s, want 0 0 0", got)
	}
	i := slices.IndexFunc(report.Flows, func(f simulator.FlowReport) bool { return f.ID == r.flow })
	if inversions := report.Flows[i].SentInversions; inversions != 0 {
		t.Errorf("%d messages out of order, want 0", inversions)
	}
}

// faultTable says of every fault what it must come to. Two posts stand only
// where the fault hid that the first attempt had arrived, or made them itself.
func faultTable() map[simulator.Fault]expectation {
	const (
		ok      = "sent/accepted"
		strange = "sent/unexpected_body"
		failing = "uncertain/server_error sent/accepted"
	)
	slow := expectation{status: "sent", attempts: "uncertain/timeout " + ok, accepted: 2, posts: 2}
	hidden := expectation{status: "sent", attempts: failing, accepted: 2, posts: 2}
	notTaken := expectation{status: "sent", attempts: failing, accepted: 1, posts: 1}
	oddAnswer := expectation{status: "sent", attempts: strange, accepted: 1, posts: 1}
	relayed := expectation{status: "sent", attempts: "retry/server_error " + ok, accepted: 1, posts: 1}
	throttled := expectation{status: "sent", attempts: "throttled/throttled " + ok, accepted: 1, posts: 1}
	redirected := expectation{status: "failed", attempts: "refused/redirect"}
	refused := func(reason string) expectation {
		return expectation{status: "failed", attempts: "refused/" + reason}
	}
	gone := func(reason string) expectation {
		return expectation{status: "held", attempts: "gone/" + reason, next: "held"}
	}
	return map[simulator.Fault]expectation{
		simulator.SlowHeaders:       slow,
		simulator.SlowBody:          oddAnswer,
		simulator.HangThenReset:     slow,
		simulator.ResetUnread:       {status: "sent", attempts: "uncertain/broken " + ok, accepted: 1, posts: 1},
		simulator.ResetAfterRead:    {status: "sent", attempts: "uncertain/broken " + ok, accepted: 2, posts: 2},
		simulator.ServerError:       notTaken,
		simulator.ErrorAfterAll:     hidden,
		simulator.RequestTimeout:    notTaken,
		simulator.BadGatewayHTML:    notTaken,
		simulator.NoResponse:        hidden,
		simulator.Unavailable:       notTaken,
		simulator.TruncatedBody:     oddAnswer,
		simulator.HugeBody:          oddAnswer,
		simulator.GzipBomb:          oddAnswer,
		simulator.HeaderBomb:        {status: "sent", attempts: "uncertain/broken " + ok, accepted: 2, posts: 2},
		simulator.BadUTF8:           oddAnswer,
		simulator.StrangeStatus:     refused("other"),
		simulator.TooLargeHTML:      refused("too_large"),
		simulator.BadClaims:         gone("unauthorized"),
		simulator.VersionGone:       gone("not_found"),
		simulator.SchemaMismatch:    refused("schema_mismatch"),
		simulator.Redirect:          redirected,
		simulator.RedirectKeep:      redirected,
		simulator.RedirectInside:    redirected,
		simulator.ExpiredTLS:        {status: "sent", attempts: "retry/tls " + ok, accepted: 1, posts: 1},
		simulator.LegacyThrottle:    throttled,
		simulator.LegacyTooLarge:    refused("too_large"),
		simulator.LegacyRefused:     refused("bad_request"),
		simulator.LegacyGone:        gone("forbidden"),
		simulator.LegacyError:       relayed,
		simulator.LegacyThrown:      relayed,
		simulator.ThrottleSeconds:   throttled,
		simulator.ThrottleDate:      throttled,
		simulator.ThrottleAbsent:    throttled,
		simulator.ThrottleMalformed: throttled,
		simulator.ThrottleLong:      {status: "accepted", attempts: "throttled/throttled", next: "accepted"},
		simulator.RunLost:           {status: "sent", attempts: ok, accepted: 1},
		simulator.RunTwice:          {status: "sent", attempts: ok, accepted: 1, posts: 2},
	}
}
