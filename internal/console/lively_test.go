package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/lane"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/post"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// microsoft is where a flow's URL says that it is; what is posted there goes to the simulated Teams.
const microsoft = "https://default3f1c9a00000000000000000000000.4e.environment.api.powerplatform.com"

// detour is a carrier that finds the simulated Teams behind Microsoft's host.
type detour struct {
	door *post.Client
	to   string
}

func (d detour) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	p.Target.URL = connector.NewSecret(strings.Replace(p.Target.URL.Reveal(), microsoft, d.to, 1))
	return d.door.Deliver(ctx, p)
}

// world is an installation at work: an engine that sends to a simulated Teams, everything in it made
// through the pages and the API.
type world struct {
	*browser // of an admin

	app *client.Client
	sim *simulator.Simulator
	// mails has mails made from then on.
	mails func()
	// shown: the real browser has the session of this world's person.
	shown bool
	// names are what stands for a part of an address in the table of pages: "{sub}" is an id, and so on.
	names map[string]string
}

// at puts ids in the place of names.
func (w *world) at(address string) string {
	for name, id := range w.names {
		address = strings.ReplaceAll(address, "{"+name+"}", id)
	}
	return address
}

// newWorld is such an installation with its first person, and nothing else.
func newWorld(t *testing.T) *world {
	t.Helper()
	p := newPlace(t, store.Options{Dir: t.TempDir()})
	sim, err := simulator.New(simulator.Options{})
	must(t, err)
	teams := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); teams.Close() })
	door := post.New(outbound.New(outbound.Options{Trusted: []string{teams.URL}}), post.Options{})
	var in *ingest.Ingester
	engine := dispatch.New(p.store, detour{door, teams.URL}, dispatch.Options{
		Now: p.store.Now, Settled: func(all []connector.Settlement) { in.Settled(all) }, Swept: func(all []connector.End) { in.Swept(all) },
	})
	in = ingest.New(p.store, p.ring, engine, ingest.Options{})
	desk := admin.New(p.store, admin.Options{FreeAt: lane.FreeAt, Reckon: lane.Reckon, Engine: engine, Ended: in.Swept, Send: in.Send, PublicURL: "https://connector.contoso.example"})
	mux := http.NewServeMux()
	api.New(in, p.who, desk, api.Options{Logger: p.logger()}).Mount(mux)
	open := auth.NewSignOn(p.who, auth.SignOnOptions{Signup: store.SignupOpen})
	p.serve(mux, desk, console.Options{SignOn: open})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })

	w := &world{browser: p.browser(), sim: sim, mails: func() { running.Go(func() { desk.Run(ctx) }) }, names: map[string]string{"setup": p.setup}}
	made := w.post("/setup/"+p.setup, founder())
	w.names["sub"] = regexp.MustCompile(`sub_\w+`).FindString(made.location)
	w.names["org"] = regexp.MustCompile(`org_\w+`).FindString(w.get("/members").body)
	w.names["person"] = regexp.MustCompile(`per_\w+`).FindString(w.get("/members").body)
	w.names["session"] = between(w.get("/account").body, "/account/sessions/", "/")
	return w
}

// lively is a world with something on every page.
func lively(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.keys("Invoice app")
	w.keys("Build server")
	for _, name := range []string{"Jan de Vries", "Lena Okafor"} {
		email := strings.ToLower(strings.Fields(name)[0]) + "@contoso.example"
		invited := w.post(w.at("/organizations/{org}/members"), url.Values{"email": {email}, "name": {name}, "role": {"member"}})
		link := regexp.MustCompile(`/link/(\w+)`).FindStringSubmatch(invited.body)
		if name == "Lena Okafor" {
			w.names["link"] = link[1]
			break
		}
		w.browser.browser().post(link[0], url.Values{"name": {name}, "password": {goodPassword}})
	}
	w.post(w.at("/organizations/{org}/tokens"), url.Values{"name": {"Terraform"}, "role": {"admin"}, "expires": {"90"}})
	w.names["token"] = regexp.MustCompile(`token=(tok_\w+)`).FindStringSubmatch(w.get("/members").body)[1]

	w.post(w.at("/organizations/{org}/directories"), url.Values{"from": {"8f2c1d3e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"}, "name": {"Sign in with Microsoft"}, "adminGroups": {"Connector.Admins"}})
	w.names["directory"] = regexp.MustCompile(`directory=(dir_\w+)`).FindStringSubmatch(w.get("/members").body)[1]
	order := filled(w.browser)
	order.Set("subscription", w.names["sub"])
	w.names["order"] = strings.TrimPrefix(w.post("/marketplace/subscribe", order).location, "/orders/")

	orders, _ := w.webhook("hook", "Orders Utrecht", "Mira Kaya")
	releases, _ := w.webhook("busy", "Release announcements", "Jan de Vries")
	paused, _ := w.webhook("paused", "Night shift", "Mira Kaya")
	stopped, off := w.webhook("stopped", "Production alerts", "svc-teams")
	w.webhook("unused", "Support tickets", "Lena Okafor")
	w.messages(orders, releases)
	w.post("/webhooks/"+paused+"/pause", url.Values{})
	w.send(client.Message{WebhookID: paused, Text: "Gate 3 is open since 02:10.", Wait: client.NoWait})
	_, err := w.sim.Change(off, simulator.TurnOff)
	must(t, err)
	w.send(client.Message{WebhookID: stopped, Text: "db-prod-02: disk used to 91 %.", Wait: 30 * time.Second})
	w.mails()
	w.names["letter"] = w.found("/operate/outbox", `/operate/outbox/(msg_\w+)`)
	return w
}

