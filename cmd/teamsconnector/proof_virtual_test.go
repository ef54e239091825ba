package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
	"github.com/teamsconnector/teamsconnector/internal/store"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// virtual is the way of a message from its acceptance to a simulated Teams by
// Microsoft's limits, in a bubble of testing/synctest: hours pass in seconds.
// Only the wire between door and Teams is a call, because a socket knows no virtual time.
type virtual struct {
	t       *testing.T
	store   *store.Store
	desk    *admin.Admin
	ingest  *ingest.Ingester
	sub     connector.SubscriptionID
	license connector.License
	sim     *simulator.Simulator
	metrics *prometheus.Registry
	close   func()
}

// wire carries a parcel to the simulator.
type wire struct{ sim *simulator.Simulator }

// Deliver makes one attempt.
func (w wire) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	start := time.Now()
	body, err := teams.EnvelopeOf(p)
	if err != nil {
		return connector.Outcome{Verdict: connector.VerdictRefused, Reason: connector.ReasonInternal, Detail: err.Error()}
	}
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, p.Target.URL.Reveal(), bytes.NewReader(body))
	req.Header.Set("Content-Type", teams.ContentType)
	req.Header.Set(teams.TrackingHeader, string(p.Message))
	rec := httptest.NewRecorder()
	w.sim.ServeHTTP(rec, req)
	o := teams.Classify(teams.KindOf(p.Target.URL.Reveal()), teams.Answer{
		Status: rec.Code, Header: rec.Result().Header, Body: rec.Body.Bytes(), Now: time.Now(),
	})
	o.Took = time.Since(start)
	return o
}

const virtualTeams = "http://teams.test:8080"

