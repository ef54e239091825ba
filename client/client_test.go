package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

const secret = "tcs_canary"

// wire answers each call in turn and remembers what was asked.
type wire struct {
	answers []func() (*http.Response, error)
	bodies  []string
	headers []http.Header
	at      []time.Time
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.bodies = append(w.bodies, string(body))
	w.headers = append(w.headers, r.Header)
	w.at = append(w.at, time.Now())
	return w.answers[min(len(w.bodies), len(w.answers))-1]()
}

func status(code int, body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func broken() (*http.Response, error) { return nil, errors.New("connection refused") }

const sent = `{"sentMessage":true,"message":"ok","messageId":"msg_1","status":"sent"}`

func newClient(w *wire, opts ...client.Option) *client.Client {
	opts = append([]client.Option{client.WithHTTPClient(&http.Client{Transport: w})}, opts...)
	return client.New("https://teams.example.com/", "tck_x\n", secret, opts...)
}

func TestRepeatsOfACallCarryTheSameKeyAndWaitAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answers: []func() (*http.Response, error){
			broken, status(503, `{}`, "Retry-After", "7"), status(429, `{}`), status(200, sent),
		}}

		res, err := newClient(w).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

		if err != nil || !res.Sent || res.MessageID != "msg_1" {
			t.Fatalf("Send = %+v, %v; want it sent", res, err)
		}
		var keys []string
		for _, b := range w.bodies {
			var body struct{ MessageKey string }
			if err := json.Unmarshal([]byte(b), &body); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, body.MessageKey)
		}
		if len(keys) != 4 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] || keys[2] != keys[3] {
			t.Errorf("keys of the attempts are %q, want four that are the same", keys)
		}
		if got := w.at[2].Sub(w.at[1]); got != 7*time.Second {
			t.Errorf("the attempt after Retry-After: 7 came after %v", got)
		}
	})
}

func TestTwoMessagesHaveDifferentKeys(t *testing.T) {
	w := &wire{answers: []func() (*http.Response, error){status(200, sent)}}
	c := newClient(w)
	for range 2 {
		if _, err := c.Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"}); err != nil {
			t.Fatal(err)
		}
	}
	if w.bodies[0] == w.bodies[1] {
		t.Errorf("both calls sent %s: the second would be taken for a repeat", w.bodies[0])
	}
}

func TestARefusalIsNotTriedAgainAndCanBeTold(t *testing.T) {
	for code, want := range map[string]struct {
		status int
		is     error
	}{
		"license_invalid":         {401, client.ErrLicenseInvalid},
		"subscription_expired":    {403, client.ErrSubscriptionExpired},
		"message_quota_exhausted": {403, client.ErrQuotaExhausted},
		"webhook_not_found":       {404, client.ErrWebhookNotFound},
		"message_key_reused":      {409, client.ErrKeyReused},
		"too_large":               {413, client.ErrTooLarge},
		"invalid_field":           {422, client.ErrInvalid},
		"invalid_json":            {400, client.ErrInvalid},
		"rate_limited":            {429, client.ErrRateLimited},
		"backlog_full":            {429, client.ErrBacklogFull},
		"not_accepted":            {503, client.ErrNotAccepted},
		"accept_unknown":          {503, client.ErrUnknown},
	} {
		w := &wire{answers: []func() (*http.Response, error){
			status(want.status, `{"code":"`+code+`","message":"why","errors":[{"pointer":"/a","detail":"d"}]}`, "X-Request-Id", "req_1"),
		}}

		_, err := newClient(w, client.WithAttempts(1)).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

		var e *client.Error
		if !errors.Is(err, want.is) || !errors.As(err, &e) {
			t.Errorf("%s: error is %v, want %v", code, err, want.is)
			continue
		}
		if e.Status != want.status || e.Message != "why" || e.RequestID != "req_1" || len(e.Fields) != 1 {
			t.Errorf("%s: error is %+v", code, e)
		}
		if len(w.bodies) != 1 {
			t.Errorf("%s: %d attempts, want 1", code, len(w.bodies))
		}
		for _, other := range []error{client.ErrLicenseInvalid, client.ErrQuotaExhausted, client.ErrNotReached} {
			if !errors.Is(want.is, other) && errors.Is(err, other) {
				t.Errorf("%s: also matches %v", code, other)
			}
		}
	}
}

