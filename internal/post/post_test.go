package post_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/post"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

const path = "/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=Hush-Hush_123"

func newClient(t testing.TB, o post.Options, trusted ...string) *post.Client {
	t.Helper()
	out := outbound.New(outbound.Options{Trusted: trusted, MaxBody: 64 << 20})
	t.Cleanup(out.Close)
	return post.New(out, o)
}

func parcel(origin, text string) connector.Parcel {
	return connector.Parcel{
		Message: "msg_01jd0000000000000000000000",
		Content: connector.Content{Kind: connector.KindText, Body: []byte(text)},
		Target:  connector.Target{URL: connector.NewSecret(origin + path), Payload: connector.PayloadAdaptive},
	}
}

// check holds what is true of every outcome.
func check(t *testing.T, o connector.Outcome) {
	t.Helper()
	if o.Verdict == 0 || o.Reason == "" || o.Detail == "" || o.Took <= 0 {
		t.Errorf("an outcome without verdict, reason, detail or time: %+v", o)
	}
	if s := fmt.Sprintf("%+v", o); strings.Contains(s, "sig=") || strings.Contains(s, "Hush") {
		t.Errorf("the outcome shows the URL: %s", s)
	}
}

func want(t *testing.T, o connector.Outcome, v connector.Verdict, r connector.Reason) {
	t.Helper()
	check(t, o)
	if o.Verdict != v || o.Reason != r {
		t.Errorf("got %v %s (%s), want %v %s", o.Verdict, o.Reason, o.Detail, v, r)
	}
}

func TestPostLooksAsTeamsReadsIt(t *testing.T) {
	var got *http.Request
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Ms-Workflow-Run-Id", "08584455133026812345678901234CU00")
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(srv.Close)
	p := parcel(srv.URL, "Grüße\nan *alle*")

	o := newClient(t, post.Options{UserAgent: "teamsconnector/1.2"}, srv.URL).Deliver(t.Context(), p)

	want(t, o, connector.VerdictSent, connector.ReasonAccepted)
	if o.HTTPStatus != http.StatusAccepted || o.RunID != "08584455133026812345678901234CU00" {
		t.Errorf("got %+v", o)
	}
	if got.Method != http.MethodPost || got.RequestURI != path {
		t.Errorf("got %s %s", got.Method, got.RequestURI)
	}
	envelope, err := teams.Envelope(p.Content, p.Target.Payload)
	if err != nil || !bytes.Equal(body, envelope) || !json.Valid(body) {
		t.Errorf("got the body %s, want %s, %v", body, envelope, err)
	}
	wantHeader := http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "Content-Length": {fmt.Sprint(len(envelope))},
		"User-Agent": {"teamsconnector/1.2"}, "X-Ms-Client-Tracking-Id": {string(p.Message)},
	}
	if fmt.Sprint(got.Header) != fmt.Sprint(wantHeader) {
		t.Errorf("got the header %v, want %v", got.Header, wantHeader)
	}
}

func TestAnswerDecidesTheVerdict(t *testing.T) {
	for claim, tc := range map[string]struct {
		status  int
		body    string
		verdict connector.Verdict
		reason  connector.Reason
	}{
		"accepted":      {202, "", connector.VerdictSent, connector.ReasonAccepted},
		"too fast":      {429, "", connector.VerdictThrottled, connector.ReasonThrottled},
		"legacy 429":    {200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x", connector.VerdictThrottled, connector.ReasonThrottled},
		"not found":     {404, `{"error":{"code":"WorkflowNotFound","message":"x"}}`, connector.VerdictGone, connector.ReasonNotFound},
		"redirect":      {302, "", connector.VerdictRefused, connector.ReasonRedirect},
		"server error":  {500, "", connector.VerdictUncertain, connector.ReasonServerError},
		"too large":     {413, "", connector.VerdictRefused, connector.ReasonTooLarge},
		"10 MB of HTML": {404, strings.Repeat("<p>", 3_000_000), connector.VerdictGone, connector.ReasonNotFound},
	} {
		t.Run(claim, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "http://169.254.169.254/")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			t.Cleanup(srv.Close)

			o := newClient(t, post.Options{}, srv.URL).Deliver(t.Context(), parcel(srv.URL, "text"))

			want(t, o, tc.verdict, tc.reason)
			if o.HTTPStatus != tc.status || len(o.Answer) > connector.MaxAnswer {
				t.Errorf("got status %d and %d bytes of answer", o.HTTPStatus, len(o.Answer))
			}
			if tc.status == 429 && o.RetryAfter != 7*time.Second {
				t.Errorf("got Retry-After %v", o.RetryAfter)
			}
		})
	}
}

