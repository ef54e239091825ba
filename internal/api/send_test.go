package api_test

import (
	"database/sql"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestAnswerTellsHowFarTheMessageCame(t *testing.T) {
	later := connector.Forecast{At: time.Now().Add(time.Hour), Waiting: 7}
	for name, c := range map[string]struct {
		finish   connector.State
		forecast connector.Forecast
		prefer   string
		code     int
		status   string
		sent     bool
		expected bool
	}{
		"sent":               {finish: connector.StateSent, code: 200, status: "sent", sent: true},
		"failed":             {finish: connector.StateFailed, code: 200, status: "failed"},
		"expired":            {finish: connector.StateExpired, code: 200, status: "expired"},
		"uncertain":          {finish: connector.StateUncertain, code: 200, status: "uncertain"},
		"expected too late":  {forecast: later, code: 200, status: "accepted", expected: true},
		"held":               {forecast: connector.Forecast{Held: true, Cause: "Anna paused it"}, code: 200, status: "held"},
		"wait over":          {prefer: "wait=0", code: 200, status: "accepted", expected: true},
		"asynchronous":       {prefer: "respond-async", code: 202, status: "accepted", expected: true},
		"asynchronous, held": {prefer: "respond-async", forecast: connector.Forecast{Held: true}, code: 200, status: "held"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, api.Options{})
			h.engine.set(c.finish, "a detail", c.forecast)

			a := h.post(h.body(), "Prefer", c.prefer)

			if a.code != c.code || a.Status != c.status || a.SentMessage == nil || *a.SentMessage != c.sent {
				t.Errorf("answer is %d %s; want %d %s, sentMessage %v", a.code, a.raw, c.code, c.status, c.sent)
			}
			if a.Message == nil || *a.Message == "" || !connector.ValidID(connector.MessagePrefix, a.MessageID) {
				t.Errorf("answer has no message or id: %s", a.raw)
			}
			if (a.ExpectedAt != "") != c.expected {
				t.Errorf("expectedAt is %q, want one: %v", a.ExpectedAt, c.expected)
			}
			if got := a.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type is %q", got)
			}
			read := h.call(http.MethodGet, "/api/v1/messages/"+a.MessageID, "")
			if read.code != 200 || read.Status != c.status || read.MessageID != a.MessageID {
				t.Errorf("read later it is %d %s", read.code, read.raw)
			}
		})
	}
}