// found waits until a page shows what a pattern finds, and returns its group.
func (w *world) found(path, pattern string) string {
	w.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(time.Minute); time.Now().Before(late); <-tick.C {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(w.get(path).body); found != nil {
			return found[1]
		}
	}
	w.t.Fatalf("%s does not show %s", path, pattern)
	return ""
}

// messages sends what an app and a build server would, and more than Microsoft's limit allows.
func (w *world) messages(orders, releases string) {
	w.t.Helper()
	card := json.RawMessage(`{"type":"AdaptiveCard","version":"1.5","body":[{"type":"TextBlock","size":"Medium","weight":"Bolder","text":"Order 4711"},` +
		`{"type":"FactSet","facts":[{"title":"Customer","value":"Fabrikam, Inc."},{"title":"Total","value":"€ 1,284.00"},{"title":"Delivery","value":"Utrecht, with assembly"}]}],` +
		`"actions":[{"type":"Action.OpenUrl","title":"Open the order","url":"https://shop.example.com/4711"}]}`)
	w.send(client.Message{WebhookID: orders, Text: "New order from Fabrikam, Inc.\n12 x Task lamp, brass\n4 x Desk, oak, 160 cm"})
	must(w.t, w.sim.Inject(simulator.Injection{Fault: simulator.SchemaMismatch, Times: 1}))
	w.names["failed"] = w.send(client.Message{WebhookID: orders, Text: "Order 4710 was cancelled by the customer."})
	w.names["card"] = w.send(client.Message{WebhookID: orders, Card: card})
	w.names["message"] = w.send(client.Message{
		WebhookID: orders, Title: "Disk almost full on db-prod-02", Level: client.LevelWarning, Text: "/var/lib/data grows by 2 % a day; it is full on Friday.",
		Facts: []client.Fact{{Name: "Host", Value: "db-prod-02"}, {Name: "Used", Value: "91 %"}}, Link: &client.Link{Text: "Open the dashboard", URL: "https://grafana.example.com/db-prod-02"},
	})
	w.post("/webhooks/"+releases+"/settings", url.Values{"profile": {"flow-bot"}}) // each text in a card of its own
	for i := range 40 {                                                            // more than Microsoft's window has places
		w.names["waiting"] = w.send(client.Message{WebhookID: releases, Text: fmt.Sprintf("Build %d passed on main.", 4712+i), Wait: client.NoWait})
	}
}

// keys makes a pair, for the app that sends from then on.
func (w *world) keys(name string) {
	w.t.Helper()
	page := w.post(w.at("/subscriptions/{sub}/keys"), url.Values{"name": {name}}).body
	w.app = client.New(w.url, "tck_"+between(page, `data-copy="tck_`, `"`), "tcs_"+between(page, `data-copy="tcs_`, `"`))
	w.names["keys"] = between(page, "?delete=", `"`)
}

// webhook adds one whose flow stands in the simulated Teams.
func (w *world) webhook(as, name, owner string) (string, simulator.FlowID) {
	w.t.Helper()
	flow, path := w.sim.AddFlow(simulator.Flow{Channel: name, Owner: owner})
	added := w.post("/console/webhooks", url.Values{"instance": {w.names["sub"]}, "name": {name}, "url": {microsoft + path}, "owner": {owner}})
	if added.status != http.StatusSeeOther {
		w.t.Fatalf("add %s: %d %s", name, added.status, between(added.body, `class="err"`, "</p>"))
	}
	list := w.get("/console?q=" + url.QueryEscape(name)).body
	w.names[as] = "wh_" + between(list, `data-copy="wh_`, `"`)
	return w.names[as], flow
}

// send sends by the API and returns the message's id.
func (w *world) send(m client.Message) string {
	w.t.Helper()
	sent, err := w.app.Send(w.t.Context(), m)
	must(w.t, err)
	return sent.MessageID
}
