package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func TestRichMessageIsStoredInItsOneForm(t *testing.T) {
	h := newHouse(t, api.Options{})
	for name, c := range map[string]struct {
		body string
		kind connector.Kind
		want string
	}{
		"all": {
			`"textMessage":"a\r\nb","link":{"url":"https://a.example/1","text":"Open"},"facts":[{"value":"main","name":"Branch"},{"name":"Note"}],"level":"good","title":"Done"`,
			connector.KindRich,
			`{"text":"a\r\nb","title":"Done","level":"good","facts":[{"name":"Branch","value":"main"},{"name":"Note","value":""}],"link":{"text":"Open","url":"https://a.example/1"}}`,
		},
		"null is absent": {
			`"textMessage":"x","title":null,"level":"info","facts":null,"link":{"text":null,"url":"https://a.example"},"card":null`,
			connector.KindRich, `{"text":"x","level":"info","link":{"url":"https://a.example"}}`,
		},
		"a null value":   {`"textMessage":"x","facts":[{"name":"n","value":null}]`, connector.KindRich, `{"text":"x","facts":[{"name":"n","value":""}]}`},
		"nothing beside": {`"textMessage":"x","title":null,"level":null,"facts":[],"link":null`, connector.KindText, `x`},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := api.DecodeSend([]byte(`{"webhookId":"`+string(h.webhook.ID)+`",`+c.body+`}`), nil)
			if err != nil || m.Content.Kind != c.kind || string(m.Content.Body) != c.want {
				t.Fatalf("read as %d %s, %v\nwant %d %s", m.Content.Kind, m.Content.Body, err, c.kind, c.want)
			}

			a := h.post(`{"webhookId":"`+string(h.webhook.ID)+`",`+c.body+`}`, "Prefer", "respond-async")

			heads := h.heads()
			if a.code != 202 || len(heads) == 0 {
				t.Fatalf("answer is %d %s", a.code, a.raw)
			}
			if last := heads[len(heads)-1]; last.Parcel.Content.Kind != c.kind || string(last.Parcel.Content.Body) != c.want {
				t.Errorf("stored as %d %s", last.Parcel.Content.Kind, last.Parcel.Content.Body)
			}
		})
	}
}

func TestSameKeyWithOtherFactIsRefused(t *testing.T) {
	h := newHouse(t, api.Options{})
	facts := func(value string) []any { return []any{map[string]any{"name": "Branch", "value": value}} }
	h.post(h.body("messageKey", "k", "facts", facts("main")), "Prefer", "respond-async")

	if a := h.post(h.body("messageKey", "k", "facts", facts("main")), "Prefer", "respond-async"); a.code != 202 {
		t.Errorf("a repeat is %d %s", a.code, a.raw)
	}
	if a := h.post(h.body("messageKey", "k", "facts", facts("dev")), "Prefer", "respond-async"); a.code != 409 {
		t.Errorf("another fact is %d %s, want 409", a.code, a.raw)
	}
}

func TestEveryWrongFieldBesideTheTextIsNamed(t *testing.T) {
	h := newHouse(t, api.Options{})
	const secret = "canary-value"
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"types":               {`"textMessage":"x","title":1,"level":[],"facts":{},"link":"https://` + secret + `"`, []string{"/title", "/level", "/facts", "/link"}},
		"types of facts":      {`"textMessage":"x","facts":[{"name":"n","value":7},null,"n=v",{"name":"n","` + secret + `":1}]`, []string{"/facts/0/value", "/facts/1", "/facts/2", "/facts/3"}},
		"twice":               {`"textMessage":"x","facts":[{"name":"n","name":"n"}],"link":{"url":"a","url":"b"}`, []string{"/facts/0/name", "/link/url"}},
		"values":              {`"textMessage":" ","title":"","level":"fatal","facts":[{"value":"v"}],"link":{}`, []string{"/textMessage", "/title", "/level", "/facts/0/name", "/link/url"}},
		"type and value":      {`"textMessage":" ","title":"","level":1`, []string{"/level", "/textMessage", "/title"}},
		"with a card":         {`"card":{},"title":"x"`, []string{"/title", "/card"}},
		"with a card, all":    {`"card":{},"title":"x","level":"info","facts":[],"link":{}`, []string{"/title", "/level", "/facts", "/link", "/card"}},
		"with text and card":  {`"textMessage":"x","card":{},"title":"x"`, []string{"/textMessage", "/card", "/title"}},
		"without a text":      {`"title":"x"`, []string{"/textMessage"}},
		"level without a say": {`"textMessage":"x","level":""`, []string{"/level"}},
		"URL with a secret":   {`"textMessage":"x","link":{"url":"https://user:` + secret + `@a.example"}`, []string{"/link/url"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.post(`{"webhookId":"` + string(h.webhook.ID) + `",` + c.body + `}`)

			got := a.pointers()
			for _, p := range c.want {
				if !slices.Contains(got, p) {
					t.Errorf("%s is not named", p)
				}
			}
			// The card that is empty has faults of its own.
			extra := slices.DeleteFunc(got, func(p string) bool { return slices.Contains(c.want, p) || strings.HasPrefix(p, "/card/") })
			if a.code != 422 || len(extra) > 0 {
				t.Errorf("%d names %v too: %s", a.code, extra, a.raw)
			}
			if strings.Contains(a.raw, secret) {
				t.Errorf("the answer quotes a value: %s", a.raw)
			}
		})
	}
	if n := len(h.heads()); n != 0 {
		t.Errorf("%d messages were stored", n)
	}
}
