package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/teamsconnector/teamsconnector/client"
	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// demo is the service with a simulated Teams, sample data and nothing to configure.
type demo struct {
	process
	service  *service
	teams    *simulator.Simulator
	page     *door
	data     string
	moved    []string // sentences about ports that were taken
	keys     admin.SetupResult
	password string // of demoEmail
	token    connector.Secret
	channels []demoChannel
}

// demoChannel is a channel of the simulated Teams, and the webhook that posts to it.
type demoChannel struct {
	flow    simulator.FlowID
	webhook connector.WebhookID
}

func (p process) serveDemo(ctx context.Context, flags *pflag.FlagSet, c config) (err error) {
	for _, name := range []string{"data", "database", "database" + fileSuffix, "master-key" + fileSuffix} {
		if flags.Changed(name) {
			return usageError(fmt.Errorf("--demo keeps its data in a temporary folder; leave --%s out", name))
		}
	}
	if c.observe.level == slog.LevelInfo {
		c.observe.level = slog.LevelWarn // what is printed says enough
	}
	d := &demo{process: p}
	if d.data, err = os.MkdirTemp("", "teamsconnector-demo-"); err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.data)) }()
	log := newLogger(p.err, c.observe)
	p.warn(ctx, c, log)
	if err := d.open(ctx, c, log); err != nil {
		return err
	}
	return d.service.run(ctx, d.play)
}

// open opens the simulated Teams and the service. A usual port that is taken is
// replaced by a free one.
func (d *demo) open(ctx context.Context, c config, log *slog.Logger) (err error) {
	key := make([]byte, masterKeyBytes)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	c.data = dataConfig{dir: d.data, masterKeys: []connector.Secret{connector.NewSecret(string(key))}}
	if d.page, err = d.listenOrMove(ctx, defaultSimulatorListen, "the simulated Teams"); err != nil {
		return err
	}
	c.net.listen = d.freeOf(ctx, c.net.listen, defaultListen, "the API")
	c.net.adminListen = d.freeOf(ctx, c.net.adminListen, defaultAdminListen, "the operator's listener")
	c.net.trustTargets = append(c.net.trustTargets, d.page.url())
	d.teams, err = simulator.New(simulator.Options{
		Seed: 1, Latency: simulator.Latency{Median: demoLatency, P99: demoSlowest},
		RunDelay: simulator.RunDelay{Min: demoLatency, Max: demoSlowest},
		Title:    "Microsoft Teams, simulated for the demo", Logger: log,
	})
	if err != nil {
		return err
	}
	d.page.server = simulatorServer(d.teams, log)
	if d.service, err = open(ctx, c, log); err != nil {
		d.page.close()
	}
	return err
}

func (d *demo) listenOrMove(ctx context.Context, addr, what string) (*door, error) {
	opened, err := listen(ctx, addr)
	if err == nil {
		return opened, nil
	}
	if opened, err = listen(ctx, anyPort(addr)); err == nil {
		d.moved = append(d.moved, fmt.Sprintf("%s is taken, so %s listens on %s.", addr, what, opened.address()))
	}
	return opened, err
}

// freeOf returns addr, or a free port's address where addr is the usual one and taken.
func (d *demo) freeOf(ctx context.Context, addr, usual, what string) string {
	if addr != usual {
		return addr // chosen by a person: whether it is free is for them to hear
	}
	tried, err := d.listenOrMove(ctx, addr, what)
	if err != nil {
		return addr
	}
	defer tried.close()
	return tried.address()
}

func anyPort(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "127.0.0.1:0"
	}
	return net.JoinHostPort(host, "0")
}

// play makes the sample data, says what there is to see, and sends sample messages.
func (d *demo) play(ctx context.Context) (err error) {
	served := make(chan error, 1)
	go func() { served <- d.page.run(ctx) }()
	defer func() {
		d.teams.Close()
		d.page.stop(context.WithoutCancel(ctx))
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
	}()
	if err := d.furnish(ctx); err != nil {
		return err
	}
	d.hint()
	if err := d.say("%s", d.block()); err != nil {
		return err
	}
	var telling sync.WaitGroup
	telling.Go(func() { d.tell(ctx) })
	d.chat(ctx)
	<-ctx.Done()
	telling.Wait()
	return nil
}

// tell has the page say, channel by channel, what still waits here and when the last of it will go.
func (d *demo) tell(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		for _, c := range d.channels {
			q, err := d.service.house.admin.Queue(ctx, admin.WebhookChoice{ID: c.webhook})
			says := ""
			if err == nil && q.Waiting > 0 && !q.Empty.IsZero() {
				says = fmt.Sprintf("The sender has %d more; the last is expected at %s UTC.", q.Waiting, q.Empty.UTC().Format(time.TimeOnly))
			}
			d.teams.SetSender(c.flow, says)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tellEvery is how fresh the page's sentence about the sender is.
const tellEvery = 200 * time.Millisecond

// demoEmail is who signs in to the demo's console.
const demoEmail = "demo@contoso.example"

// newcomer makes an account, so that the console can be looked at.
func (d *demo) newcomer(ctx context.Context) error {
	who := d.service.house.auth
	link, err := who.OfferSetup(ctx)
	if err != nil {
		return err
	}
	d.password = rand.Text()[:12]
	_, err = who.SetUp(ctx, auth.SetupRequest{
		Link: link, Organization: d.keys.Organization.Name, Name: "You", Email: demoEmail, Password: connector.NewSecret(d.password),
	})
	return err
}

func (d *demo) furnish(ctx context.Context) (err error) {
	desk := d.service.house.admin
	if d.keys, err = desk.Setup(ctx, admin.SetupRequest{Name: "Contoso", By: "demo"}); err != nil {
		return err
	}
	if err := d.newcomer(ctx); err != nil {
		return err
	}
	for _, c := range []struct{ name, owner string }{{"Orders", "Megan Bowen"}, {"Deployments", "Alex Wilber"}, {"Alerts", "Adele Vance"}} {
		flow, target := d.teams.AddFlow(simulator.Flow{Team: "Contoso", Channel: c.name, Owner: c.owner})
		made, err := desk.AddWebhook(ctx, connector.Actor{Name: "demo", Shell: true}, admin.WebhookRequest{
			Subscription: d.keys.Subscription.ID, WebhookFields: admin.WebhookFields{
				Name: &c.name, URL: connector.NewSecret(d.page.url() + target), FlowOwner: &c.owner, Profile: new(connector.ProfileFlowBot),
			},
		})
		if err != nil {
			return err
		}
		d.channels = append(d.channels, demoChannel{flow: flow, webhook: made.ID})
	}
	token, err := desk.CreateToken(ctx, connector.Actor{Name: "demo", Shell: true}, admin.TokenRequest{
		Name: "the printed lines", Organization: d.keys.Organization.ID, Role: connector.RoleMember, Scopes: []connector.Right{connector.RightView},
	})
	d.token = token.Text
	return err
}

// client sends as any app would: over HTTP, with the sample keys.
func (d *demo) client() *client.Client {
	return client.New(d.service.front.url(), d.keys.Keys.LicenseKey, d.keys.LicenseSecret.Reveal())
}
