package mendix_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	testKey    = "tck_test"
	testSecret = "tcs_canary" // #nosec G101 -- made up, and looked for in what must not hold it
)

// jdk is where the module's Java was compiled to, once for all tests.
type jdk struct {
	dir, classes string
	err          error
}

var (
	compileOnce sync.Once
	compiled    jdk
)

func TestMain(m *testing.M) {
	code := m.Run()
	if compiled.dir != "" {
		_ = os.RemoveAll(compiled.dir)
	}
	os.Exit(code)
}

// java compiles the sources out of the package itself, as Java 11.
func java(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("javac"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no javac: install a JDK of version 11 or later")
		}
		t.Skip("there is no javac: install a JDK of version 11 or later to run this test")
	}
	compileOnce.Do(func() {
		compiled.dir, compiled.err = os.MkdirTemp("", "mendix-java-") //nolint:usetesting // it outlives the test that makes it
		if compiled.err != nil {
			return
		}
		compiled.classes = filepath.Join(compiled.dir, "classes")
		compiled.err = compile(t, compiled.classes, nil)
	})
	if compiled.err != nil {
		t.Fatal(compiled.err)
	}
	return compiled.classes
}

// compile unpacks the sources of the package, changes some, and compiles them
// beside the stand-ins for the Mendix runtime.
func compile(t *testing.T, classes string, change func(name, source string) string) error {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--release", "11", "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-d", classes}
	for name, content := range readPackage(t, pack(t, exampleURL)).files {
		inside, ok := strings.CutPrefix(name, "javasource/")
		if !ok {
			continue
		}
		source := string(content)
		if change != nil {
			source = change(inside, source)
		}
		path := filepath.Join(dir, filepath.FromSlash(inside))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			return err
		}
		args = append(args, path)
	}
	stubs, err := filepath.Glob("testdata/stubs/*/*/*.java")
	if err != nil {
		return err
	}
	for _, deeper := range []string{"testdata/stubs/*/*/*/*.java", "testdata/stubs/*/*/*/*/*.java"} {
		more, err := filepath.Glob(deeper)
		if err != nil {
			return err
		}
		stubs = append(stubs, more...)
	}
	out, err := exec.CommandContext(t.Context(), "javac", append(args, stubs...)...).CombinedOutput() // #nosec G204 -- names of our own files
	if err != nil {
		return fmt.Errorf("javac --release 11: %w\n%s", err, out)
	}
	return nil
}

// app is a Mendix app with the module in it, as far as Java goes: one JVM that
// runs actions one after the other.
type app struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// response is a SendMessageResponse.
type response struct {
	Sent                     bool
	Status, Message, ID, URL string
	logged                   string
	hasNull                  bool
}

func newApp(t *testing.T, constants map[string]string) *app {
	t.Helper()
	c := exec.CommandContext(t.Context(), "java", "-cp", java(t), "-Xshare:auto", "-XX:TieredStopAtLevel=1", "msteamsconnectormodule.impl.Drive")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // the program ends with its input
		if err := c.Wait(); err != nil && !errors.Is(err, t.Context().Err()) && stderr.Len() > 0 {
			t.Logf("java: %v\n%s", err, stderr.String())
		}
	})
	a := &app{t: t, in: in, out: bufio.NewReader(out)}
	all := map[string]string{"ServiceURL": "", "LicenseKey": testKey, "LicenseSecret": testSecret, "WaitSeconds": "10"}
	for name, value := range constants {
		all[name] = value
	}
	for name, value := range all {
		a.set(name, value)
	}
	return a
}

// none is a parameter that the microflow left empty: Java gets null.
const none = "\x00"