func TestEachRefusalHasItsCodeAndTheTwoFieldsOfEveryAnswer(t *testing.T) {
	h := newHouse(t, api.Options{})
	foreign := newForeign(h)
	deleted := h.addWebhook("Deleted")
	if _, err := h.store.DeleteWebhook(t.Context(), h.subscription.ID, deleted.ID, "test"); err != nil {
		t.Fatal(err)
	}
	h.post(h.body("messageKey", "taken"), "Prefer", "respond-async")
	wrongSecret := h.secret[:10] + h.secret[11:] + "x" // never the right one by chance
	for name, c := range map[string]struct {
		body    string
		headers []string
		code    int
		problem string
	}{
		"not JSON":             {body: `{"webhookId":`, code: 400, problem: "invalid_json"},
		"two values":           {body: h.body() + h.body(), code: 400, problem: "invalid_json"},
		"nothing":              {body: "", code: 400, problem: "invalid_json"},
		"not UTF-8":            {body: "{\"textMessage\":\"\xff\"}", code: 400, problem: "invalid_json"},
		"lone surrogate":       {body: `{"textMessage":"\ud83d"}`, code: 400, problem: "invalid_json"},
		"not an object":        {body: `[1]`, code: 422, problem: "invalid_field"},
		"blank text":           {body: h.body("textMessage", " \u200b "), code: 422, problem: "invalid_field"},
		"long text":            {body: h.body("textMessage", strings.Repeat("x", 100_001)), code: 413, problem: "too_large"},
		"huge body":            {body: h.body("textMessage", strings.Repeat("x", api.MaxBody)), code: 413, problem: "too_large"},
		"no license":           {body: h.body(), headers: []string{"Authorization", "-"}, code: 401, problem: "license_invalid"},
		"no license, no JSON":  {body: "{", headers: []string{"Authorization", "-"}, code: 401, problem: "license_invalid"},
		"mistyped secret":      {body: h.body(), headers: []string{"Authorization", basic(h.key, wrongSecret)}, code: 401, problem: "license_invalid"},
		"secret of another":    {body: h.body(), headers: []string{"Authorization", basic(h.key, foreign.secret)}, code: 401, problem: "license_invalid"},
		"bearer":               {body: h.body(), headers: []string{"Authorization", "Bearer " + h.secret}, code: 401, problem: "license_invalid"},
		"two licenses":         {body: h.body(), headers: []string{"Authorization", "Bearer x", "+Authorization", basic(h.key, h.secret)}, code: 401, problem: "license_invalid"},
		"license twice":        {body: h.body(), headers: []string{"+Authorization", basic(foreign.key, foreign.secret)}, code: 401, problem: "license_invalid"},
		"unknown webhook":      {body: h.body("webhookId", "wh_00000000000000000000000000"), code: 404, problem: "webhook_not_found"},
		"webhook that is none": {body: h.body("webhookId", "wh_nope"), code: 404, problem: "webhook_not_found"},
		"deleted webhook":      {body: h.body("webhookId", deleted.ID), code: 404, problem: "webhook_not_found"},
		"webhook of another":   {body: h.body(), headers: []string{"Authorization", basic(foreign.key, foreign.secret)}, code: 404, problem: "webhook_not_found"},
		"key with other text":  {body: h.body("messageKey", "taken", "textMessage", "other"), code: 409, problem: "message_key_reused"},
		"compressed":           {body: h.body(), headers: []string{"Content-Encoding", "gzip"}, code: 415, problem: "unsupported_media_type"},
		"text and card":        {body: h.body("card", map[string]any{"type": "AdaptiveCard"}), code: 422, problem: "invalid_field"},
		"duplicate name":       {body: `{"webhookId":"a","webhookId":"b"}`, code: 422, problem: "invalid_field"},
		"duplicate after null": {body: `{"webhookId":"a","textMessage":null,"textMessage":"x"}`, code: 422, problem: "invalid_field"},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.post(c.body, c.headers...)

			if a.code != c.code || a.Code != c.problem || a.Status != float64(c.code) {
				t.Fatalf("answer is %d %s; want %d %s", a.code, a.raw, c.code, c.problem)
			}
			if a.header.Get("Content-Type") != "application/problem+json" || a.Type == "" || a.Title == "" || a.Detail == "" {
				t.Errorf("not a whole problem: %s", a.raw)
			}
			if a.SentMessage == nil || *a.SentMessage || a.Message == nil || *a.Message != a.Detail {
				t.Errorf("sentMessage or message is not as in every answer: %s", a.raw)
			}
			if a.RequestID == "" || a.RequestID != a.header.Get("X-Request-Id") {
				t.Errorf("requestId %q, header %q; want the same", a.RequestID, a.header.Get("X-Request-Id"))
			}
			if (a.header.Get("WWW-Authenticate") != "") != (c.code == 401) {
				t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
			}
			if strings.Contains(a.raw+h.log.String(), h.secret) {
				t.Error("the answer or the log shows the license secret")
			}
		})
	}
	if n := len(h.heads()); n != 1 {
		t.Errorf("%d messages wait, want only the first: a refused one was stored", n)
	}
}

type foreign struct{ key, secret string }