func TestAServiceThatIsNotReachedEndsAfterTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answers: []func() (*http.Response, error){broken}}

		_, err := newClient(w, client.WithAttempts(3)).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

		if !errors.Is(err, client.ErrNotReached) || len(w.bodies) != 3 {
			t.Errorf("got %v after %d attempts, want ErrNotReached after 3", err, len(w.bodies))
		}
		if strings.Contains(err.Error(), "example.com") {
			t.Errorf("the error quotes the URL: %v", err)
		}
	})
}

func TestAPauseBeyondTheLongestIsLeftToTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answers: []func() (*http.Response, error){status(429, `{"code":"backlog_full","message":"m"}`, "Retry-After", "600")}}
		began := time.Now()

		_, err := newClient(w).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

		var e *client.Error
		if !errors.As(err, &e) || e.RetryAfter != 10*time.Minute || time.Since(began) != 0 {
			t.Errorf("got %v after %v, want the error at once with RetryAfter 10m", err, time.Since(began))
		}
	})
}

func TestTheContextEndsThePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answers: []func() (*http.Response, error){status(503, `{}`, "Retry-After", "20")}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()

		_, err := newClient(w).Send(ctx, client.Message{WebhookID: "wh_1", Text: "hello"})

		if err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("got %v after %v, want an error after 3s", err, time.Since(began))
		}
	})
}

func TestTheLicenseIsNotCarriedToARedirect(t *testing.T) {
	var visits atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer elsewhere.Close()
	service := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer service.Close()

	_, err := client.New(service.URL, "tck_x", secret).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

	if err == nil || visits.Load() != 0 {
		t.Errorf("got %v and %d visits elsewhere, want an error and none", err, visits.Load())
	}
}

func TestWaitBecomesAPreference(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "", client.NoWait: "respond-async", 3 * time.Second: "wait=3", 1500 * time.Millisecond: "wait=2", time.Hour: "wait=55",
	} {
		w := &wire{answers: []func() (*http.Response, error){status(202, sent)}}
		if _, err := newClient(w).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello", Wait: wait}); err != nil {
			t.Fatal(err)
		}
		if got := w.headers[0].Get("Prefer"); got != want {
			t.Errorf("Wait %v: Prefer is %q, want %q", wait, got, want)
		}
	}
}

func TestWhatCannotBeKeptByteForByteIsRefused(t *testing.T) {
	for name, m := range map[string]client.Message{
		"text": {WebhookID: "wh_1", Text: "a\xffb"},
		"life": {WebhookID: "wh_1", Text: "a", ExpiresIn: -time.Second},
		"card": {WebhookID: "wh_1", Card: json.RawMessage(`{"type":`)},
	} {
		w := &wire{answers: []func() (*http.Response, error){status(200, sent)}}
		if _, err := newClient(w).Send(t.Context(), m); !errors.Is(err, client.ErrInvalid) || len(w.bodies) != 0 {
			t.Errorf("%s: got %v after %d calls, want ErrInvalid without one", name, err, len(w.bodies))
		}
	}
}

func TestAnAnswerOfSomethingElseIsAnError(t *testing.T) {
	for _, answer := range []func() (*http.Response, error){status(200, "<html>login</html>"), status(200, "{}"), status(404, "nginx")} {
		w := &wire{answers: []func() (*http.Response, error){answer}}
		_, err := newClient(w).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})
		var e *client.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, "URL") {
			t.Errorf("got %v, want an Error that says to check the URL", err)
		}
	}
}

