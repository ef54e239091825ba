package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// signOnPath is where people go to an identity provider, and come back from it.
const signOnPath = "/signin/oidc"

const (
	flowCookie = "signon"
	// wayCookie remembers by which organization's provider somebody signed in last.
	wayCookie = "way"
	wayLife   = 365 * 24 * time.Hour
)

// doors are the ways to sign in that a page offers.
type doors struct {
	ways []auth.Way
	// left is where to sign out at the provider too, for somebody who just signed out here.
	left templLink
	out  bool
}

type templLink struct{ name, url string }

// doors are the installation's provider, and the one that this browser came by last.
func (v *visit) doors() (d doors) {
	ctx := v.r.Context()
	d.ways, _ = v.signOn.Ways(ctx, "") // without a person it asks nobody
	last := v.lastWay()
	if last != "" {
		if name, err := v.signOn.NameOf(ctx, last); err == nil { // it may have been taken away meanwhile
			d.ways = append([]auth.Way{{Directory: last, Name: name}}, d.ways...)
		}
	}
	if d.out = v.r.URL.Query().Get("out") != ""; d.out && len(d.ways) > 0 {
		d.left = templLink{d.ways[0].Name, v.signOn.LeaveURL(ctx, last)}
	}
	return d
}

func (v *visit) lastWay() connector.DirectoryID {
	cookie, err := v.r.Cookie(v.cookieName(wayCookie))
	if err != nil || !connector.ValidID(connector.DirectoryPrefix, cookie.Value) {
		return ""
	}
	return connector.DirectoryID(cookie.Value)
}

// startSignOn leads to an identity provider. It is a link, because the policy lets no form lead to other hosts.
func (c *Console) startSignOn(v *visit) error {
	to, err := v.beginSignOn(auth.SignOnRequest{
		Directory: connector.DirectoryID(v.r.PathValue("directory")), Next: local(v.r.FormValue("next"), "/"),
	})
	var known *connector.Error
	if errors.As(err, &known) && known.Code == connector.NotAccepted {
		f := v.typed()
		f.errs[""] = known.Message
		return v.show(http.StatusServiceUnavailable, page{title: "Sign in", narrow: true}, signInForm(v, f, v.r.FormValue("next"), v.doors()))
	}
	if err != nil {
		return err
	}
	return v.redirect(to)
}

func (v *visit) beginSignOn(r auth.SignOnRequest) (to string, err error) {
	to, cookie, err := v.signOn.Start(v.r.Context(), r)
	if err == nil {
		v.setCookie(v.cookieName(flowCookie), cookie, auth.FlowLife)
	}
	return to, err
}

// linkSignOn lets who holds a one-time link come by an identity provider, from then on.
func (c *Console) linkSignOn(v *visit) error {
	link := v.r.PathValue("link")
	if _, err := c.who.LinkHolder(v.r.Context(), link); err != nil {
		return v.dead(err)
	}
	to, err := v.beginSignOn(auth.SignOnRequest{Directory: connector.DirectoryID(v.r.FormValue("directory")), Next: local(v.r.FormValue("next"), "/"), Link: link})
	if err != nil {
		return err
	}
	return v.redirect(to)
}

// endSignOn is where an identity provider sends people back to.
func (c *Console) endSignOn(v *visit) error {
	answer := auth.SignOnAnswer{
		Directory: connector.DirectoryID(v.r.PathValue("directory")), Query: v.r.URL.Query(), Person: v.session.Person,
		Address: auth.AddressOf(v.r, c.proxies).String(), Browser: v.r.UserAgent(),
	}
	if cookie, err := v.r.Cookie(c.cookieName(flowCookie)); err == nil {
		answer.Cookie = cookie.Value
	}
	v.setCookie(c.cookieName(flowCookie), "", -time.Second)
	done, err := c.signOn.Finish(v.r.Context(), answer)
	if err != nil {
		return err
	}
	next := local(done.Next, "/")
	if done.Secret == "" {
		return v.done(next, "Connected: you can sign in by it from now on.")
	}
	v.setCookie(c.cookieName(sessionCookie), done.Secret, auth.SessionLife)
	if answer.Directory != "" {
		v.setCookie(c.cookieName(wayCookie), string(answer.Directory), wayLife)
	}
	return v.redirect(next)
}

// accountView is what somebody's own page shows.
type accountView struct {
	sessions   []auth.Browser
	identities []auth.BoundIdentity
	ways       []auth.Way
}

func (c *Console) account(v *visit) (err error) {
	ctx := v.r.Context()
	var a accountView
	if a.sessions, err = c.who.Sessions(ctx, v.session); err != nil {
		return err
	}
	if a.identities, err = c.who.Identities(ctx, v.session); err != nil {
		return err
	}
	if a.ways, err = c.signOn.Ways(ctx, v.session.Person); err != nil {
		return err
	}
	return v.show(http.StatusOK, page{title: "Account"}, accountPage(v, a))
}

// connect begins to bind an identity provider to the account of who is signed in. The page that
// answers leads there by a link: another site can't make somebody do it.
func (c *Console) connect(v *visit) error {
	id := connector.DirectoryID(v.field("directory"))
	to, err := v.beginSignOn(auth.SignOnRequest{Directory: id, Next: "/account", Person: v.session.Person})
	if err != nil {
		return err
	}
	way := templLink{c.signOn.Name(), to}
	if id != "" {
		if way.name, err = c.signOn.NameOf(v.r.Context(), id); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, page{title: "Connect", narrow: true}, connectPage(v, way))
}

func (c *Console) disconnect(v *visit) error {
	if err := c.who.Disconnect(v.r.Context(), v.session, v.field("issuer")); err != nil {
		return err
	}
	return v.done("/account", "Disconnected: nobody comes into your account by it any more.")
}
