package ingest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// long is a wait that no test may sit through.
var long = ingest.Wait{For: 50 * time.Second}

func TestAcceptedMessageIsStoredSealedByteForByte(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	const body = "canary line 1\r\n\tline 2 \u202e \u0000 é e\u0301"

	a := h.sent(h.text(body, ""), ingest.Wait{Async: true})

	loaded, err := h.store.Fetch(t.Context(), []connector.FetchRequest{{Lane: h.webhook.Lane}})
	if err != nil {
		t.Fatal(err)
	}
	head := loaded[0].Head[0]
	if head.ID != a.Message || !bytes.Equal(head.Parcel.Content.Body, []byte(body)) {
		t.Errorf("stored %s %q, want %s %q", head.ID, head.Parcel.Content.Body, a.Message, body)
	}
	if a.Status != "accepted" || a.Sent || a.ExpectedAt.IsZero() {
		t.Errorf("answer is %+v, want accepted with an expected time", a)
	}
}

func TestAnswerTellsHowTheMessageEnded(t *testing.T) {
	for name, want := range map[string]struct {
		state connector.State
		sent  bool
		maybe bool
		text  string
	}{
		"sent":      {connector.StateSent, true, false, "accepted"},
		"posted":    {connector.StatePosted, true, false, "channel"},
		"failed":    {connector.StateFailed, false, false, "because of a cause"},
		"expired":   {connector.StateExpired, false, false, "because of a cause"},
		"uncertain": {connector.StateUncertain, false, true, "because of a cause"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, ingest.Options{})
			call := h.send(h.text("hello", ""), long)
			h.stored()
			h.ends(want.state, connector.ReasonOther, "because of a cause")

			a := h.wants(call)

			if a.Status != name || a.Sent != want.sent || a.MaybePosted != want.maybe || !strings.Contains(a.Text, want.text) {
				t.Errorf("answer is %+v, want %s, sent %v, maybe posted %v, text with %q", a, name, want.sent, want.maybe, want.text)
			}
			again, err := h.in.Message(t.Context(), h.license, a.Message, time.Time{})
			if err != nil || again.Status != a.Status || again.Text != a.Text {
				t.Errorf("read later it is %+v, %v; want the same as %+v", again, err, a)
			}
		})
	}
}

func TestSweptMessageEndsTheWait(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	call := h.send(h.text("hello", ""), long)
	h.stored()
	loaded, err := h.store.Fetch(t.Context(), []connector.FetchRequest{{Lane: h.webhook.Lane}})
	if err != nil {
		t.Fatal(err)
	}

	h.in.Swept([]connector.End{{Message: loaded[0].Head[0].ID, State: connector.StateExpired, Detail: "too late"}})

	if a := h.wants(call); a.Status != "expired" {
		t.Errorf("status %s, want expired", a.Status)
	}
}

func TestAnswerComesAtOnceWhenWaitingIsInVain(t *testing.T) {
	for name, c := range map[string]struct {
		wait     ingest.Wait
		forecast func() connector.Forecast
		status   string
		text     string
	}{
		"asynchronous":        {ingest.Wait{Async: true, For: 50 * time.Second}, soon, "accepted", "any moment"},
		"no wait":             {ingest.Wait{}, soon, "accepted", "any moment"},
		"held":                {long, held("Somebody paused it"), "held", "Somebody paused it."},
		"expected too late":   {long, in(10 * time.Minute), "accepted", "3 messages wait"},
		"expected in 2 weeks": {long, in(14 * 24 * time.Hour), "accepted", "UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, ingest.Options{})
			h.engine.expects(c.forecast)

			a := h.sent(h.text("hello", ""), c.wait)

			if a.Status != c.status || !strings.Contains(a.Text, c.text) || a.Sent {
				t.Errorf("answer is %+v, want %s with %q", a, c.status, c.text)
			}
			if a.ExpectedAt.IsZero() != (c.status == "held") {
				t.Errorf("expected at %v", a.ExpectedAt)
			}
		})
	}
}

func TestPausedWebhookIsHeldBeforeTheEngineKnows(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	_, err := h.store.SetLane(t.Context(), store.SetLane{
		Subscription: h.license.Subscription, Webhook: h.webhook.ID, State: connector.LanePaused, Cause: "Anna paused it", By: "test",
	})
	if err != nil {
		t.Fatal(err)
	}

	a := h.sent(h.text("hello", ""), long)

	if a.Status != "held" || !strings.Contains(a.Text, "Anna paused it") {
		t.Errorf("answer is %+v, want held", a)
	}
}

