// Package console is the face for people: pages over the same desks that the
// API asks, with the same rules.
//
// Every page works without JavaScript: links, forms, and a redirect after each
// change. The script adds what is live, Copy, and search while typing.
package console

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
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
		live: make(chan struct{}, maxLive),
	}
}

// route is one page, or one thing that a form does.
type route struct {
	pattern string // of http.ServeMux
	handle  func(v *visit) error
	// open: it may be used without being signed in.
	open bool
}

// routes is all that the console answers.
func (c *Console) routes() []route {
	return []route{
		{pattern: "GET /{$}", handle: c.home, open: true},
		{pattern: "GET /signin", handle: c.signInPage, open: true},
		{pattern: "POST /signin", handle: c.signIn, open: true},
		{pattern: "GET " + signOnPath, handle: c.startSignOn, open: true},
		{pattern: "GET " + signOnPath + "/callback", handle: c.endSignOn, open: true},
		{pattern: "GET " + signOnPath + "/{directory}", handle: c.startSignOn, open: true},
		{pattern: "GET " + signOnPath + "/{directory}/callback", handle: c.endSignOn, open: true},
		{pattern: "GET /forgot", handle: c.forgotPage, open: true},
		{pattern: "POST /forgot", handle: c.forgot, open: true},
		{pattern: "POST /signout", handle: c.signOut},
		{pattern: "GET /setup/{link}", handle: c.setupPage, open: true},
		{pattern: "POST /setup/{link}", handle: c.setUp, open: true},
		{pattern: "GET /link/{link}", handle: c.linkPage, open: true},
		{pattern: "POST /link/{link}", handle: c.useLink, open: true},
		{pattern: "GET /link/{link}/oidc", handle: c.linkSignOn, open: true},
		{pattern: "POST /theme", handle: c.theme, open: true},
		{pattern: "GET /console", handle: c.webhooks},
		{pattern: "GET /console/events", handle: c.events},
		{pattern: "POST /console/webhooks", handle: c.addWebhook},
		{pattern: "GET /webhooks/{id}", handle: c.webhook},
		{pattern: "POST /webhooks/{id}/edit", handle: c.editWebhook},
		{pattern: "POST /webhooks/{id}/settings", handle: c.settings},
		{pattern: "POST /webhooks/{id}/reveal", handle: c.reveal},
		{pattern: "POST /webhooks/{id}/delete", handle: c.deleteWebhook},
		{pattern: "POST /webhooks/{id}/pause", handle: c.pauseWebhook},
		{pattern: "POST /webhooks/{id}/resume", handle: c.resumeWebhook},
		{pattern: "POST /webhooks/{id}/test", handle: c.testWebhook},
		{pattern: "GET /messages", handle: c.messages},
		{pattern: "GET /messages/{id}", handle: c.message},
		{pattern: "POST /messages/resend", handle: c.resendFailed},
		{pattern: "POST /messages/{id}/resend", handle: c.resendMessage},
		{pattern: "POST /messages/{id}/cancel", handle: c.cancelMessage},
		{pattern: "POST /messages/{id}/resolve", handle: c.resolveMessage},
		{pattern: "GET /subscriptions", handle: c.subscriptions},
		{pattern: "GET /subscriptions/{id}", handle: c.subscription},
		{pattern: "POST /subscriptions/{id}/name", handle: c.renameInstance},
		{pattern: "POST /subscriptions/{id}/keys", handle: c.createKeys},
		{pattern: "POST /subscriptions/{id}/keys/{keys}/delete", handle: c.deleteKeys},
		{pattern: "POST /subscriptions/{id}/cancel", handle: c.cancelSubscription},
		{pattern: "GET /marketplace", handle: c.marketplace, open: true},
		{pattern: "GET /marketplace/trial", handle: c.trial},
		{pattern: "POST /marketplace/trial", handle: c.enableTrial},
		{pattern: "GET /marketplace/subscribe", handle: c.subscribe},
		{pattern: "POST /marketplace/subscribe", handle: c.placeOrder},
		{pattern: "GET /orders/{id}", handle: c.orderReceived},
		{pattern: "GET /members", handle: c.members},
		{pattern: "POST /organizations/{id}/members", handle: c.addMember},
		{pattern: "POST /organizations/{id}/members/{person}/role", handle: c.changeRole},
		{pattern: "POST /organizations/{id}/members/{person}/remove", handle: c.removeMember},
		{pattern: "POST /organizations/{id}/tokens", handle: c.createToken},
		{pattern: "POST /organizations/{id}/tokens/{token}/revoke", handle: c.revokeToken},
		{pattern: "POST /subscriptions/{id}/notify", handle: c.changeNotify},
		{pattern: "GET /notices", handle: c.notices},
		{pattern: "GET /operate/outbox", handle: c.outbox},
		{pattern: "GET /operate/outbox/{id}", handle: c.letter},
		{pattern: "GET /account", handle: c.account},
		{pattern: "POST /account/sessions/{id}/end", handle: c.endSession},
		{pattern: "POST /account/connect", handle: c.connect},
		{pattern: "POST /account/disconnect", handle: c.disconnect},
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