func newForeign(h *house) foreign {
	h.t.Helper()
	key, secret, _ := h.setup("Other")
	return foreign{key, secret}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestOrderOfDecisions(t *testing.T) {
	h := newHouse(t, api.Options{})
	stored := h.post(h.body("messageKey", "k"), "Prefer", "respond-async")
	second := h.addWebhook("Second")
	one := 1
	change := func(c store.SubscriptionChange) {
		t.Helper()
		c.Subscription, c.By = h.subscription.ID, "test"
		if _, err := h.store.ChangeSubscription(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	repeats := func(when string) {
		t.Helper()
		a := h.post(h.body("messageKey", "k"), "Prefer", "respond-async")
		if a.MessageID != stored.MessageID || a.MessageID == "" {
			t.Errorf("%s: the repeat is answered with %d %s, want %s", when, a.code, a.raw, stored.MessageID)
		}
		a = h.post(h.body("messageKey", "k", "textMessage", "other"))
		if a.Code != "message_key_reused" {
			t.Errorf("%s: other content gets %s", when, a.raw)
		}
		a = h.post(h.body("messageKey", "k"), "Authorization", "-")
		if a.code != 401 {
			t.Errorf("%s: without a license it is %d, want 401", when, a.code)
		}
	}

	change(store.SubscriptionChange{MessageQuota: &one})
	repeats("quota used up")
	if a := h.post(h.body("webhookId", second.ID)); a.code != 403 || a.Code != "message_quota_exhausted" {
		t.Errorf("quota used up: %d %s", a.code, a.raw)
	}
	if a := h.post(h.body("webhookId", "wh_00000000000000000000000000")); a.code != 404 {
		t.Errorf("unknown webhook with the quota used up: %d, want 404: the webhook comes before the quota", a.code)
	}

	if _, err := h.store.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "test"); err != nil {
		t.Fatal(err)
	}
	repeats("webhook deleted")

	expired := store.StatusExpired
	change(store.SubscriptionChange{Status: &expired})
	repeats("subscription expired")
	if a := h.post(h.body("webhookId", "wh_00000000000000000000000000")); a.code != 403 || a.Code != "subscription_expired" {
		t.Errorf("unknown webhook of an expired subscription: %d %s, want 403: the subscription comes first", a.code, a.raw)
	}
	if a := h.call(http.MethodGet, "/api/v1/messages/"+stored.MessageID, ""); a.code != 200 {
		t.Errorf("an expired subscription reads its message with %d, want 200", a.code)
	}
}

func TestRepeatWhileTheFirstWaitsSendsOnce(t *testing.T) {
	h := newHouse(t, api.Options{})
	answers := make(chan answer, 2)
	body := h.body("messageKey", "k")
	for range 2 {
		go func() { answers <- h.post(body, "Prefer", "wait=50") }()
	}
	lane := <-h.engine.woken
	<-h.engine.asked
	<-h.engine.asked // as a rule by the second call, which waits now too
	h.engine.set(connector.StateSent, "", connector.Forecast{})
	h.engine.settle(lane)

	a, b := <-answers, <-answers
	if a.Status != "sent" || b.Status != "sent" || a.MessageID != b.MessageID || len(h.engine.woken) != 0 {
		t.Errorf("answers are %s and %s after %d more wake-ups; want one message, sent", a.raw, b.raw, len(h.engine.woken))
	}
}

func TestDiskThatTakesNothingIs503WithRetryAfter(t *testing.T) {
	h := newHouse(t, api.Options{})
	h.faults.FailStatement(1, "INSERT INTO message", unwritable(t))

	a := h.post(h.body())

	if a.code != 503 || a.Code != "not_accepted" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer is %d %s, Retry-After %q; want 503 not_accepted", a.code, a.raw, a.header.Get("Retry-After"))
	}
	if a := h.post(h.body(), "Prefer", "respond-async"); a.code != 202 {
		t.Errorf("after the fault it is %d %s, want 202", a.code, a.raw)
	}
}

// unwritable returns a real error of a database that can't be written.
func unwritable(t *testing.T) error {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:?_pragma=query_only(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err = db.ExecContext(t.Context(), "CREATE TABLE t (x)"); err == nil {
		t.Fatal("the database could be written")
	}
	return err
}

func TestCommitOfUnknownEndIsSaidAndTheLaneWoken(t *testing.T) {
	t.Parallel() // the store tries for 5 s before it gives up
	h := newHouse(t, api.Options{})
	for n := range 100 {
		h.faults.FailCommit(n+1, true, nil) // it happens, whoever commits beside it, and nobody can ask
	}

	a := h.post(h.body("messageKey", "k"))

	if a.code != 503 || a.Code != "accept_unknown" || a.header.Get("Retry-After") == "" {
		t.Fatalf("answer is %d %s, want 503 accept_unknown", a.code, a.raw)
	}
	if len(h.engine.woken) == 0 {
		t.Error("the lane was not woken, and may hold the message")
	}
	if n := len(h.heads()); n != 1 {
		t.Errorf("%d messages wait, want the one of the commit that happened", n)
	}
}

func TestDatabaseThatIsAwayIsNeverAWrongLicense(t *testing.T) {
	h := newHouse(t, api.Options{})
	h.faults.FailStatement(1, "FROM keys", nil)

	a := h.post(h.body())

	if a.code != 503 || a.Code != "not_accepted" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer is %d %s, want 503 not_accepted", a.code, a.raw)
	}
}

func TestDrainAnswersAndReadinessFollows(t *testing.T) {
	h := newHouse(t, api.Options{})
	answers := make(chan answer, 1)
	go func() { answers <- h.post(h.body(), "Prefer", "wait=50") }()
	<-h.engine.woken

	h.in.Drain()

	if a := <-answers; a.code != 200 || a.Status != "accepted" {
		t.Errorf("answer is %d %s, want 200 accepted", a.code, a.raw)
	}
	if a := h.call(http.MethodGet, "/readyz", ""); a.code != 503 {
		t.Errorf("/readyz is %d while draining, want 503", a.code)
	}
	if a := h.call(http.MethodGet, "/healthz", ""); a.code != 200 {
		t.Errorf("/healthz is %d while draining, want 200", a.code)
	}
}

func TestEveryWrongFieldIsNamed(t *testing.T) {
	h := newHouse(t, api.Options{})
	for name, c := range map[string]struct {
		body    string
		headers []string
		want    []string
		says    string
	}{
		"empty object":     {body: `{}`, want: []string{"/textMessage", "/webhookId"}},
		"all null":         {body: `{"webhookId":null,"textMessage":null,"title":null,"level":null,"facts":null,"link":null,"card":null,"messageKey":null,"expiresIn":null}`, want: []string{"/textMessage", "/webhookId"}},
		"wrong types":      {body: `{"webhookId":1,"textMessage":{},"messageKey":[],"expiresIn":"60"}`, want: []string{"/webhookId", "/textMessage", "/messageKey", "/expiresIn"}},
		"near miss":        {body: h.body("textMesage", "x"), want: []string{"/textMesage"}, says: "did you mean textMessage"},
		"later field":      {body: h.body("urgent", "x"), want: []string{"/urgent"}, says: "known fields"},
		"card of a string": {body: `{"webhookId":"wh_a","card":"{}"}`, want: []string{"/card"}},
		"both":             {body: h.body("card", map[string]any{}), want: []string{"/textMessage", "/card"}},
		"half a second":    {body: h.body("expiresIn", 0.5), want: []string{"/expiresIn"}},
		"fraction":         {body: h.body("expiresIn", 60.5), want: []string{"/expiresIn"}},
		"15 days":          {body: h.body("expiresIn", 15*86400), want: []string{"/expiresIn"}},
		"negative":         {body: h.body("expiresIn", -1), want: []string{"/expiresIn"}},
		"huge number":      {body: `{"webhookId":"wh_a","textMessage":"x","expiresIn":1e999}`, want: []string{"/expiresIn"}},
		"empty key":        {body: h.body("messageKey", ""), want: []string{"/messageKey"}},
		"keys that differ": {body: h.body("messageKey", "a"), headers: []string{"Idempotency-Key", "b"}, want: []string{"/messageKey"}},
		"two headers":      {body: h.body(), headers: []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, want: []string{"/messageKey"}},
		"empty header":     {body: h.body(), headers: []string{"Idempotency-Key", ""}, want: []string{"/messageKey"}},
		"readable, wrong":  {body: h.body("nope", 1, "textMessage", " ", "expiresIn", "x"), want: []string{"/nope", "/expiresIn", "/textMessage"}},
		"URL as webhook":   {body: h.body("webhookId", "https://x.example/?sig=canary"), want: []string{"/webhookId"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.post(c.body, c.headers...)

			if a.code != 422 || !slices.Equal(a.pointers(), c.want) {
				t.Errorf("answer is %d about %q, want 422 about %q: %s", a.code, a.pointers(), c.want, a.raw)
			}
			if !strings.Contains(a.raw, c.says) || strings.Contains(a.raw, "canary") {
				t.Errorf("answer %s; want %q in it, and no value quoted", a.raw, c.says)
			}
			for _, p := range c.want {
				if !strings.Contains(*a.Message, strings.TrimPrefix(p, "/")) {
					t.Errorf("message %q does not name %s", *a.Message, p)
				}
			}
		})
	}
}

func TestBodiesThatAreTaken(t *testing.T) {
	h := newHouse(t, api.Options{})
	card := `{ "type" : "AdaptiveCard", "version":"1.4","body":[ {"type":"TextBlock","text":"\u00e9 é"} ] }`
	for name, c := range map[string]struct {
		body    string
		headers []string
		want    string
	}{
		"text":               {body: h.body("textMessage", "a\tb\r\nc"), want: "a\tb\r\nc"},
		"escapes":            {body: `{"webhookId":"` + string(h.webhook.ID) + `","textMessage":"\u0000\ud83d\ude00\/"}`, want: "\x00😀/"},
		"byte order mark":    {body: "\ufeff" + h.body(), want: "hello"},
		"no content type":    {body: h.body(), headers: []string{"Content-Type", "-"}, want: "hello"},
		"form content type":  {body: h.body(), headers: []string{"Content-Type", "-", "Content-Type", "application/x-www-form-urlencoded"}, want: "hello"},
		"identity":           {body: h.body(), headers: []string{"Content-Encoding", "identity"}, want: "hello"},
		"exponent":           {body: `{"webhookId":"` + string(h.webhook.ID) + `","textMessage":"x","expiresIn":1e2}`, want: "x"},
		"whole fraction":     {body: `{"webhookId":"` + string(h.webhook.ID) + `","textMessage":"x","expiresIn":60.0}`, want: "x"},
		"card byte for byte": {body: `{"webhookId":"` + string(h.webhook.ID) + `","card":` + card + `,"textMessage":null}`, want: card},
		"same key twice":     {body: h.body("messageKey", "same"), headers: []string{"Idempotency-Key", "same"}, want: "hello"},
	} {
		a := h.post(c.body, append(c.headers, "Prefer", "respond-async")...)
		if a.code != 202 {
			t.Errorf("%s: answer is %d %s, want 202", name, a.code, a.raw)
			continue
		}
		head := h.heads()[0]
		if got := string(head.Parcel.Content.Body); got != c.want || string(head.ID) != a.MessageID {
			t.Errorf("%s: stored %q, want %q", name, got, c.want)
		}
		h.engine.set(connector.StateSent, "", connector.Forecast{Waiting: 1})
		h.engine.settle(h.webhook.Lane)
		h.engine.set(0, "", connector.Forecast{Waiting: 1})
	}
}

func TestPreferenceIsConfirmed(t *testing.T) {
	h := newHouse(t, api.Options{})
	h.engine.set(connector.StateSent, "", connector.Forecast{Waiting: 1})
	for prefer, want := range map[string]string{"wait=5": "wait=5", "wait=999": "wait=55", "junk": "", "": ""} {
		if got := h.post(h.body(), "Prefer", prefer).header.Get("Preference-Applied"); got != want {
			t.Errorf("Prefer %q: Preference-Applied is %q, want %q", prefer, got, want)
		}
	}
	h.engine.set(0, "", connector.Forecast{Waiting: 1})
	a := h.post(h.body(), "Prefer", "RESPOND-ASYNC")
	if a.header.Get("Preference-Applied") != "respond-async" || a.header.Get("Location") != "/api/v1/messages/"+a.MessageID {
		t.Errorf("headers are %v, want respond-async and a Location", a.header)
	}
}