func TestTheClientShowsNoSecret(t *testing.T) {
	c := newClient(&wire{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if out := fmt.Sprintf(verb+verb, c, *c); strings.Contains(out, secret) {
			t.Errorf("%s shows %s", verb, out)
		}
	}
}

func TestNewFromEnvNamesWhatIsMissing(t *testing.T) {
	t.Setenv(client.EnvURL, "https://teams.example.com")
	t.Setenv(client.EnvLicenseKey, "")
	t.Setenv(client.EnvLicenseSecret, "")

	_, err := client.NewFromEnv()
	if err == nil || !strings.Contains(err.Error(), client.EnvLicenseKey) || strings.Contains(err.Error(), client.EnvURL) {
		t.Errorf("got %v, want the names of the two that are missing", err)
	}

	t.Setenv(client.EnvLicenseKey, "tck_x")
	t.Setenv(client.EnvLicenseSecret, secret)
	if _, err := client.NewFromEnv(); err != nil {
		t.Errorf("with all three set: %v", err)
	}
}

func TestRichFieldsGoAsTheAPINamesThem(t *testing.T) {
	w := &wire{answers: []func() (*http.Response, error){status(200, sent)}}
	m := client.Message{
		WebhookID: "wh_1", Text: "x", Title: "t", Level: client.LevelGood, Key: "k",
		Facts: []client.Fact{{Name: "a", Value: "1"}, {Name: "b"}}, Link: &client.Link{URL: "https://a.example"},
	}

	if _, err := newClient(w).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}

	const want = `{"webhookId":"wh_1","textMessage":"x","title":"t","level":"good","facts":[{"name":"a","value":"1"},{"name":"b","value":""}],"link":{"url":"https://a.example"},"messageKey":"k"}`
	if w.bodies[0] != want {
		t.Errorf("sent %s\nwant %s", w.bodies[0], want)
	}
	for name, change := range map[string]func(*client.Message){
		"Title": func(m *client.Message) { m.Title = "\xff" },
		"Facts": func(m *client.Message) { m.Facts = []client.Fact{{Name: "a", Value: "\xff"}} },
		"Link":  func(m *client.Message) { m.Link = &client.Link{Text: "\xff", URL: "https://a.example"} },
	} {
		bad := m
		change(&bad)
		if _, err := newClient(w).Send(t.Context(), bad); !errors.Is(err, client.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s that is not UTF-8: %v", name, err)
		}
	}
}

func TestWhetherAMessageMayBeStoredIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		answers []func() (*http.Response, error)
		unknown bool
		away    bool
	}{
		"broken":                      {[]func() (*http.Response, error){broken}, true, true},
		"a proxy's error":             {[]func() (*http.Response, error){status(502, "bad gateway")}, true, true},
		"another server":              {[]func() (*http.Response, error){status(404, "nginx")}, false, true},
		"broken, then refused":        {[]func() (*http.Response, error){broken, status(403, `{"code":"message_quota_exhausted"}`)}, false, false},
		"broken, then wrong keys":     {[]func() (*http.Response, error){broken, status(401, `{"code":"license_invalid"}`)}, true, false},
		"broken, then nothing stored": {[]func() (*http.Response, error){broken, status(503, `{"code":"not_accepted"}`)}, true, false},
		"nothing stored":              {[]func() (*http.Response, error){status(503, `{"code":"not_accepted"}`)}, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := newClient(&wire{answers: c.answers}).Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

			if errors.Is(err, client.ErrUnknown) != c.unknown || errors.Is(err, client.ErrNotReached) != c.away {
				t.Errorf("%s: %v; want unknown %v, not reached %v", name, err, c.unknown, c.away)
			}
		})
	}
}

func TestARefusedConnectionStoresNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	hung := make(chan struct{})
	go func() { // takes one connection and cuts it
		defer close(hung)
		if conn, err := listener.Accept(); err == nil {
			_ = conn.Close()
		}
	}()
	c := client.New("http://"+address, "tck_x", secret, client.WithAttempts(1))

	_, cut := c.Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})
	<-hung
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, refused := c.Send(t.Context(), client.Message{WebhookID: "wh_1", Text: "hello"})

	if !errors.Is(cut, client.ErrUnknown) || !errors.Is(cut, client.ErrNotReached) {
		t.Errorf("a connection that was cut: %v, want ErrNotReached and ErrUnknown", cut)
	}
	if errors.Is(refused, client.ErrUnknown) || !errors.Is(refused, client.ErrNotReached) {
		t.Errorf("a refused connection: %v, want ErrNotReached and certainty", refused)
	}
}
