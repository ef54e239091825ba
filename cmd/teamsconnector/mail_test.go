package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// postOffice is a real mail server.
type postOffice struct {
	mu    sync.Mutex
	mails []*netmail.Message
	texts []string
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return p, nil }
func (p *postOffice) Mail(string, *smtp.MailOptions) error        { return nil }
func (p *postOffice) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (p *postOffice) Reset()                                      {}
func (p *postOffice) Logout() error                               { return nil }

func (p *postOffice) Data(r io.Reader) error {
	all, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := netmail.ReadMessage(bytes.NewReader(all))
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails, p.texts = append(p.mails, m), append(p.texts, string(all))
	return nil
}

func (p *postOffice) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mails)
}

// open lets the server listen at an address until the test ends.
func (p *postOffice) open(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	srv := smtp.NewServer(p)
	srv.Domain = "mail.test"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
}

// outbox is what the API says of the mails.
func outbox(t *testing.T, n *node, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.api+"/api/v1/mails", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

var linkInMail = regexp.MustCompile(`http://[^\s"<>]+/link/tct_[0-9a-z]+`)

// Nothing of a mail is lost while no server is set, and while the one that is set
// is down; then each arrives once, and its link leads into the account.
func TestMailsWaitForTheirServerAndArriveOnce(t *testing.T) {
	in := install(t, "http://127.0.0.1:9/hook", "http://127.0.0.1:9")
	n := startNode(t, in.data)
	output(t, "user", "create", "--data", in.data, "--email", "jane@contoso.test", "--name", "Jane", "--organization", "Contoso")
	token, _ := output(t, "token", "create", "--data", in.data, "--operator", "--name", "outbox")
	if !eventually(func() bool { return strings.Contains(outbox(t, n, token), `"detail":"No mail server is set`) }) {
		t.Errorf("the outbox is %s", outbox(t, n, token))
	}
	n.terminate(t)
	if code := n.end(t); code != 0 {
		t.Fatalf("exit code is %d:\n%s", code, n.log)
	}

	office, address := &postOffice{}, freeAddress(t)
	n = startNode(t, in.data, "--smtp-url", "smtp://"+address, "--mail-from", "Contoso <connector@contoso.test>")
	<-time.After(time.Second) // the first attempts meet nobody
	office.open(t, address)
	if !eventually(func() bool { return office.count() > 0 }) {
		t.Fatalf("no mail arrived:\n%s", n.log)
	}
	doctor := command(t, "doctor", "--data", in.data, "--smtp-url", "smtp://"+address, "--mail-from", "connector@contoso.test")
	if said, _ := doctor.CombinedOutput(); !strings.Contains(string(said), "the mail server is reached") { // its exit code is that of all checks
		t.Errorf("the doctor says %s", said)
	}
	n.terminate(t)
	if code := n.end(t); code != 0 {
		t.Fatalf("exit code is %d:\n%s", code, n.log)
	}
	n = startNode(t, in.data, "--smtp-url", "smtp://"+address, "--mail-from", "Contoso <connector@contoso.test>", "--public-url", "http://localhost:1")
	<-time.After(4 * time.Second) // longer than the calendar looks away

	if got := office.count(); got != 1 {
		t.Fatalf("%d mails arrived, want one", got)
	}
	if to := office.mails[0].Header.Get("To"); !strings.Contains(to, "jane@contoso.test") {
		t.Errorf("it went to %s", to)
	}
	link := linkInMail.FindString(strings.ReplaceAll(office.texts[0], "=\r\n", ""))
	path := link[max(0, strings.Index(link, "/link/")):]
	res, err := http.Get("http://" + n.api + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(page), "jane@contoso.test") {
		t.Errorf("the link %q answers %s (%v)", path, res.Status, err)
	}
}
