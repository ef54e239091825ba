package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/mail"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

// names looks the hosts up.
func (d *doctor) names(ctx context.Context) {
	for _, host := range d.hosts {
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		look, cancel := context.WithTimeout(ctx, 5*time.Second)
		found, err := net.DefaultResolver.LookupHost(look, name)
		cancel()
		if err != nil {
			d.say("dns", checkFail, name+" is not found", "let this machine resolve Microsoft's names: see its resolver (/etc/resolv.conf) and the firewall for port 53")
			continue
		}
		d.say("dns", checkOK, fmt.Sprintf("%s has %d addresses", name, len(found)), "")
	}
}

// egress calls each host as a post would, but asks for nothing and sends nothing.
func (d *doctor) egress(ctx context.Context) {
	out := outbound.New(outbound.Options{Trusted: d.c.net.trustTargets})
	defer out.Close()
	for _, host := range d.hosts {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.origin(host)+"/", nil)
		if err != nil {
			d.say("egress", checkFail, host+" is no host", "")
			continue
		}
		began := time.Now()
		answer, failure := out.Do(ctx, req)
		if failure != nil {
			d.say("egress", checkFail, fmt.Sprintf("%s is not reached: %v", host, failure.Err), "open port 443 to Microsoft's hosts for this machine; a proxy of the environment is not used")
			continue
		}
		took := time.Since(began)
		d.say("egress", checkOK, fmt.Sprintf("%s answers in %v", host, took.Round(time.Millisecond)), "")
		if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil && d.dated == "" {
			d.dated, d.date = host, began.Add(took/2).Sub(at.Add(time.Second/2)) // the header has whole seconds
		}
	}
}

// signIn reads the description of the identity provider, as each sign-in does.
func (d *doctor) signIn(ctx context.Context) {
	o := d.c.signOnOptions()
	if o.Issuer == "" {
		d.say("sign-in", checkOK, "no identity provider: people sign in with local accounts, or by one of their organization", "")
		return
	}
	sent, at, err := auth.Discover(ctx, o)
	if err != nil {
		d.say("sign-in", checkFail, fmt.Sprintf("%s does not describe itself as a provider: %v", o.Issuer, err),
			"compare oidc-issuer with the issuer on the provider's page /.well-known/openid-configuration, and open the way to it; local accounts work meanwhile")
		return
	}
	d.say("sign-in", checkOK, fmt.Sprintf("%s describes itself; register there as redirect URI: %s", o.Issuer, auth.Callback(o, "")), "")
	const most = 30 * time.Second
	if skew := sent.Sub(at); !at.IsZero() && skew.Abs() > most {
		d.say("sign-in clock", checkWarn, fmt.Sprintf("%v from that of the provider", skew.Abs().Round(time.Second)), "let the machine keep its time: a token is refused before it is valid and after it has expired")
	}
}

// origin is where a host is called: a trusted target as it was given.
func (d *doctor) origin(host string) string {
	at := slices.IndexFunc(d.c.net.trustTargets, func(target string) bool {
		_, named, _ := strings.Cut(target, "://")
		return strings.EqualFold(named, host)
	})
	if at >= 0 {
		return d.c.net.trustTargets[at]
	}
	return "https://" + host
}

// mail calls the mail server and signs in, without sending anything.
func (d *doctor) mail(ctx context.Context) {
	letters, err := mail.New(mail.Options{Server: d.c.mail.server, From: d.c.mail.from})
	switch {
	case err != nil:
		d.say("mail", checkFail, err.Error(), "")
	case !letters.Set():
		d.say("mail", checkWarn, "no mail server is set: invitations, order confirmations and warnings wait in the operator's outbox", "set smtp-url and mail-from")
	default:
		if err := letters.Check(ctx); err != nil {
			d.say("mail", checkFail, err.Error(), "see smtp-url")
			return
		}
		d.say("mail", checkOK, "the mail server is reached and lets the service in", "")
		if d.c.net.publicURL == "" {
			d.say("mail", checkWarn, "links in mails lead to "+d.c.net.links(), "set public-url to the address by which people reach the service")
		}
	}
}
