// Package mail carries e-mails out over SMTP; whatever the mail server does is
// an outcome, as it is of a post to Teams.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// The longest that the steps of one mail may take. A mail server may look at a
// mail for a while before it takes it, so the last step is given long.
const (
	dialFor = 20 * time.Second
	sayFor  = time.Minute
)

// Options sets a Client up.
type Options struct {
	// Server is the URL of the mail server: smtps://user:password@host:465 (TLS from the start) or
	// smtp://user:password@host:587 (STARTTLS, which is required unless the host is this machine or the
	// URL ends with ?starttls=optional). Empty: there is none, and mails wait.
	Server connector.Secret
	// From is the sender: an address, or a name with one, "Contoso <connector@contoso.com>".
	From string
	// Roots signed the server's certificate; nil: the system's.
	Roots *x509.CertPool
}

// Client sends mails. It may be used by many goroutines at once.
type Client struct {
	server *server // nil: none is set
	from   string
}

// server is where mails go.
type server struct {
	host    string
	options []gomail.Option
	tls     *tls.Config
	// wrapped: TLS from the start.
	wrapped bool
}

// New makes a client. Its errors quote nothing of the URL but the host.
func New(o Options) (*Client, error) {
	if o.Server.Empty() {
		return &Client{}, nil
	}
	if err := gomail.NewMsg().From(o.From); err != nil {
		return nil, errors.New("the sender should be an address such as connector@contoso.com, or Contoso <connector@contoso.com>")
	}
	server, err := read(o)
	if err != nil {
		return nil, err
	}
	return &Client{server: server, from: o.From}, nil
}

var errURL = errors.New("it should look like smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS; " +
	"signs such as @ and / in user or password are written as in any URL: %40, %2F")

// CheckServer says what is wrong with the URL of a mail server; nil: it can be used.
func CheckServer(server connector.Secret) error {
	_, err := read(Options{Server: server})
	return err
}

func read(o Options) (*server, error) {
	u, err := url.Parse(o.Server.Reveal())
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, errURL // what url.Parse says quotes it
	}
	port := 587
	if u.Scheme == "smtps" {
		port = 465
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return nil, errURL
		}
	}
	s := &server{
		host: u.Hostname(), wrapped: u.Scheme == "smtps",
		tls: &tls.Config{ServerName: u.Hostname(), RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
	}
	optional := u.Query().Get("starttls") == "optional"
	policy := gomail.TLSMandatory
	switch {
	case u.Scheme != "smtp" && !s.wrapped, u.RawQuery != "" && !optional:
		return nil, errURL
	case optional, s.wrapped, here(s.host):
		policy = gomail.TLSOpportunistic // what is wrapped already offers none
	}
	s.options = []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(sayFor), gomail.WithoutNoop(), gomail.WithTLSConfig(s.tls), gomail.WithTLSPolicy(policy),
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	return s, nil
}

// call connects and signs in. The end of ctx cuts the connection, whatever is being said.
func (s *server) call(ctx context.Context) (*gomail.Client, *smtp.Client, error) {
	dial := func(dialing context.Context, network, address string) (conn net.Conn, err error) {
		dialing, cancel := context.WithTimeout(dialing, dialFor)
		defer cancel()
		plain := &net.Dialer{}
		if s.wrapped {
			conn, err = (&tls.Dialer{NetDialer: plain, Config: s.tls}).DialContext(dialing, network, address)
		} else {
			conn, err = plain.DialContext(dialing, network, address)
		}
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	c, err := gomail.NewClient(s.host, append(slices.Clone(s.options), gomail.WithDialContextFunc(dial))...)
	if err != nil {
		return nil, nil, fmt.Errorf("set up for the mail server %s: %w", s.host, err)
	}
	conn, err := c.DialToSMTPClientWithContext(ctx)
	return c, conn, err
}

// here reports whether a host is this machine.
func here(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Set reports whether there is a mail server.
func (c *Client) Set() bool { return c.server != nil }

// Check calls the mail server and signs in, without sending anything. The error says what came of it.
func (c *Client) Check(ctx context.Context) error {
	if c.server == nil {
		return errors.New("no mail server is set")
	}
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	smtp, conn, err := c.server.call(ctx)
	if err != nil {
		return errors.New(unreached(err).Detail)
	}
	return smtp.CloseWithSMTPClient(conn)
}

// Deliver makes one attempt to send a mail.
func (c *Client) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	o := c.deliver(ctx, p)
	o.Took = time.Since(start)
	return o
}

func (c *Client) deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	if c.server == nil {
		return connector.Outcome{
			Verdict: connector.VerdictGone, Reason: connector.ReasonNoMail,
			Detail: "No mail server is set, so mails wait. Set smtp-url and start the service again: then they go.",
		}
	}
	msg, err := c.write(p)
	if err != nil {
		return connector.Outcome{
			Verdict: connector.VerdictRefused, Reason: connector.ReasonBadRequest,
			Detail: "The mail can't be written: " + err.Error() + ".",
		}
	}
	smtp, conn, err := c.server.call(ctx)
	if err != nil {
		return unreached(err)
	}
	err = smtp.SendWithSMTPClient(conn, msg)
	_ = smtp.CloseWithSMTPClient(conn) // what became of the mail is known already
	if msg.IsDelivered() {
		return connector.Outcome{Verdict: connector.VerdictSent, Reason: connector.ReasonAccepted, HTTPStatus: accepted, Answer: clean(msg.ServerResponse())}
	}
	return broken(ctx, err)
}

// accepted is how SMTP says that a mail was taken (RFC 5321, 4.2.3).
const accepted = 250

// timedOut reports whether an error is that of a time limit.
func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