func furnishVirtual(t *testing.T, o simulator.Options) *virtual {
	t.Helper()
	sim, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
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
	v := &virtual{t: t, store: st, sim: sim, metrics: prometheus.NewRegistry()}
	engine := dispatch.New(st, wire{sim}, dispatch.Options{
		Now: st.Now, Registerer: v.metrics,
		Settled: func(all []connector.Settlement) { v.ingest.Settled(all) },
		Swept:   func(all []connector.End) { v.ingest.Swept(all) },
	})
	v.ingest = ingest.New(st, ring, engine, ingest.Options{})
	v.desk = admin.New(st, admin.Options{TrustedTargets: []string{virtualTeams}})
	made, err := v.desk.Setup(t.Context(), admin.SetupRequest{Name: "Contoso", By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	row, err := st.KeysByLicense(t.Context(), made.Keys.LicenseKey)
	if err != nil {
		t.Fatal(err)
	}
	v.sub, v.license = made.Subscription.ID, row.License
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	v.close = func() {
		cancel()
		running.Wait()
		sim.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
	return v
}

// hook adds a channel with a serial flow of an owner, and its webhook.
func (v *virtual) hook(name, owner string) hook {
	v.t.Helper()
	flow, path := v.sim.AddFlow(simulator.Flow{Channel: name, Owner: owner, Serial: true})
	profile := connector.ProfileFlowBot
	w, err := v.desk.AddWebhook(v.t.Context(), connector.Actor{Name: "test", Shell: true}, admin.WebhookRequest{
		Subscription: v.sub,
		WebhookFields: admin.WebhookFields{
			Name: &name, URL: connector.NewSecret(virtualTeams + path), FlowOwner: &owner, Profile: &profile,
		},
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return hook{string(w.ID), flow}
}

func (v *virtual) send(h hook, text string) {
	v.t.Helper()
	_, err := v.ingest.Accept(v.t.Context(), v.license, connector.Message{
		Webhook: connector.WebhookID(h.id), Content: connector.Content{Kind: connector.KindText, Body: []byte(text)},
	}, ingest.Wait{})
	if err != nil {
		v.t.Fatal(err)
	}
}

var numbered = regexp.MustCompile(`\[nr (\d+)\]`)

// channel reads what stands in a channel: the numbers in their order, and when the last came.
func channel(sim *simulator.Simulator, h hook) (numbers []int, last time.Time) {
	for _, p := range sim.Posts(h.flow) {
		for _, m := range numbered.FindAllStringSubmatch(p.Text, -1) {
			n, _ := strconv.Atoi(m[1]) // digits only
			numbers = append(numbers, n)
		}
		last = p.At
	}
	return numbers, last
}

// shows holds that channels show 0 to n-1, each once, in order, and that Teams had no reason to complain.
func shows(t *testing.T, sim *simulator.Simulator, hooks []hook, n int) (last time.Time) {
	t.Helper()
	for _, h := range hooks {
		numbers, at := channel(sim, h)
		if len(numbers) != n {
			t.Errorf("%d texts stand in the channel, want %d", len(numbers), n)
		}
		for i, got := range numbers {
			if got != i {
				t.Errorf("text %d stands at place %d", got, i)
				break
			}
		}
		if at.After(last) {
			last = at
		}
	}
	total := sim.Oracle().Total
	if total.FailedRuns+total.Rude+total.Throttled+total.RedirectsFollowed+total.LeakedAuthorization > 0 {
		t.Errorf("%+v: want no failed run, no throttled or rude request, no trap", total)
	}
	return last
}

// kept holds that no invariant of the engine was violated.
func (v *virtual) kept() {
	v.t.Helper()
	found, err := v.metrics.Gather()
	if err != nil {
		v.t.Fatal(err)
	}
	for _, f := range found {
		if f.GetName() == "teamsconnector_invariant_violations_total" {
			for _, m := range f.GetMetric() {
				if m.GetCounter().GetValue() > 0 {
					v.t.Errorf("invariant violated: %v", m.GetLabel())
				}
			}
		}
	}
}

// microsofts is Teams by its own limits, latency and late runs.
func microsofts(seed uint64) simulator.Options {
	return simulator.Options{
		Seed: seed, KeepAll: true, Latency: simulator.RealLatency(), RunDelay: simulator.RealRunDelay(),
	}
}

// best is the earliest that the last of a lane's texts could stand in a channel if everything had been known before and Teams
// had answered at once: after its acceptance, in as few cards as hold them all, by Microsoft's limits, its run not delayed more than the quickest.
func best(o simulator.Options, lanesOfOwner, textsOfLane int, lastAccepted time.Duration) time.Duration {
	cards := (textsOfLane + connector.MaxCard - 1) / connector.MaxCard
	byDoor := time.Duration((cards-1)/teams.FrontDoorRate) * time.Second
	byWindow := time.Duration((cards*lanesOfOwner-1)/teams.RunPosts) * teams.RunWindow
	return max(lastAccepted, byDoor, byWindow) + o.RunDelay.Min
}

// inTime holds that something took no more than over times the best possible.
func inTime(t *testing.T, what string, took, ideal time.Duration, over float64) {
	t.Helper()
	ratio := float64(took) / float64(ideal)
	t.Logf("proof: %s: the last stands there after %v, %.3f times the best possible of %v",
		what, took.Round(time.Millisecond), ratio, ideal.Round(time.Millisecond))
	if ratio > over {
		t.Errorf("that is %.3f times the best possible, want at most %v", ratio, over)
	}
}

// TestAThousandTextsStandInTheChannelOnceAndInOrder sends forty windows' worth
// of texts to one channel, and to ten that share the connections of three people.
func TestAThousandTextsStandInTheChannelOnceAndInOrder(t *testing.T) {
	const texts = 1000
	for name, c := range map[string]struct {
		hooks, owners int
		within        time.Duration // of their acceptance
		over          float64       // the best possible, at most
	}{
		"to one channel, at once":            {1, 1, 0, 3}, // its twenty answers take 150 ms in the middle, and up to 2 s
		"to one channel, within a minute":    {1, 1, time.Minute, 1.2},
		"to ten channels of three people":    {10, 3, time.Minute, 1.2},
		"to ten channels, one text a minute": {10, 3, 1000 * time.Minute, 1.001},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := microsofts(1)
				v := furnishVirtual(t, o)
				defer v.close()
				var hooks []hook
				for i := range c.hooks {
					hooks = append(hooks, v.hook(fmt.Sprintf("hook %d", i), fmt.Sprintf("person %d", i%c.owners)))
				}
				start, accepted := time.Now(), time.Now()
				for i := range texts {
					v.send(hooks[i%c.hooks], fmt.Sprintf("[nr %04d] the pump of line %d runs hot", i/c.hooks, i%7))
					accepted = time.Now()
					<-time.After(c.within / texts)
				}

				<-time.After(time.Hour)
				last := shows(t, v.sim, hooks, texts/c.hooks)

				ideal := best(o, (c.hooks+c.owners-1)/c.owners, texts/c.hooks, accepted.Sub(start))
				inTime(t, "1,000 texts "+name, last.Sub(start), ideal, c.over)
				v.kept()
			})
		})
	}
}