func TestCallWithoutAnAnswerIsAnOutcome(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(broken.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + ln.Addr().String()
	_ = ln.Close()
	for claim, tc := range map[string]struct {
		origin  string
		verdict connector.Verdict
		reason  connector.Reason
	}{
		"hangs":        {hang.URL, connector.VerdictUncertain, connector.ReasonTimeout},
		"breaks":       {broken.URL, connector.VerdictUncertain, connector.ReasonBroken},
		"refused":      {closed, connector.VerdictRetry, connector.ReasonConnect},
		"no TLS":       {"https" + strings.TrimPrefix(hang.URL, "http"), connector.VerdictRetry, connector.ReasonTLS},
		"no such host": {"https://nobody.invalid", connector.VerdictRetry, connector.ReasonDNS},
	} {
		t.Run(claim, func(t *testing.T) {
			limits := outbound.Options{Trusted: []string{tc.origin}}
			if tc.reason == connector.ReasonTimeout {
				limits.FirstByte = 200 * time.Millisecond
			}
			out := outbound.New(limits)
			t.Cleanup(out.Close)

			o := post.New(out, post.Options{}).Deliver(t.Context(), parcel(tc.origin, "text"))

			want(t, o, tc.verdict, tc.reason)
			if o.HTTPStatus != 0 || !strings.Contains(o.Detail, "Cause: ") {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestBlockedTargetIsToldToTheOperatorOnly(t *testing.T) {
	for _, origin := range []string{"https://169.254.169.254", "http://10.1.2.3", "https://user:pw@teams.example", "https://teams.example:1", "::", ""} {
		var log bytes.Buffer
		c := newClient(t, post.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})

		o := c.Deliver(t.Context(), parcel(origin, "text"))

		check(t, o)
		if o.Reason != connector.ReasonBlocked || strings.Contains(o.Detail, "169.254") {
			t.Errorf("%s: got %+v", origin, o)
		}
		if !strings.Contains(log.String(), `"message_id":"msg_01jd0000000000000000000000"`) || strings.Contains(log.String(), "sig=") || strings.Contains(log.String(), "pw") {
			t.Errorf("%s: the log says %s", origin, log.String())
		}
	}
}

func TestShutdownTellsWhetherThePostWasWritten(t *testing.T) {
	t.Run("after it was written", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		}))
		t.Cleanup(srv.Close)

		o := newClient(t, post.Options{}, srv.URL).Deliver(ctx, parcel(srv.URL, "text"))

		want(t, o, connector.VerdictUncertain, connector.ReasonShutdown)
	})
	t.Run("before it was written", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
		t.Cleanup(srv.Close)

		o := newClient(t, post.Options{}, srv.URL).Deliver(ctx, parcel(srv.URL, "text"))

		want(t, o, connector.VerdictRetry, connector.ReasonShutdown)
	})
}

func TestAnswerGivenBeforeShutdownCounts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
		// More than the buffers of both sockets hold: the client has read the header when it is written.
		_, _ = w.Write(bytes.Repeat([]byte(" "), 32<<20))
		cancel()
		<-r.Context().Done() // the body never ends
	}))
	t.Cleanup(srv.Close)

	o := newClient(t, post.Options{}, srv.URL).Deliver(ctx, parcel(srv.URL, "text"))

	check(t, o)
	if o.Verdict != connector.VerdictSent || o.HTTPStatus != http.StatusAccepted {
		t.Errorf("got %+v", o)
	}
}

func TestMessageWithoutAnEnvelopeIsOurFault(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	t.Cleanup(srv.Close)
	p := parcel(srv.URL, "text")
	p.Content.Kind = 0

	o := newClient(t, post.Options{}, srv.URL).Deliver(t.Context(), p)

	want(t, o, connector.VerdictRefused, connector.ReasonInternal)
}

func BenchmarkDeliver(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	b.Cleanup(srv.Close)
	c := newClient(b, post.Options{}, srv.URL)
	p := parcel(srv.URL, strings.Repeat("A line of three hundred and twenty bytes. ", 8))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if o := c.Deliver(b.Context(), p); o.Verdict != connector.VerdictSent {
				b.Error(o)
			}
		}
	})
}
