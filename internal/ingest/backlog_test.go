package ingest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
)

// refusedFor calls Accept without a wait and returns the refusal.
func (h *house) refusedFor(m connector.Message) *connector.Error {
	h.t.Helper()
	r := <-h.send(m, ingest.Wait{Async: true})
	var refused *connector.Error
	if r.err != nil && !errors.As(r.err, &refused) {
		h.t.Fatal(r.err)
	}
	return refused
}

func TestAQueueThatCannotBeWorkedOffInTimeTakesNoMore(t *testing.T) {
	h := newHouse(t, ingest.Options{})
	h.sent(h.text("the first makes the queue known", "key"), ingest.Wait{Async: true})
	h.engine.expects(func() connector.Forecast {
		return connector.Forecast{At: time.Now().Add(30 * time.Hour), Waiting: 9000}
	})

	late := h.refusedFor(h.text("too late in 24 h", ""))

	if late == nil || late.Code != connector.BacklogFull || late.RetryAfter < 5*time.Hour || late.RetryAfter > 7*time.Hour || !strings.Contains(late.Message, "9000 messages wait") {
		t.Errorf("refusal is %+v, want backlog_full for 6 h", late)
	}
	if again := h.refusedFor(h.text("the first makes the queue known", "key")); again != nil {
		t.Errorf("a repeat of an accepted message is refused: %v", again)
	}
	patient := h.text("may wait for two days", "")
	patient.ExpiresIn = 48 * time.Hour
	if refused := h.refusedFor(patient); refused != nil {
		t.Errorf("a message that may wait longer is refused: %v", refused)
	}
	var other connector.License
	h.furnishAnother(&other)
	h.license = other
	if foreign := h.refusedFor(h.text("not theirs", "")); foreign == nil || foreign.Code != connector.WebhookNotFound {
		t.Errorf("another tenant hears %+v of this queue, want webhook_not_found", foreign)
	}
}

func TestAFullQueueTakesNoMoreAlthoughItIsHeld(t *testing.T) {
	h := newHouse(t, ingest.Options{MaxBacklog: 50})
	h.sent(h.text("first", ""), ingest.Wait{Async: true})
	waiting := 49
	h.engine.expects(func() connector.Forecast {
		return connector.Forecast{Held: true, Cause: "paused", Waiting: waiting, At: time.Now().Add(1000 * time.Hour)}
	})
	if refused := h.refusedFor(h.text("the last that fits", "")); refused != nil {
		t.Errorf("49 of 50 wait: %v", refused)
	}
	waiting = 50
	full := h.eventuallyRefused(h.text("one too many", ""))
	if full == nil || full.Code != connector.BacklogFull || full.RetryAfter < time.Minute || !strings.Contains(full.Message, "50 messages wait") {
		t.Errorf("refusal is %+v, want backlog_full", full)
	}
	waiting = 49
	if refused := h.refusedFor(h.text("there is room again", "")); refused != nil {
		t.Errorf("after one went: %v", refused)
	}
}

// eventuallyRefused tries until a look at the queue is due again.
func (h *house) eventuallyRefused(m connector.Message) (refused *connector.Error) {
	h.t.Helper()
	for end := time.Now().Add(patience); refused == nil && time.Now().Before(end); {
		refused = h.refusedFor(m)
		select {
		case <-h.engine.woken: // it holds a thousand
		default:
		}
	}
	return refused
}