func TestWaitEndsWhenTheLaneStops(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	call := h.send(h.text("hello", ""), long)
	h.stored()
	<-h.engine.asked
	<-h.engine.asked // the second look: from now on only the settlement tells
	h.engine.expects(held("The flow was deleted"))

	h.step(func(_ connector.Item, s *connector.Settlement) {
		s.Stop = true
		s.Lane.Cause = "The flow was deleted"
	})

	if a := h.wants(call); a.Status != "held" {
		t.Errorf("answer is %+v, want held", a)
	}
}

func TestWaitEndsWhenTheLaneBacksOffBeyondIt(t *testing.T) {
	for name, back := range map[string]func(s *connector.Settlement, at time.Time){
		"lane":  func(s *connector.Settlement, at time.Time) { s.Lane.NotBefore = at },
		"group": func(s *connector.Settlement, at time.Time) { s.Group.NotBefore = at },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, ingest.Options{})
			call := h.send(h.text("hello", ""), long)
			h.stored()
			<-h.engine.asked
			<-h.engine.asked // the second look: from now on only the settlement tells
			h.engine.expects(in(5 * time.Minute))

			h.step(func(head connector.Item, s *connector.Settlement) {
				back(s, h.store.Now().Add(5*time.Minute))
				s.Attempt = &connector.Attempt{
					Seq: head.Seq, Message: head.ID, N: 1, At: h.store.Now(),
					Outcome: connector.Outcome{Verdict: connector.VerdictUncertain, Reason: connector.ReasonBroken},
				}
			})

			a := h.wants(call)
			if a.Status != "accepted" || !a.MaybePosted || time.Until(a.ExpectedAt) < time.Minute {
				t.Errorf("answer is %+v, want accepted, maybe posted, expected in minutes", a)
			}
		})
	}
}

func TestLaneThatIsLoadedLateStillEndsTheWait(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	call := h.send(h.text("hello", ""), long)
	h.stored()
	<-h.engine.asked

	h.engine.expects(in(5 * time.Minute)) // nothing was settled: the lane was only loaded

	if a := h.wants(call); a.Status != "accepted" {
		t.Errorf("answer is %+v, want accepted", a)
	}
}

func TestLongQueueBehindAMessageDoesNotEndItsWait(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	first := h.send(h.text("first", ""), long)
	h.stored()
	<-h.engine.asked
	second := h.send(h.text("second", ""), long)
	h.stored()
	h.engine.expects(in(5 * time.Minute)) // for the second, which is the last
	if a := h.wants(second); a.Status != "accepted" {
		t.Fatalf("second is %+v, want accepted", a)
	}

	select {
	case r := <-first:
		t.Fatalf("first was answered with %+v while its turn was still to come", r)
	case <-time.After(300 * time.Millisecond):
	}
	h.ends(connector.StateSent, connector.ReasonAccepted, "")

	if a := h.wants(first); a.Status != "sent" {
		t.Errorf("first is %+v, want sent", a)
	}
}

func TestWaitEndsInTime(t *testing.T) {
	h := newHouse(t, ingest.Options{})

	r := <-h.send(h.text("hello", ""), ingest.Wait{For: 250 * time.Millisecond})

	if r.err != nil || r.answer.Status != "accepted" || r.took < 250*time.Millisecond {
		t.Errorf("answer after %v is %+v, %v; want accepted after 250ms", r.took, r.answer, r.err)
	}
}

func TestRepeatWaitsLikeAFirstCallAndSendsNothing(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	first := h.send(h.text("hello", "k1"), long)
	h.stored()

	second := h.send(h.text("hello", "k1"), long)
	<-h.engine.asked
	<-h.engine.asked // both wait now
	h.ends(connector.StateSent, connector.ReasonAccepted, "")

	a, b := h.wants(first), h.wants(second)
	if a.Status != "sent" || b.Status != "sent" || a.Message != b.Message {
		t.Errorf("answers are %+v and %+v, want both sent with the same id", a, b)
	}
	if n := len(h.engine.woken); n != 0 {
		t.Errorf("the repeat woke the engine %d times", n)
	}
	later := h.sent(h.text("hello", "k1"), long)
	if later.Status != "sent" || later.Message != a.Message {
		t.Errorf("a repeat after the end is %+v, want the first one's", later)
	}
}

