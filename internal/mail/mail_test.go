package mail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/mail"
)

// server is a real mail server that can be told to misbehave.
type server struct {
	mu    sync.Mutex
	mails [][]byte
	// What it answers; nil: it takes the mail.
	onMail, onRcpt, onData error
	hangUp                 string // before the answer to this command
	user, password         string // empty: nobody signs in
}

type session struct {
	*server
	conn *smtp.Conn
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

func (s *session) at(command string, answer error) error {
	if s.hangUp == command {
		_ = s.conn.Conn().Close()
	}
	return answer
}

func (s *session) Mail(string, *smtp.MailOptions) error { return s.at("MAIL", s.onMail) }
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.at("RCPT", s.onRcpt) }
func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }

func (s *session) Data(r io.Reader) error {
	all, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, all)
	return s.at("DATA", s.onData)
}

func (s *session) AuthMechanisms() []string {
	if s.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.user || password != s.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such user " + user}
		}
		return nil
	}), nil
}

// start serves on a port of its own; with a TLS configuration STARTTLS is offered,
// and TLS from the start where at is "smtps".
func (s *server) start(t *testing.T, at string, config *tls.Config) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url = at + "://" + listener.Addr().String()
	if at == "smtps" {
		listener = tls.NewListener(listener, config)
	}
	srv := smtp.NewServer(s)
	srv.Domain, srv.TLSConfig, srv.EnableSMTPUTF8 = "mail.test", config, true
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(listener) // ends with Close
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return url
}

func (s *server) only(t *testing.T) *netmail.Message {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) != 1 {
		t.Fatalf("%d mails arrived, want 1", len(s.mails))
	}
	m, err := netmail.ReadMessage(bytes.NewReader(s.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func client(t *testing.T, url string, roots *x509.CertPool) *mail.Client {
	t.Helper()
	c, err := mail.New(mail.Options{Server: connector.NewSecret(url), From: "Contoso <connector@contoso.test>", Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parcel(t *testing.T, m connector.Mail) connector.Parcel {
	t.Helper()
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return connector.Parcel{Message: "msg_1", Content: connector.Content{Kind: connector.KindMail, Body: body}}
}

func hello() connector.Mail {
	return connector.Mail{
		To: "jane@fabrikam.test", Name: "Jané Dœ 🎉", Subject: "Your order is confirmed – größer",
		Lines: []string{"Hello <Jané>,", "it works."}, Button: "Open it", Link: "https://connector.contoso.test/link/abc?x=1&y=2",
		Product: "Contoso & Co", Support: "help@contoso.test",
	}
}

func TestAMailArrivesAsTextAndAsHTML(t *testing.T) {
	s := &server{}
	c := client(t, s.start(t, "smtp", nil), nil)

	o := c.Deliver(t.Context(), parcel(t, hello()))

	if o.Verdict != connector.VerdictSent || o.HTTPStatus != 250 {
		t.Fatalf("outcome %+v, want sent", o)
	}
	got := s.only(t)
	word := new(mime.WordDecoder)
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Name != hello().Name || to[0].Address != hello().To {
		t.Errorf("To is %v (%v)", to, err)
	}
	if subject, _ := word.DecodeHeader(got.Header.Get("Subject")); subject != hello().Subject {
		t.Errorf("the subject is %q", subject)
	}
	if id := got.Header.Get("Message-ID"); id != "<msg_1@contoso.test>" {
		t.Errorf("the Message-ID is %q: a repeat could not be told from another mail", id)
	}
	_, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []struct{ kind, text string }{
		{"text/plain", "Hello <Jané>,\r\n\r\nit works.\r\n\r\nOpen it:\r\nhttps://connector.contoso.test/link/abc?x=1&y=2\r\n\r\nQuestions? help@contoso.test\r\n\r\n-- \r\nContoso & Co"},
		{"text/html", `<a href="https://connector.contoso.test/link/abc?x=1&amp;y=2"`},
	} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want.kind) || !strings.Contains(string(body), want.text) || !strings.Contains(string(body), "Questions? "+hello().Support) {
			t.Errorf("part %s (%v) is\n%s\nwant in it %s", part.Header.Get("Content-Type"), err, body, want.text)
		}
	}
}

func TestNothingThatPeopleTypedBeginsAHeader(t *testing.T) {
	for _, evil := range []string{"x\r\nBcc: evil@evil.test", "x\nBcc: evil@evil.test", "x\rBcc: evil@evil.test", "x\u2028Bcc: evil@evil.test", "x\x00\r\n\r\nBcc: body"} {
		s := &server{}
		c := client(t, s.start(t, "smtp", nil), nil)
		m := hello()
		m.Name, m.Subject = evil, evil

		o := c.Deliver(t.Context(), parcel(t, m))

		if o.Verdict != connector.VerdictSent {
			t.Fatalf("outcome %+v, want sent", o)
		}
		got := s.only(t)
		if bcc := got.Header.Get("Bcc"); bcc != "" {
			t.Errorf("%q made a header Bcc: %s", evil, bcc)
		}
		if got.Header.Get("Auto-Submitted") == "" {
			t.Errorf("%q ended the headers early: %v", evil, got.Header)
		}
		m.To = "jane@fabrikam.test" + evil
		if o := c.Deliver(t.Context(), parcel(t, m)); o.Verdict != connector.VerdictRefused {
			t.Errorf("the address %q: %+v, want refused", m.To, o)
		}
	}
}

func TestEachAnswerOfAMailServerHasItsVerdict(t *testing.T) {
	say := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: "because"}
	}
	for name, tt := range map[string]struct {
		server  *server
		verdict connector.Verdict
		reason  connector.Reason
		code    int
	}{
		"the address is unknown":         {&server{onRcpt: say(550)}, connector.VerdictRefused, connector.ReasonBadRequest, 550},
		"the mailbox is full":            {&server{onRcpt: say(452)}, connector.VerdictRetry, connector.ReasonServerError, 452},
		"the mail is refused":            {&server{onData: say(554)}, connector.VerdictRefused, connector.ReasonBadRequest, 554},
		"the mail is not taken now":      {&server{onData: say(451)}, connector.VerdictRetry, connector.ReasonServerError, 451},
		"the sender is refused":          {&server{onMail: say(550)}, connector.VerdictRetry, connector.ReasonForbidden, 550},
		"it is lost before the mail":     {&server{hangUp: "RCPT"}, connector.VerdictRetry, connector.ReasonBroken, 0},
		"it is lost when all is written": {&server{hangUp: "DATA"}, connector.VerdictUncertain, connector.ReasonBroken, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, tt.server.start(t, "smtp", nil), nil)

			o := c.Deliver(t.Context(), parcel(t, hello()))

			if o.Verdict != tt.verdict || o.Reason != tt.reason || o.HTTPStatus != tt.code || o.Detail == "" {
				t.Errorf("outcome %+v, want %v, %s, %d", o, tt.verdict, tt.reason, tt.code)
			}
		})
	}
}

func TestAMailServerThatIsAwayIsTriedAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "smtp://" + listener.Addr().String()
	_ = listener.Close()

	o := client(t, url, nil).Deliver(t.Context(), parcel(t, hello()))

	if o.Verdict != connector.VerdictRetry || o.Reason != connector.ReasonConnect {
		t.Errorf("outcome %+v, want retry", o)
	}
}

func TestWithoutAMailServerMailsWait(t *testing.T) {
	c, err := mail.New(mail.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o := c.Deliver(t.Context(), parcel(t, hello())); o.Verdict != connector.VerdictGone || o.Reason != connector.ReasonNoMail || c.Set() {
		t.Errorf("outcome %+v, want that it stops the lane and keeps the mail", o)
	}
}

func TestAPasswordGoesOnlyOverTLSAndIsNeverShown(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	config := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	const secret = "pa/ss@canary"
	const userinfo = "jane:pa%2Fss%40canary@"
	for name, tt := range map[string]struct {
		at       string
		config   *tls.Config
		roots    *x509.CertPool
		password string
		verdict  connector.Verdict
		reason   connector.Reason
	}{
		"TLS from the start":      {"smtps", config, roots, secret, connector.VerdictSent, connector.ReasonAccepted},
		"STARTTLS":                {"smtp", config, roots, secret, connector.VerdictSent, connector.ReasonAccepted},
		"a wrong password":        {"smtps", config, roots, "other", connector.VerdictRetry, connector.ReasonUnauthorized},
		"an unknown certificate":  {"smtps", config, nil, secret, connector.VerdictRetry, connector.ReasonTLS},
		"a stranger after a HELO": {"smtp", config, nil, secret, connector.VerdictRetry, connector.ReasonTLS},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{user: "jane", password: tt.password}
			url := s.start(t, tt.at, tt.config)
			c := client(t, strings.Replace(url, "://", "://"+userinfo, 1), tt.roots)

			o := c.Deliver(t.Context(), parcel(t, hello()))

			if o.Verdict != tt.verdict || o.Reason != tt.reason {
				t.Errorf("outcome %+v, want %v for %s", o, tt.verdict, tt.reason)
			}
			said := fmt.Sprintf("%+v %v", o, c.Check(t.Context()))
			if strings.Contains(said, "canary") {
				t.Errorf("the password is shown: %s", said)
			}
			if err := c.Check(t.Context()); (err == nil) != (tt.verdict == connector.VerdictSent) {
				t.Errorf("the check says %v", err)
			}
		})
	}
}

func TestWhatIsNoMailServerIsRefusedWithoutQuotingIt(t *testing.T) {
	for _, url := range []string{
		"canary", "http://canary:canary@host", "smtp://", "smtp://host/canary", "smtp://host:99999", "smtp://ca%nary@host", "smtp://host?starttls=canary",
	} {
		_, err := mail.New(mail.Options{Server: connector.NewSecret(url), From: "a@b.test"})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want an error that does not quote it", url, err)
		}
	}
	if _, err := mail.New(mail.Options{Server: connector.NewSecret("smtp://host"), From: "nobody"}); err == nil {
		t.Error("a sender without an address is taken")
	}
}

func TestTheEndOfTheContextEndsAnAttempt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	came := make(chan net.Conn, 1)
	go func() {
		if conn, err := listener.Accept(); err == nil { // and never says a word
			came <- conn
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	c := client(t, "smtp://"+listener.Addr().String(), nil)
	ended := make(chan connector.Outcome)
	go func() { ended <- c.Deliver(ctx, parcel(t, hello())) }()
	conn := <-came
	defer func() { _ = conn.Close() }()

	cancel()

	if o := <-ended; o.Verdict != connector.VerdictRetry {
		t.Errorf("outcome %+v, want retry", o)
	}
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