func (a *app) line(command string, args ...string) string {
	a.t.Helper()
	words := []string{command}
	for _, arg := range args {
		switch arg {
		case none:
			words = append(words, "-")
		case "":
			words = append(words, "=")
		default:
			words = append(words, base64.StdEncoding.EncodeToString([]byte(arg)))
		}
	}
	if _, err := fmt.Fprintln(a.in, strings.Join(words, " ")); err != nil {
		a.t.Fatal(err)
	}
	line, err := a.out.ReadString('\n')
	if err != nil {
		a.t.Fatalf("java answered nothing: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (a *app) set(constant, value string) {
	a.t.Helper()
	if got := a.line("constant", constant, value); got != "ok" {
		a.t.Fatal(got)
	}
}

func (a *app) run(command string, args ...string) response {
	a.t.Helper()
	line := a.line(command, args...)
	rest, ok := strings.CutPrefix(line, "answer ")
	if !ok {
		a.t.Fatal(line)
	}
	var values []string
	var r response
	for word := range strings.SplitSeq(rest, " ") {
		switch word {
		case "-":
			r.hasNull = true
			values = append(values, "")
		case "=":
			values = append(values, "")
		default:
			b, err := base64.StdEncoding.DecodeString(word)
			if err != nil {
				a.t.Fatalf("%s: %v", line, err)
			}
			values = append(values, string(b))
		}
	}
	r.Sent, r.Status, r.Message, r.ID, r.URL, r.logged = values[0] == "true", values[1], values[2], values[3], values[4], values[5]
	if r.hasNull {
		a.t.Errorf("the response has an empty attribute: %q", values)
	}
	if strings.Contains(strings.Join(values, " "), testSecret) {
		a.t.Errorf("the response or the log holds the license secret: %q", values)
	}
	return r
}

// send runs the activity Microsoft Teams Connector.
func (a *app) send(webhookID, textMessage string) response {
	a.t.Helper()
	return a.run("action", "SendMessage", webhookID, textMessage)
}

// call is a request as the service got it.
type call struct {
	Method, Path, Prefer, Type, User, Password string
	Body                                       map[string]any
}

// service answers as the API does, and remembers what it was asked.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.Handler
	calls  []call
}

func newService(t *testing.T, answer http.Handler) *service {
	t.Helper()
	s := &service{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{Method: r.Method, Path: r.URL.RequestURI(), Prefer: r.Header.Get("Prefer"), Type: r.Header.Get("Content-Type")}
		c.User, c.Password, _ = r.BasicAuth()
		if b, _ := io.ReadAll(r.Body); len(b) > 0 {
			if err := json.Unmarshal(b, &c.Body); err != nil {
				t.Errorf("the body is not JSON: %v: %s", err, b)
			}
		}
		s.mu.Lock()
		s.calls = append(s.calls, c)
		answer := s.answer
		s.mu.Unlock()
		answer.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// set changes what the service answers from now on.
func (s *service) set(answer http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// take returns what the service was asked since the last time.
func (s *service) take() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// reply is one answer of the API.
type reply struct {
	status int
	body   string
	header map[string]string
}

func (r reply) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.body)
}

func accepted(sent bool, status, message string) string {
	return fmt.Sprintf(`{"sentMessage":%t,"message":%q,"messageId":"msg_1","status":%q,"messageUrl":"https://teams.example.com/m/msg_1"}`, sent, message, status)
}

func refused(code, message string) string {
	return fmt.Sprintf(`{"type":"about:blank","title":"T","status":1,"detail":%q,"code":%q,"errors":[{"pointer":"/x","detail":"d"}],"sentMessage":false,"message":%q}`, message, code, message)
}

// The rows of the API's table, and what the activity makes of each.
func TestActivitySaysWhatTheServiceSays(t *testing.T) {
	const id, page = "msg_1", "https://teams.example.com/m/msg_1"
	tests := map[string]struct {
		reply reply
		want  response
	}{
		"sent":      {reply{200, accepted(true, "sent", "Microsoft Teams accepted the message."), nil}, response{Sent: true, Status: "sent", Message: "Microsoft Teams accepted the message.", ID: id, URL: page}},
		"posted":    {reply{200, accepted(true, "posted", "It is in the channel."), nil}, response{Sent: true, Status: "posted", Message: "It is in the channel.", ID: id, URL: page}},
		"accepted":  {reply{200, accepted(false, "accepted", "It is on its way."), nil}, response{Status: "accepted", Message: "It is on its way.", ID: id, URL: page}},
		"at once":   {reply{202, accepted(false, "accepted", "It is on its way."), nil}, response{Status: "accepted", Message: "It is on its way.", ID: id, URL: page}},
		"held":      {reply{200, accepted(false, "held", "The webhook is paused."), nil}, response{Status: "held", Message: "The webhook is paused.", ID: id, URL: page}},
		"failed":    {reply{200, accepted(false, "failed", "Teams refused it."), nil}, response{Status: "failed", Message: "Teams refused it.", ID: id, URL: page}},
		"expired":   {reply{200, accepted(false, "expired", "Its life ended."), nil}, response{Status: "expired", Message: "Its life ended.", ID: id, URL: page}},
		"uncertain": {reply{200, accepted(false, "uncertain", "It is not known."), nil}, response{Status: "uncertain", Message: "It is not known.", ID: id, URL: page}},
		"no page":   {reply{200, `{"sentMessage":true,"message":"m","messageId":"msg_1","status":"sent"}`, nil}, response{Sent: true, Status: "sent", Message: "m", ID: id}},

		"license invalid":      {reply{401, refused("license_invalid", "Check LicenseKey and LicenseSecret."), nil}, response{Status: "license_invalid", Message: "Check LicenseKey and LicenseSecret."}},
		"subscription expired": {reply{403, refused("subscription_expired", "Renew it."), nil}, response{Status: "subscription_expired", Message: "Renew it."}},
		"quota used up":        {reply{403, refused("message_quota_exhausted", "1,000 of 1,000 used."), nil}, response{Status: "message_quota_exhausted", Message: "1,000 of 1,000 used."}},
		"webhook not found":    {reply{404, refused("webhook_not_found", "Copy the Webhook ID."), nil}, response{Status: "webhook_not_found", Message: "Copy the Webhook ID."}},
		"key reused":           {reply{409, refused("message_key_reused", "Other content."), nil}, response{Status: "message_key_reused", Message: "Other content."}},
		"too large":            {reply{413, refused("too_large", "Shorten it."), nil}, response{Status: "too_large", Message: "Shorten it."}},
		"wrong field":          {reply{422, refused("invalid_field", "The text is blank."), nil}, response{Status: "invalid_field", Message: "The text is blank."}},
		"rate limited":         {reply{429, refused("rate_limited", "Wait."), map[string]string{"Retry-After": "600"}}, response{Status: "rate_limited", Message: "Wait."}},
		"not accepted":         {reply{503, refused("not_accepted", "Not now."), map[string]string{"Retry-After": "8"}}, response{Status: "not_accepted", Message: "Not now."}},
	}
	s := newService(t, nil)
	a := newApp(t, map[string]string{"ServiceURL": s.URL})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.set(test.reply)

			got := a.send("wh_1", "Hello")

			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if n := len(s.take()); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

func TestActivitySendsTextWithLicenseAndKeyOfItsOwn(t *testing.T) {
	s := newService(t, reply{200, accepted(true, "sent", "ok"), nil})
	a := newApp(t, map[string]string{"ServiceURL": s.URL + "/"})
	const difficult = "Zeile 1\r\nLine \"2\"\t\\ü€😀\u2028</script>\x01"

	a.send("wh_1", difficult)
	a.send("wh_1", difficult)
	a.set("WaitSeconds", "0")
	a.send("wh_1", difficult)

	calls := s.take()
	var keys []string
	for i, c := range calls {
		key, _ := c.Body["messageKey"].(string)
		if !regexp.MustCompile(`^mendix-[0-9a-f-]{36}$`).MatchString(key) || slices.Contains(keys, key) {
			t.Errorf("call %d has the key %q", i, key)
		}
		keys = append(keys, key)
		delete(c.Body, "messageKey")
		want := call{"POST", "/api/v1/messages", "wait=10", "application/json", testKey, testSecret, map[string]any{"webhookId": "wh_1", "textMessage": difficult}}
		if i == 2 {
			want.Prefer = "respond-async"
		}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Error(diff)
		}
	}
	if len(calls) != 3 {
		t.Errorf("%d calls, want 3", len(calls))
	}
}

func TestActivityRepeatsWithTheSameKeyWhereThatMayHelp(t *testing.T) {
	var tries atomic.Int32
	s := newService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch tries.Add(1) {
		case 1:
			reply{503, refused("not_accepted", "Not now."), map[string]string{"Retry-After": "1"}}.ServeHTTP(w, r)
		case 2:
			panic(http.ErrAbortHandler) // breaks the connection
		default:
			reply{200, accepted(true, "sent", "ok"), nil}.ServeHTTP(w, r)
		}
	}))
	a := newApp(t, map[string]string{"ServiceURL": s.URL})

	got := a.send("wh_1", "Hello")

	calls := s.take()
	if !got.Sent || len(calls) != 3 {
		t.Fatalf("got %+v after %d calls", got, len(calls))
	}
	if diff := cmp.Diff([]call{calls[0], calls[0], calls[0]}, calls); diff != "" {
		t.Errorf("a repeat differs from the first call: %s", diff)
	}
}

