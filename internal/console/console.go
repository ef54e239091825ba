// Package console is the face for people: pages over the same desks that the
// API asks, with the same rules.
//
// Every page works without JavaScript: links, forms, and a redirect after each
// change. The script adds what is live, Copy, and search while typing.
package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/look"
)

// Options furnishes a Console; the zero value works.
type Options struct {
	// Logger gets what went wrong on our side; nil: none.
	Logger *slog.Logger
	// PublicURL is where the installation is reached; empty: as each request says.
	PublicURL string
	// Secure: people come by https, so cookies are bound to this host and to https.
	Secure bool
	// TrustedProxies are believed what X-Forwarded-For says of where somebody comes from; nil: nobody is.
	TrustedProxies []netip.Prefix
	// SignOn signs people in by identity providers; nil: nobody comes by one.
	SignOn *auth.SignOn
	// Export writes everything that is kept of an organization; head is called before the first line.
	Export func(ctx context.Context, who connector.Actor, of connector.OrganizationID, w io.Writer, head func()) error
	// Version is this program's, for operators.
	Version string
	// FreeSpace is how many bytes may still be written where the data is; nil: not known here.
	FreeSpace func() (uint64, error)
}

// Console answers people.
type Console struct {
	desk    *admin.Admin
	who     *auth.Auth
	assets  *look.Assets
	log     *slog.Logger
	origin  string
	secure  bool
	proxies []netip.Prefix
	signOn  *auth.SignOn
	export  func(context.Context, connector.Actor, connector.OrganizationID, io.Writer, func()) error
	version string
	free    func() (uint64, error)
	started time.Time
	// live holds a place for each page that is told of changes.
	live chan struct{}
}

// New makes a console over the desks.
func New(desk *admin.Admin, who *auth.Auth, assets *look.Assets, o Options) *Console {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SignOn == nil {
		o.SignOn = auth.NewSignOn(who, auth.SignOnOptions{})
	}
	return &Console{
		desk: desk, who: who, assets: assets, log: o.Logger,
		origin: strings.TrimSuffix(o.PublicURL, "/"), secure: o.Secure, proxies: o.TrustedProxies, signOn: o.SignOn,
		export: o.Export, version: o.Version, free: o.FreeSpace, started: time.Now(),
		live: make(chan struct{}, maxLive),
	}
}

// assetsPrefix is where the static files are.
const assetsPrefix = "/static/"

// Mount adds all pages to a mux.
func (c *Console) Mount(mux *http.ServeMux) {
	guard := http.NewCrossOriginProtection()
	for _, rt := range c.routes() {
		mux.Handle(rt.pattern, guard.Handler(c.serve(rt)))
	}
	mux.Handle("GET "+assetsPrefix, c.assets)
}

// Assets makes the static files that New wants.
func Assets() (*look.Assets, error) { return look.New(assetsPrefix) }

// home leads to where somebody most likely wants to go.
func (c *Console) home(v *visit) error {
	if !v.signedIn() {
		return v.redirect("/signin")
	}
	return v.redirect("/console")
}
