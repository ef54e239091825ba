package main

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/lane"
	"github.com/teamsconnector/teamsconnector/internal/mail"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/post"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// house is every room of the service, furnished.
type house struct {
	store   *store.Store
	ring    *keyring.Ring
	engine  *gate
	ingest  *ingest.Ingester
	admin   *admin.Admin
	auth    *auth.Auth
	api     *api.API
	console *console.Console
	log     *slog.Logger
}

// build furnishes the rooms: each gets the values it needs, never the config.
func build(ctx context.Context, c config, log *slog.Logger, reg prometheus.Registerer, hints store.Hints) (*house, error) {
	log = slog.New(api.WithRequestIDs(log.Handler())) // the lines of every room
	ring, err := openRing(ctx, c.data, log)
	if err != nil {
		return nil, err
	}
	o := c.data.options()
	o.Ring, o.Logger, o.Registerer = ring, log, reg
	st, err := openStore(ctx, o)
	if err != nil {
		return nil, err
	}
	door := post.New(outbound.New(outbound.Options{Trusted: c.net.trustTargets}), post.Options{Logger: log})
	letters, err := c.mail.client(ctx, st)
	if err != nil {
		return nil, err
	}

	var in *ingest.Ingester // it and the engine tell each other
	who := auth.New(st, auth.Options{Logger: log, Rate: c.net.apiRate})
	engine := &gate{store: st, log: log}
	engine.engine, err = newEngine(nodeParts{store: st, hints: hints, carrier: c.observe.traces.carrier(doors{door, letters}), options: dispatch.Options{
		Settled:    func(all []connector.Settlement) { in.Settled(all) },
		Swept:      func(ends []connector.End) { in.Swept(ends) },
		Logger:     log,
		Registerer: reg,
		Now:        st.Now,
	}, look: func(ctx context.Context, says func(connector.LaneID) bool) { in.Look(ctx, says) }, joined: who.ShareRate})
	if err != nil {
		return nil, err
	}
	if err := engine.close(ctx); err != nil {
		return nil, err
	}
	in = ingest.New(st, ring, engine, ingest.Options{Logger: log, Registerer: reg})

	desk := admin.New(st, admin.Options{
		TrustedTargets: c.net.trustTargets, FreeAt: lane.FreeAt, Reckon: lane.Reckon, Engine: engine, Ended: in.Swept, Send: in.Send,
		AskOperator: c.orders.askOperator, Signup: c.signIn.signup == store.SignupOpen, Closed: c.signIn.signup == store.SignupClosed,
		PublicURL: c.net.links(), Operators: c.mail.operators, Logger: log,
	})
	assets, err := console.Assets()
	if err != nil {
		return nil, err
	}
	face := api.New(in, who, desk, api.Options{
		Logger: log, Ready: st.Ready, AllowedHosts: allowedHosts(c.net), PublicURL: c.net.publicURL,
		TrustedProxies: c.net.trustedProxies, Registerer: reg, Assets: assets,
	})
	return &house{
		store: st, ring: ring, engine: engine, ingest: in, admin: desk, auth: who, log: log,
		console: console.New(desk, who, assets, console.Options{
			Logger: log, PublicURL: c.net.publicURL, Secure: c.net.tlsCert != "" || strings.HasPrefix(c.net.publicURL, "https://"),
			TrustedProxies: c.net.trustedProxies, SignOn: auth.NewSignOn(who, c.signOnOptions()),
			Export: face.Export, Version: readBuild().Version, FreeSpace: spaceOf(c.data),
		}),
		api: face,
	}, nil
}

// doors lets each message out by its own door.
type doors struct{ post, mail dispatch.Carrier }

// Deliver makes one attempt.
func (d doors) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	if p.Content.Kind == connector.KindMail {
		return d.mail.Deliver(ctx, p)
	}
	return d.post.Deliver(ctx, p)
}

// client sends mails; where a server is set now, those that waited for one go on.
func (c mailConfig) client(ctx context.Context, st *store.Store) (*mail.Client, error) {
	letters, err := mail.New(mail.Options{Server: c.server, From: c.from})
	if err == nil && letters.Set() {
		err = st.OpenMails(ctx)
	}
	return letters, err
}

// links is where links in mails lead: to this machine, where nobody told how people reach it.
func (c netConfig) links() string {
	if c.publicURL != "" {
		return c.publicURL
	}
	return "http://" + c.listen
}

// allowedHosts is the hosts that a request may name. Without a public URL
// nobody knows by which names the service is reached, so any is let in.
func allowedHosts(c netConfig) []string {
	if c.publicURL == "" {
		return nil
	}
	hosts := []string{"localhost", "127.0.0.1", "[::1]", "::1"}
	if u, err := url.Parse(c.publicURL); err == nil { // it was checked when the settings were read
		hosts = append(hosts, u.Host, u.Hostname())
	}
	if host, _, err := net.SplitHostPort(c.listen); err == nil && host != "" {
		hosts = append(hosts, host)
	}
	return hosts
}

// spaceOf says how much may still be written to the data folder; nil: the data is elsewhere.
func spaceOf(c dataConfig) func() (uint64, error) {
	if c.dir == "" || !c.database.Empty() {
		return nil
	}
	return func() (uint64, error) { return freeSpace(c.dir) }
}