func TestActivityNeverClaimsMoreThanItKnows(t *testing.T) {
	html := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>proxy</html>")
	}
	tests := map[string]struct {
		answer  http.Handler
		status  string
		message string // a part of it
	}{
		"end of the commit unknown":    {reply{503, refused("accept_unknown", "Repeat it."), map[string]string{"Retry-After": "1"}}, "accept_unknown", "Repeat it."},
		"connection always broken":     {http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "timeout", "may have been stored"},
		"a proxy's page":               {http.HandlerFunc(html), "unexpected_answer", "HTTP 502"},
		"a redirect":                   {http.RedirectHandler("https://elsewhere.example.com/", http.StatusFound), "unexpected_answer", "HTTP 302"},
		"another service":              {reply{200, `{"ok":true}`, nil}, "unexpected_answer", "HTTP 200"},
		"half an answer":               {reply{200, `{"sentMessage":true,"status":"sent"`, nil}, "unexpected_answer", "HTTP 200"},
		"sent as a text":               {reply{200, `{"sentMessage":"true","status":"sent","message":"m"}`, nil}, "unexpected_answer", "HTTP 200"},
		"sent, with an error's status": {reply{500, accepted(true, "sent", "m"), nil}, "unexpected_answer", "HTTP 500"},
		"an answer without end":        {reply{200, strings.Repeat(" ", 3<<20), nil}, "timeout", "may have been stored"},
		"deep nesting":                 {reply{200, strings.Repeat("[", 100_000), nil}, "unexpected_answer", "HTTP 200"},
	}
	s := newService(t, nil)
	a := newApp(t, map[string]string{"ServiceURL": s.URL})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.set(test.answer)

			got := a.send("wh_1", "Hello")

			if got.Sent || got.Status != test.status || !strings.Contains(got.Message, test.message) || got.ID != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestActivitySaysThatAnEarlierAttemptMayHaveCounted(t *testing.T) {
	var tries atomic.Int32
	s := newService(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			panic(http.ErrAbortHandler) // after the message was read
		}
		reply{503, refused("not_accepted", "Not now."), map[string]string{"Retry-After": "60"}}.ServeHTTP(w, r)
	}))
	a := newApp(t, map[string]string{"ServiceURL": s.URL})

	if got := a.send("wh_1", "Hello"); got.Status != "timeout" || !strings.Contains(got.Message, "may have been stored") {
		t.Errorf("got %+v", got)
	}
}

func TestActivityTellsServerDownFromServerSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := "http://" + l.Addr().String()
	_ = l.Close()
	silent := make(chan struct{})
	s := newService(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer close(silent)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	a := newApp(t, nil)

	for name, url := range map[string]string{"refused": down, "no such host": "http://teams.invalid", "unknown authority": secure.URL} {
		a.set("ServiceURL", url)
		if got := a.send("wh_1", "Hello"); got.Status != "not_reached" || !strings.Contains(got.Message, "nothing was sent") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	began := time.Now()
	got := a.run("impatient", s.URL, testKey, testSecret, "700", "wh_1", "Hello")
	if got.Status != "timeout" || !strings.Contains(got.Message, "may have been stored") || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: got %+v", time.Since(began), got)
	}
}

func TestActivityNamesTheConstantThatIsWrong(t *testing.T) {
	s := newService(t, reply{200, accepted(true, "sent", "ok"), nil})
	tests := map[string]struct {
		constant, value, status string
	}{
		"no address":        {"ServiceURL", "", "not_configured"},
		"blank address":     {"ServiceURL", "  ", "not_configured"},
		"no scheme":         {"ServiceURL", "teams.example.com", "not_configured"},
		"no URL at all":     {"ServiceURL", "https://a b", "not_configured"},
		"other scheme":      {"ServiceURL", "ftp://teams.example.com", "not_configured"},
		"query":             {"ServiceURL", s.URL + "?x=1", "not_configured"},
		"keys in it":        {"ServiceURL", "https://" + testKey + ":" + testSecret + "@teams.example.com", "not_configured"},
		"no license key":    {"LicenseKey", "", "license_invalid"},
		"no license secret": {"LicenseSecret", " ", "license_invalid"},
	}
	right := map[string]string{"ServiceURL": s.URL, "LicenseKey": testKey, "LicenseSecret": testSecret}
	a := newApp(t, right)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a.set(test.constant, test.value)
			defer a.set(test.constant, right[test.constant])

			got := a.send("wh_1", "Hello")

			if got.Sent || got.Status != test.status || !strings.Contains(got.Message, test.constant) {
				t.Errorf("got %+v", got)
			}
		})
	}
	if calls := s.take(); len(calls) > 0 {
		t.Errorf("the service was called: %+v", calls)
	}
}

