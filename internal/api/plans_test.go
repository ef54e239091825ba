package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// token makes a token and returns the header that carries it; without an
// organization it is an operator's.
func (h *house) token(n store.NewToken) string {
	h.t.Helper()
	text, err := keyring.NewToken()
	if err != nil {
		h.t.Fatal(err)
	}
	n.Hash, n.By = keyring.Hash(text), "test"
	if n.Name == "" {
		n.Name = "test"
	}
	if _, err := h.store.CreateToken(h.t.Context(), n); err != nil {
		h.t.Fatal(err)
	}
	return "Bearer " + text
}

func decoded[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.raw), &v); err != nil {
		t.Fatalf("answer %d %q: %v", a.code, a.raw, err)
	}
	return v
}

type planBody struct {
	ID, Name, Type string
	WebhookQuota   int
}

func TestAPlanIsMadeReadListedAndChanged(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})

	made := h.call(http.MethodPost, "/api/v1/plans", `{"name":"gold","type":"trial","webhookQuota":3,"price":null}`, "Authorization", operator)
	if made.code != http.StatusCreated || made.header.Get("ETag") != `"1"` {
		t.Fatalf("made: %d %s, ETag %s", made.code, made.raw, made.header.Get("ETag"))
	}
	where := made.header.Get("Location")
	changed := h.call(http.MethodPatch, where, `{"webhookQuota":4}`, "Authorization", operator, "If-Match", `"1"`)
	late := h.call(http.MethodPatch, where, `{"webhookQuota":5}`, "Authorization", operator, "If-Match", `"1"`)
	read := h.call(http.MethodGet, where, "", "Authorization", operator)

	if changed.code != http.StatusOK || changed.header.Get("ETag") != `"2"` {
		t.Errorf("changed: %d %s, ETag %s", changed.code, changed.raw, changed.header.Get("ETag"))
	}
	if late.code != http.StatusPreconditionFailed || late.Code != "changed" {
		t.Errorf("changed with the old version: %d %s", late.code, late.raw)
	}
	if got := decoded[planBody](t, read); read.code != http.StatusOK || got.Name != "gold" || got.Type != "trial" || got.WebhookQuota != 4 || "/api/v1/plans/"+got.ID != where {
		t.Errorf("read: %d %+v", read.code, got)
	}
	if again := h.call(http.MethodPost, "/api/v1/plans", `{"name":"gold"}`, "Authorization", operator); again.code != http.StatusConflict {
		t.Errorf("the same name again: %d %s", again.code, again.raw)
	}
}

func TestAListGoesOnWhereItsCursorSays(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	var names []string
	for cursor, calls := "", 0; calls < 5; calls++ {
		a := h.call(http.MethodGet, "/api/v1/plans?limit=2&cursor="+cursor, "", "Authorization", operator)
		l := decoded[struct {
			Items []planBody
			Next  *string
		}](t, a)
		for _, p := range l.Items {
			names = append(names, p.Name)
		}
		if l.Next == nil {
			break
		}
		cursor = *l.Next
	}
	if want := []string{"trial", "standard", "enterprise"}; !slices.Equal(names, want) {
		t.Errorf("names = %v, want %v", names, want)
	}
}

func TestAWrongManagementCallIsExplained(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	expired := h.token(store.NewToken{Expires: time.Now().Add(-time.Hour)})
	member := h.token(store.NewToken{Organization: h.subscription.Organization})
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		problem, pointer   string
		authorization      string
	}{
		"no token":          {"GET", "/api/v1/plans", "", 401, "token_invalid", "", "-"},
		"keys":              {"GET", "/api/v1/plans", "", 401, "token_invalid", "", "Basic Og=="},
		"old token":         {"GET", "/api/v1/plans", "", 401, "token_invalid", "", expired},
		"no operator":       {"POST", "/api/v1/plans", `{"name":"x"}`, 403, "forbidden", "", member},
		"not JSON":          {"POST", "/api/v1/plans", `{"name":`, 400, "invalid_json", "", operator},
		"not UTF-8":         {"POST", "/api/v1/plans", "{\"name\":\"\xff\"}", 400, "invalid_json", "", operator},
		"no object":         {"POST", "/api/v1/plans", `[1]`, 422, "invalid_field", "", operator},
		"no body":           {"POST", "/api/v1/plans", ``, 422, "invalid_field", "", operator},
		"twice":             {"POST", "/api/v1/plans", `{"name":"a","name":"b"}`, 422, "invalid_field", "/name", operator},
		"unknown":           {"POST", "/api/v1/plans", `{"nme":"canary-value"}`, 422, "invalid_field", "/nme", operator},
		"wrong type":        {"POST", "/api/v1/plans", `{"name":"a","webhookQuota":"canary-value"}`, 422, "invalid_field", "/webhookQuota", operator},
		"below":             {"POST", "/api/v1/plans", `{"name":"a","webhookQuota":-1}`, 422, "invalid_field", "/webhookQuota", operator},
		"no choice":         {"POST", "/api/v1/plans", `{"name":"a","type":"canary-value"}`, 422, "invalid_field", "/type", operator},
		"blank":             {"POST", "/api/v1/plans", `{"name":" "}`, 422, "invalid_field", "/name", operator},
		"null name":         {"POST", "/api/v1/plans", `{"name":null}`, 422, "invalid_field", "/name", operator},
		"limit":             {"GET", "/api/v1/plans?limit=201", "", 422, "invalid_field", "/limit", operator},
		"limit, no number":  {"GET", "/api/v1/plans?limit=canary-value", "", 422, "invalid_field", "/limit", operator},
		"cursor":            {"GET", "/api/v1/plans?cursor=!", "", 422, "invalid_field", "/cursor", operator},
		"unknown parameter": {"GET", "/api/v1/plans?limt=2", "", 422, "invalid_field", "/limt", operator},
		"no such plan":      {"GET", "/api/v1/plans/gold", "", 404, "not_found", "", operator},
		"no such method":    {"DELETE", "/api/v1/plans/gold", "", 405, "method_not_allowed", "", operator},
		"too large":         {"POST", "/api/v1/plans", strings.Repeat(" ", api.MaxBody+1), 413, "too_large", "", operator},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.call(c.method, c.path, c.body, "Authorization", c.authorization)
			if a.code != c.code || a.Code != c.problem || a.header.Get("Content-Type") != "application/problem+json" || *a.SentMessage {
				t.Fatalf("answer %d %s (%s)", a.code, a.raw, a.header.Get("Content-Type"))
			}
			if c.pointer != "" && !slices.Contains(a.pointers(), c.pointer) {
				t.Errorf("pointers %v, want %s: %s", a.pointers(), c.pointer, a.raw)
			}
			if strings.Contains(a.raw, "canary-value") {
				t.Errorf("the answer quotes what was sent: %s", a.raw)
			}
			t.Log(a.Detail)
		})
	}
}
