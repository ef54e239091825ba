package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Every route is called with markers wherever a caller can put one, at the
// loudest log level, with a database that breaks and a room that panics.
func TestNoLogErrorMetricOrPageShowsWhatMustNotLeak(t *testing.T) {
	reg := prometheus.NewRegistry()
	log := &syncBuffer{}
	h := newHouse(t, api.Options{Registerer: reg, Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	operator := h.token(store.NewToken{})
	strange, err := keyring.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	const mark = "canary7f3a"
	said := &strings.Builder{}
	hear := func(a answer) {
		if a.code == http.StatusNotFound { // it says which id there is not
			a.raw = strings.ReplaceAll(a.raw, mark, "")
		}
		fmt.Fprintln(said, a.code, a.raw, a.header)
	}
	for key := range h.api.Routes() {
		method, path, _ := strings.Cut(key, " ")
		path = strings.NewReplacer("{id}", mark, "{keyId}", mark, "{personId}", mark).Replace(path)
		body := fmt.Sprintf(`{"url":"https://%s.example/?sig=%s","textMessage":"%s","name":"%s","webhookId":"%s"}`, mark, mark, mark, mark, mark)
		for _, authorization := range []string{operator, "Bearer " + strange, "Bearer " + mark, "Basic " + mark, "-"} {
			hear(h.call(method, path+"?q="+mark+"&limit="+mark, body, "Authorization", authorization,
				"Cookie", mark, "Prefer", mark, "Idempotency-Key", mark, "If-Match", mark))
		}
		hear(h.call(method, path, `{"name":"`+mark+`",`, "Authorization", operator))
	}
	h.faults.FailStatement(1, "INSERT INTO message", nil)
	hear(h.post(h.body("textMessage", mark, "messageKey", mark), "Prefer", "respond-async"))
	h.faults.FailStatement(1, "FROM plan", nil)
	hear(h.call(http.MethodGet, "/api/v1/plans", "", "Authorization", operator))
	h.engine.mu.Lock()
	h.engine.explode = mark
	h.engine.mu.Unlock()
	broken := h.post(h.body("textMessage", mark))
	hear(broken)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}

	if broken.code != http.StatusInternalServerError || !strings.Contains(log.String(), "handler panicked") {
		t.Fatalf("nothing panicked: %d %s", broken.code, broken.raw)
	}
	for where, text := range map[string]string{"an answer": said.String(), "the log": log.String(), "a metric": fmt.Sprint(families)} {
		for what, secret := range map[string]string{"a marker": mark, "a license secret": h.secret, "a token": strings.TrimPrefix(operator, "Bearer "), "a strange token": strange} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s shows %s: %s", where, what, text[max(0, i-300):min(len(text), i+100)])
			}
		}
	}
}

// With the caches warm and calls under way, what was deleted is refused within a second.
func TestDeletedKeysAreRefusedUnderLoadWithinASecond(t *testing.T) {
	h := newHouse(t, api.Options{})
	var callers sync.WaitGroup
	refused := make(chan time.Time, 4)
	warm := make(chan struct{}, 4)
	for range 4 {
		callers.Go(func() {
			for calls := 0; ; calls++ {
				a := h.call(http.MethodGet, "/api/v1/webhooks", "")
				if a.code == http.StatusUnauthorized {
					refused <- time.Now()
					return
				}
				if a.code != http.StatusOK {
					t.Errorf("answers %d %s", a.code, a.raw)
					return
				}
				if calls == 10 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-warm
	}
	keys, err := h.store.KeysOf(t.Context(), h.subscription.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.DeleteKeys(t.Context(), h.subscription.ID, keys[0].ID, "test"); err != nil {
		t.Fatal(err)
	}
	deleted := time.Now()
	callers.Wait()

	close(refused)
	for at := range refused {
		if took := at.Sub(deleted); took > time.Second {
			t.Errorf("a deleted key was taken for %v", took)
		}
	}
}

func TestADatabaseThatIsAwayIsNoFaultOfTheCaller(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	id := h.post(h.body(), "Prefer", "respond-async").MessageID
	for path, c := range map[string]struct{ table, authorization string }{
		"/api/v1/messages/" + id: {"FROM message", ""},
		"/api/v1/plans":          {"FROM plan", operator},
		"/api/v1/plans/trial":    {"FROM token", h.token(store.NewToken{})},
		"/api/v1/webhooks":       {"FROM subscription s JOIN webhook", ""},
	} {
		var headers []string
		if c.authorization != "" {
			headers = []string{"Authorization", c.authorization}
		}
		h.faults.FailStatement(1, c.table, nil)

		away := h.call(http.MethodGet, path, "", headers...)
		back := h.call(http.MethodGet, path, "", headers...)

		if away.code != http.StatusServiceUnavailable || away.Code != "not_accepted" || away.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, want 503 not_accepted", path, away.code, away.raw)
		}
		if back.code != http.StatusOK {
			t.Errorf("%s: %d %s after it", path, back.code, back.raw)
		}
	}
}