func TestSameKeyWithOtherContentIsRefused(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	const first = `{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"hello"}]}`
	h.sent(h.text(first, "k1"), ingest.Wait{})
	card := h.text(first, "k1")
	card.Content.Kind = connector.KindCard

	for name, m := range map[string]connector.Message{"text": h.text(first+" ", "k1"), "kind": card} {
		r := <-h.send(m, long)
		var e *connector.Error
		if !errors.As(r.err, &e) || e.Code != connector.MessageKeyReused {
			t.Errorf("other %s: %+v, %v; want %s", name, r.answer, r.err, connector.MessageKeyReused)
		}
	}
}

func TestDrainAnswersAllWhoWaitAndNobodyWaitsAfterwards(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	var calls []<-chan reply
	for range 5 {
		calls = append(calls, h.send(h.text("hello", ""), long))
		h.stored()
	}

	h.in.Drain()
	h.in.Drain() // twice is harmless

	calls = append(calls, h.send(h.text("after", ""), long))
	for _, c := range calls {
		if a := h.wants(c); a.Status != "accepted" || a.Message == "" {
			t.Errorf("answer is %+v, want accepted", a)
		}
	}
	if !h.in.Draining() {
		t.Error("Draining() is false after Drain")
	}
}

func TestCallersBeyondTheLimitAreAnsweredAtOnce(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := newHouse(t, ingest.Options{MaxWaiting: 1, Registerer: reg})
	first := h.send(h.text("first", ""), long)
	h.stored()
	<-h.engine.asked

	if a := h.sent(h.text("second", ""), long); a.Status != "accepted" {
		t.Errorf("second is %+v, want accepted at once", a)
	}
	if got := gathered(t, reg)["teamsconnector_waiting_callers"]; got != 1 {
		t.Errorf("%v callers wait, want 1", got)
	}
	h.ends(connector.StateSent, connector.ReasonAccepted, "")
	h.wants(first)
	got := gathered(t, reg)
	for name, want := range map[string]float64{
		"teamsconnector_waiting_callers": 0, "teamsconnector_accepts_total accepted": 1,
		"teamsconnector_accepts_total sent": 1, "teamsconnector_accept_seconds": 2,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// gathered reads all metrics: a value, or a histogram's count, by name and labels.
func gathered(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

func TestCheckNamesEveryWrongField(t *testing.T) {
	_, err := ingest.Check(connector.Message{
		Webhook:   "wh_ü",
		Content:   connector.Content{Kind: connector.KindText, Body: []byte(" \t\n")},
		Key:       strings.Repeat("k", ingest.MaxKeyRunes+1),
		ExpiresIn: 15 * 24 * time.Hour,
	})

	var got []string
	for _, f := range err.Fields {
		got = append(got, f.Pointer)
	}
	if want := "/webhookId /textMessage /messageKey /expiresIn"; strings.Join(got, " ") != want || err.Code != connector.InvalidField {
		t.Errorf("%s about %v, want %s about %s", err.Code, got, connector.InvalidField, want)
	}
}

func TestMessageKeyLimits(t *testing.T) {
	for name, c := range map[string]struct {
		key string
		ok  bool
	}{
		"longest":       {strings.Repeat("é", 255), true},
		"one more":      {strings.Repeat("é", 256), false},
		"control":       {"a\nb", false},
		"blank":         {" \u200b", false},
		"not UTF-8":     {"a\xff", false},
		"other scripts": {"订单 4711 / ü", true},
	} {
		_, err := ingest.Check(connector.Message{Key: c.key})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want accepted %v", name, err, c.ok)
		}
	}
}

func TestMessageOfAnotherSubscriptionIsNotFound(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	a := h.sent(h.text("hello", ""), ingest.Wait{})
	other := h.license
	h.furnishAnother(&other)

	for name, ask := range map[string]struct {
		lic connector.License
		id  connector.MessageID
	}{
		"other tenant": {other, a.Message},
		"unknown":      {h.license, "msg_00000000000000000000000000"},
		"no id at all": {h.license, "x' OR 1=1"},
	} {
		_, err := h.in.Message(t.Context(), ask.lic, ask.id, time.Time{})
		var e *connector.Error
		if !errors.As(err, &e) || e.Code != connector.MessageNotFound {
			t.Errorf("%s: %v, want %s", name, err, connector.MessageNotFound)
		}
	}
}
