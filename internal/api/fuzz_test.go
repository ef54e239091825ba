package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func FuzzSendBody(f *testing.F) {
	for _, seed := range []string{
		`{"webhookId":"wh_0","textMessage":"hello"}`, `{"webhookId":"wh_0","card":{"a":[1,2,{}]},"messageKey":"k","expiresIn":6e1}`,
		`{"webhookId":1,"webhookId":2}`, `[]`, "\ufeff{}", `{"textMessage":"\ud800"}`, "{\"a\":\"\xff\"}", `{"":{"":{"":0}}}`,
		`{"webhookId":"wh_0","textMessage":"a\u2028","title":"t","level":"good","facts":[{"name":"n","value":null}],"link":{"text":"","url":"https://a"}}`, strings.Repeat("[", 20_000), ``,
	} {
		f.Add([]byte(seed), "key")
	}
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		m, err := api.DecodeSend(body, http.Header{"Idempotency-Key": {key}})
		if err != nil {
			if err.Message == "" || err.Code != connector.InvalidJSON && len(err.Fields) == 0 {
				t.Errorf("an error that explains nothing: %+v", err)
			}
			return
		}
		// What is taken is an object by encoding/json's reading too, with the same values.
		var want struct {
			WebhookID   string          `json:"webhookId"`
			TextMessage *string         `json:"textMessage"`
			Card        json.RawMessage `json:"card"`
			ExpiresIn   *float64        `json:"expiresIn"`
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &want); err != nil {
			t.Fatalf("%q was taken, but %v", body, err)
		}
		if string(m.Webhook) != want.WebhookID || m.Key != key {
			t.Errorf("%q: webhook %q, key %q", body, m.Webhook, m.Key)
		}
		switch m.Content.Kind {
		case connector.KindText:
			if want.TextMessage == nil || string(m.Content.Body) != *want.TextMessage || !utf8.Valid(m.Content.Body) {
				t.Errorf("%q: text %q", body, m.Content.Body)
			}
		case connector.KindCard:
			if string(m.Content.Body) != string(want.Card) {
				t.Errorf("%q: card %q, want %q", body, m.Content.Body, want.Card)
			}
		case connector.KindRich:
			r, err := connector.DecodeRich(m.Content.Body)
			if want.TextMessage == nil || err != nil || r.Text != *want.TextMessage || r.Plain() {
				t.Errorf("%q: rich %q, %v", body, m.Content.Body, err)
			}
		default:
			t.Errorf("%q: no content", body)
		}
		if want.ExpiresIn != nil && m.ExpiresIn != time.Duration(*want.ExpiresIn)*time.Second {
			t.Errorf("%q: expires in %v", body, m.ExpiresIn)
		}
	})
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=5", "respond-async, wait=10", `wait="7"; x=y`, "WAIT = 9", "wait=99999999999999999999", ",;=\"", "wait=-1"} {
		f.Add(seed, "wait=3")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		w, applied := api.ParsePrefer([]string{a, b})
		if w.For < 0 || w.For > api.MaxWait || w.For%time.Second != 0 {
			t.Errorf("%q %q: wait %v", a, b, w.For)
		}
		if again, _ := api.ParsePrefer([]string{applied}); applied != "" && (again.Async != w.Async || !w.Async && again.For != w.For) {
			t.Errorf("%q %q: applied %q, which reads as %+v, not %+v", a, b, applied, again, w)
		}
	})
}

func FuzzBasicAuth(f *testing.F) {
	for _, seed := range []string{"", "Basic", "Basic dXNlcjpwYXNz", "basic dXNlcjpwYXNz", "Bearer x", "Basic Og==", "Basic \xff", "Basic dXNlcjpwYXNz=", "BAsiC 0zp0001="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, secret, ok := api.BasicAuth(&http.Request{Header: http.Header{"Authorization": {header}}})
		if !ok {
			if key != "" || !secret.Empty() {
				t.Errorf("%q: refused, but key %q came out", header, key)
			}
			return
		}
		if key == "" || secret.Reveal() == "" || strings.Contains(key, ":") {
			t.Errorf("%q: key %q", header, key)
		}
		decoded, err := base64.StdEncoding.DecodeString(header[len("Basic "):])
		if err != nil || string(decoded) != key+":"+secret.Reveal() {
			t.Errorf("%q: read as %q and a secret; it holds %q, %v", header, key, decoded, err)
		}
	})
}

func TestPreferencesAreReadAsTheRFCSays(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		async   bool
		wait    time.Duration
		applied string
	}{
		"none":             {nil, false, api.DefaultWait, ""},
		"wait":             {[]string{"wait=3"}, false, 3 * time.Second, "wait=3"},
		"zero":             {[]string{"wait=0"}, false, 0, "wait=0"},
		"beyond":           {[]string{"wait=3600"}, false, api.MaxWait, "wait=55"},
		"far beyond":       {[]string{"wait=99999999999999999999"}, false, api.MaxWait, "wait=55"},
		"quoted":           {[]string{`wait="4"`}, false, 4 * time.Second, "wait=4"},
		"case and space":   {[]string{" Wait = 4 "}, false, 4 * time.Second, "wait=4"},
		"first counts":     {[]string{"wait=4, wait=5", "wait=6"}, false, 4 * time.Second, "wait=4"},
		"parameters":       {[]string{"wait=4; foo=bar, handling=lenient"}, false, 4 * time.Second, "wait=4"},
		"junk":             {[]string{"wait=-1", "wait=1.5", "wait=abc", "wait", "=", ";,;"}, false, api.DefaultWait, ""},
		"async":            {[]string{"respond-async"}, true, api.DefaultWait, "respond-async"},
		"async among more": {[]string{"return=minimal, Respond-Async;q=1", "wait=9"}, true, 9 * time.Second, "respond-async"},
		"almost":           {[]string{"respond-asynchronously"}, false, api.DefaultWait, ""},
	} {
		w, applied := api.ParsePrefer(c.headers)
		if w.Async != c.async || w.For != c.wait || applied != c.applied {
			t.Errorf("%s: %+v, %q; want async %v, %v, %q", name, w, applied, c.async, c.wait, c.applied)
		}
	}
}
