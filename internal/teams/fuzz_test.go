package teams_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

func FuzzParseURL(f *testing.F) {
	const origin = "http://127.0.0.1:9911"
	for _, seed := range []string{
		goodURL, strings.Replace(goodURL, ".com/", ".com:443/", 1), strings.ToUpper(goodURL), origin + "/a?sig=b",
		"https://contoso.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d", "https://x@y.logic.azure.com/", "https:a", "//a", "",
		"https://prod-1.x.logic.azure.us/workflows/a/triggers/manual/paths/invoke?api-version=1&sp=a&sv=1&sig=b",
		"https://a\\@b.logic.azure.com/", "https://[::1]:443/", "https://a.logic.azure.com%2f@b/", "https://a.logic.azure.com#@b/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := teams.ParseURL(raw, []string{origin})
		if err != nil {
			if len(raw) > 20 && strings.Contains(err.Message, raw) {
				t.Errorf("the explanation quotes %q", raw)
			}
			return
		}
		u, wrong := url.Parse(raw)
		if wrong != nil {
			t.Fatalf("%q is accepted but no URL", raw)
		}
		request, wrong := http.NewRequestWithContext(t.Context(), http.MethodPost, raw, nil)
		if wrong != nil {
			t.Fatalf("%q is accepted but can't be requested", raw)
		}
		want := strings.ToLower(u.Hostname())
		if a.Kind == teams.KindTrusted {
			want = "127.0.0.1:9911"
		} else if u.Scheme != "https" || u.Port() != "" && u.Port() != "443" || !microsofts(want) {
			t.Errorf("%q is accepted", raw)
		}
		if a.Host != want || strings.ToLower(request.URL.Host) != want && strings.ToLower(request.URL.Host) != want+":443" {
			t.Errorf("%q: host %q, dialled %q, want %q", raw, a.Host, request.URL.Host, want)
		}
		if u.User != nil || u.Fragment != "" || teams.KindOf(raw) != a.Kind {
			t.Errorf("%q: accepted as %v, KindOf says %v", raw, a.Kind, teams.KindOf(raw))
		}
	})
}

// microsofts reports whether a host ends in one of Microsoft's names.
func microsofts(host string) bool {
	for _, s := range []string{
		".powerplatform.com", ".powerplatform.microsoft.us", ".appsplatform.us", ".microsoftonline.cn",
		".logic.azure.com", ".logic.azure.us", ".logic.azure.cn", ".office.com", ".office365.com",
	} {
		if strings.HasSuffix(host, s) {
			return true
		}
	}
	return false
}

func FuzzClassify(f *testing.F) {
	for body := range bodies() {
		f.Add(200, 1, body, "7")
		f.Add(401, 3, body, "soon")
	}
	f.Add(202, 4, goodURL, "")
	f.Fuzz(func(t *testing.T, status, kind int, body, after string) {
		a := teams.Answer{Status: status, Header: http.Header{"Retry-After": {after}}, Body: []byte(body), Now: noon}
		got := teams.Classify(teams.URLKind(kind), a)
		if got.Verdict.String() == "unknown" || got.Verdict == connector.VerdictPosted || got.Reason == "" || got.Detail == "" {
			t.Errorf("HTTP %d %q: %+v", status, body, got)
		}
		if len(got.Answer) > connector.MaxAnswer || strings.ToValidUTF8(got.Answer, "") != got.Answer || strings.Contains(strings.ToLower(got.Answer), "http://") {
			t.Errorf("HTTP %d %q: its answer %q", status, body, got.Answer)
		}
		if status == http.StatusTooManyRequests && got.Verdict != connector.VerdictThrottled {
			t.Errorf("429 is %v", got.Verdict)
		}
		if got.RetryAfter < 0 || got.RetryAfter > teams.MaxRetryAfter {
			t.Errorf("%q waits %v", after, got.RetryAfter)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{"", "a_b", "- x\r\n\n1. y", "<at>x</at>", "~~ `", "{{DATE(", "a\r\r- b", "\u00a0", "\\", "&amp;", "---", "\x00\x7f\u2028", "\u2029\u2027\"\b\t\n\v\f\x1f\x80é_\u2028*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		envelope, card := render(t, text)
		want := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
		if len(card.Body) != len(want) {
			t.Fatalf("%q has %d blocks, want %d", text, len(card.Body), len(want))
		}
		for i, b := range card.Body {
			if got := unescape(b.Text); got != want[i] && (want[i] != "" || got != "\u00a0") {
				t.Errorf("%q came back as %q", want[i], got)
			}
			if block := asJSON(t, b.Text); !bytes.Contains(envelope, block) {
				t.Errorf("%q is not written as encoding/json writes it: %s in %s", b.Text, block, envelope)
			}
			if strings.Contains(b.Text, "<at>") {
				t.Errorf("%q makes a mention: %q", want[i], b.Text)
			}
		}
		if n := teams.Counted(envelope); n <= len(envelope) {
			t.Errorf("%d bytes count %d", len(envelope), n)
		}
		if _, parts := teams.Measure([]byte(text)); (parts == 1) != (teams.Counted(envelope) <= teams.PartBytes) {
			t.Errorf("a text that counts %d makes %d parts", teams.Counted(envelope), parts)
		}
	})
}

// asJSON writes a string with everything as it is that may be.
func asJSON(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(s); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func FuzzCheckCard(f *testing.F) {
	for _, seed := range []string{
		card(`"body":[{"type":"TextBlock","text":"a","fallback":"drop"}]`), card(`"actions":[{"type":"Action.ShowCard","card":{}}]`),
		`{"type":"message","attachments":[{"content":{"type":"AdaptiveCard","version":"1.4"}}]}`, `[]`, `{`, `{"@type":"MessageCard"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := teams.CheckCard(raw)
		if err != nil {
			if len(err.Fields) == 0 || !strings.HasPrefix(err.Fields[0].Pointer, "/card") {
				t.Errorf("%q: %+v names no place", raw, err)
			}
			return
		}
		envelope, wrong := teams.Envelope(connector.Content{Kind: connector.KindCard, Body: raw}, connector.PayloadAdaptive)
		if wrong != nil || teams.Counted(envelope) > teams.MaxCardBytes {
			t.Errorf("%q is taken, but its envelope is %s, %v", raw, envelope, wrong)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "7", "-1", "1e9", "99999999999999999999", "soon", "Tue, 24 Nov 2026 12:01:30 GMT", "Tuesday, 24-Nov-26 12:01:30 GMT"} {
		f.Add(seed, "")
		f.Add(seed, "Tue, 24 Nov 2026 11:59:00 GMT")
	}
	f.Fuzz(func(t *testing.T, after, date string) {
		header := http.Header{"Retry-After": {after}, "Date": {date}}
		got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: 429, Header: header, Now: noon}).RetryAfter
		if got != 0 && (got < teams.MinRetryAfter || got > teams.MaxRetryAfter) {
			t.Errorf("%q waits %v", after, got)
		}
		at, err := http.ParseTime(after)
		if err == nil && noon.Add(got).Before(at) && got != teams.MaxRetryAfter {
			t.Errorf("%q waits %v, which ends before it", after, got)
		}
		if seconds, err := time.ParseDuration(after + "s"); err == nil && seconds > got && got != teams.MaxRetryAfter && strings.Trim(after, "0123456789") == "" {
			t.Errorf("%q waits only %v", after, got)
		}
	})
}