func TestWaitSecondsIsKeptWithinItsLimits(t *testing.T) {
	s := newService(t, reply{200, accepted(true, "sent", "ok"), nil})
	a := newApp(t, map[string]string{"ServiceURL": s.URL})
	for given, want := range map[string]string{"10": "wait=10", "0": "respond-async", "-5": "respond-async", "55": "wait=55", "600": "wait=55", "soon": "wait=10", "": "wait=10"} {
		a.set("WaitSeconds", given)
		a.send("wh_1", "Hello")
		if calls := s.take(); len(calls) != 1 || calls[0].Prefer != want {
			t.Errorf("%q: %+v, want %s", given, calls, want)
		}
	}
}

func TestRichActivitySendsWhatItWasGiven(t *testing.T) {
	s := newService(t, reply{200, accepted(true, "sent", "ok"), nil})
	a := newApp(t, map[string]string{"ServiceURL": s.URL})
	const rich = "SendRichMessage"
	tests := map[string]struct {
		given []string // messageType, textMessage, title, level, facts, linkUrl, linkText, messageKey
		want  map[string]any
	}{
		"all of it": {
			[]string{"Text", "Body", "Title", "warning", "Ticket=4711\r\n\nOwner = a=b ", "https://x.example/1", "Open", "order-17"},
			map[string]any{
				"webhookId": "wh_1", "textMessage": "Body", "title": "Title", "level": "warning", "messageKey": "order-17",
				"facts": []any{map[string]any{"name": "Ticket", "value": "4711"}, map[string]any{"name": "Owner", "value": "a=b"}},
				"link":  map[string]any{"text": "Open", "url": "https://x.example/1"},
			},
		},
		"text alone": {[]string{none, "Body", none, none, none, none, none, "k"}, map[string]any{"webhookId": "wh_1", "textMessage": "Body", "messageKey": "k"}},
		"link without a text": {
			[]string{"Text", "Body", "", "", "", "https://x.example/1", "", "k"},
			map[string]any{"webhookId": "wh_1", "textMessage": "Body", "messageKey": "k", "link": map[string]any{"text": "https://x.example/1", "url": "https://x.example/1"}},
		},
		"card": {
			[]string{"Card", ` {"type":"AdaptiveCard","body":[{"text":"ä \"1\""}]} `, none, none, none, none, none, "k"},
			map[string]any{"webhookId": "wh_1", "messageKey": "k", "card": map[string]any{"type": "AdaptiveCard", "body": []any{map[string]any{"text": `ä "1"`}}}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := a.run("action", append([]string{rich, "wh_1"}, test.given...)...)

			calls := s.take()
			if !got.Sent || len(calls) != 1 {
				t.Fatalf("got %+v, %d calls", got, len(calls))
			}
			if diff := cmp.Diff(test.want, calls[0].Body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRichActivityExplainsWhatItCannotSend(t *testing.T) {
	s := newService(t, reply{200, accepted(true, "sent", "ok"), nil})
	a := newApp(t, map[string]string{"ServiceURL": s.URL})
	tests := map[string]struct{ messageType, text, facts, message string }{
		"card that is no JSON":   {"Card", "Hello", none, "JSON object"},
		"card that is a list":    {"Card", "[]", none, "JSON object"},
		"card with something on": {"Card", "{} {}", none, "JSON object"},
		"card that is missing":   {"Card", none, none, "JSON object"},
		"fact without a value":   {"Text", "Hello", "A=1\n\nTicket", "Line 3 of facts"},
		"fact without a name":    {"Text", "Hello", "=1", "Line 1 of facts"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := a.run("action", "SendRichMessage", "wh_1", test.messageType, test.text, none, none, test.facts, none, none, none)

			if got.Sent || got.Status != "invalid_field" || !strings.Contains(got.Message, test.message) {
				t.Errorf("got %+v", got)
			}
		})
	}
	if calls := s.take(); len(calls) > 0 {
		t.Errorf("the service was called: %+v", calls)
	}
}

func TestCheckTellsWhatIsWrongAndSendsNothing(t *testing.T) {
	two := `{"items":[{"id":"wh_1","name":"A"},{"id":"wh_2","name":"B"}],"next":null}`
	tests := map[string]struct {
		reply           reply
		webhook, status string
		log             string // its beginning
	}{
		"all is well":       {reply{200, two, nil}, "wh_2", "ok", "info MSTeamsConnectorModule Address"},
		"any webhook":       {reply{200, two, nil}, none, "ok", "info MSTeamsConnectorModule Address"},
		"unknown webhook":   {reply{200, two, nil}, "wh_3", "webhook_not_found", "error MSTeamsConnectorModule webhook_not_found: "},
		"more than a page":  {reply{200, `{"items":[{"id":"wh_1"}],"next":"c"}`, nil}, "wh_3", "ok", "info MSTeamsConnectorModule Address"},
		"no webhook yet":    {reply{200, `{"items":[],"next":null}`, nil}, none, "webhook_not_found", "error MSTeamsConnectorModule webhook_not_found: "},
		"license invalid":   {reply{401, refused("license_invalid", "Check the keys."), nil}, "wh_1", "license_invalid", "error MSTeamsConnectorModule license_invalid: Check the keys."},
		"expired":           {reply{403, refused("subscription_expired", "Renew it."), nil}, "wh_1", "subscription_expired", "error MSTeamsConnectorModule subscription_expired: Renew it."},
		"another service":   {reply{200, `{"items":"none"}`, nil}, "wh_1", "unexpected_answer", "error MSTeamsConnectorModule unexpected_answer: "},
		"another service 2": {reply{404, `<html>`, nil}, "wh_1", "unexpected_answer", "error MSTeamsConnectorModule unexpected_answer: "},
	}
	s := newService(t, nil)
	a := newApp(t, map[string]string{"ServiceURL": s.URL})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.set(test.reply)

			got := a.run("action", "CheckConnection", test.webhook)

			if got.Sent || got.Status != test.status || got.Message == "" || !strings.HasPrefix(got.logged, test.log) {
				t.Errorf("got %+v, log %q", got, got.logged)
			}
			want := []call{{Method: "GET", Path: "/api/v1/webhooks", User: testKey, Password: testSecret}}
			if diff := cmp.Diff(want, s.take()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Studio Pro writes the frame of an action anew. A parameter that is an
// enumeration then has the type that it generates for it.
func TestRichActivityCompilesAsStudioProWritesItAnew(t *testing.T) {
	java(t)
	err := compile(t, t.TempDir(), func(name, source string) string {
		if !strings.HasSuffix(name, "/SendRichMessage.java") {
			return source
		}
		const enum = "msteamsconnectormodule.proxies.Message_Types"
		changed := strings.NewReplacer(
			"final java.lang.String messageType;", "final "+enum+" messageType;",
			"this.messageType = _messageType;", "this.messageType = _messageType == null ? null : "+enum+".valueOf(_messageType);",
		).Replace(source)
		if strings.Count(changed, enum) != 2 {
			t.Error("the source does not look as expected")
		}
		return changed
	})
	if err != nil {
		t.Error(err)
	}
}

// What the model promises, the Java must hold: constants, attributes,
// parameters in their order, the code's place.
func TestJavaAndModelAgree(t *testing.T) {
	p := readPackage(t, pack(t, exampleURL))
	helper := string(p.files["javasource/msteamsconnectormodule/impl/Activity.java"])
	for _, u := range p.units {
		name := text(u.root, "Name")
		switch text(u.root, "$Type") {
		case "Constants$Constant":
			if !strings.Contains(helper, `constant("`+name+`")`) {
				t.Errorf("no Java reads the constant %s", name)
			}
		case "DomainModels$DomainModel":
			for _, e := range documents(u.root, "Entities") {
				for _, a := range documents(e, "Attributes") {
					if !strings.Contains(helper, `setValue(context, "`+text(a, "Name")+`"`) {
						t.Errorf("no Java sets the attribute %s", text(a, "Name"))
					}
				}
			}
		case "JavaActions$JavaAction":
			source := string(p.files["javasource/msteamsconnectormodule/actions/"+name+".java"])
			checkAction(t, u.root, source)
		}
	}
	if n := strings.Count(helper, "setValue(context, "); n != 5 {
		t.Errorf("Java sets %d attributes", n)
	}
}

func checkAction(t *testing.T, action bson.D, source string) {
	t.Helper()
	name := text(action, "Name")
	var inModel, inJava []string
	for _, p := range documents(action, "Parameters") {
		inModel = append(inModel, text(p, "Name"))
	}
	for _, m := range regexp.MustCompile(`java\.lang\.String _(\w+)`).FindAllStringSubmatch(source, -1) {
		inJava = append(inJava, m[1])
	}
	if diff := cmp.Diff(inModel, inJava); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
	user := between(source, "// BEGIN USER CODE", "// END USER CODE")
	for _, parameter := range inModel {
		if !strings.Contains(user, "this."+parameter) {
			t.Errorf("%s: the code that Studio Pro keeps does not use %s", name, parameter)
		}
	}
	for line := range strings.Lines(text(action, "Documentation")) {
		if !strings.Contains(source, " * "+strings.TrimSpace(line)+"\n") {
			t.Errorf("%s: its Javadoc lacks %q", name, line)
		}
	}
	if !strings.Contains(source, "public class "+name+" extends UserAction<IMendixObject>") {
		t.Errorf("%s: the class is not as Studio Pro writes it", name)
	}
}

func between(s, begin, end string) string {
	_, rest, _ := strings.Cut(s, begin)
	inner, _, _ := strings.Cut(rest, end)
	return inner
}
