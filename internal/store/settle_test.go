package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestSettledAttemptIsAllThere(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		l := h.load(h.webhook.Lane)
		step := h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent))
		step.Group.Recent = []time.Time{h.Now().Add(-time.Second), h.Now()}
		step.Lane.TimedOut, step.Lane.Failures, step.Lane.Mismatches = true, 2, 1

		h.settle(step)

		m := h.message(l.Head[0].ID)
		if m.State != connector.StateSent || m.Reason != connector.ReasonAccepted || m.Detail != "sent" || !m.FinishedAt.Equal(step.Ends[0].At) {
			t.Errorf("the message is %+v", m)
		}
		attempts, err := h.Attempts(t.Context(), h.license.SubscriptionRow, m.ID)
		if err != nil || len(attempts) != 1 || attempts[0] != *step.Attempt {
			t.Errorf("attempts %+v, %v; want %+v", attempts, err, *step.Attempt)
		}
		after := h.load(h.webhook.Lane)
		if len(after.Head) != 0 || after.Waiting != 0 || !after.Lane.TimedOut || after.Lane.Failures != 2 || after.Lane.Mismatches != 1 {
			t.Errorf("the lane is %+v", after)
		}
		if !slices.Equal(after.Group.Recent, step.Group.Recent) {
			t.Errorf("the group's window is %v, want %v", after.Group.Recent, step.Group.Recent)
		}
	})
}

func TestRetryWaitsAcrossARestart(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("first"))
		h.accept(h.request("second"))
		l := h.load(h.webhook.Lane)
		step := h.attempted(l, connector.VerdictThrottled)
		step.Lane.NotBefore, step.Group.NotBefore, step.Group.Throttles = h.Now().Add(time.Minute), h.Now().Add(time.Hour), 3
		h.settle(step)

		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		h.start()

		after := h.load(h.webhook.Lane)
		if !after.Lane.NotBefore.Equal(step.Lane.NotBefore) || !after.Group.NotBefore.Equal(step.Group.NotBefore) || after.Group.Throttles != 3 {
			t.Errorf("after the restart: lane %+v, group %+v", after.Lane, after.Group)
		}
		if len(after.Head) != 2 || after.Head[0].ID != l.Head[0].ID || after.Head[0].Attempts != 1 || after.Head[1].Attempts != 0 {
			t.Errorf("the head is %+v, want the same message with one attempt", after.Head)
		}
	})
}

func TestWaitFromAWrongClockIsCut(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		step := h.attempted(h.load(h.webhook.Lane), connector.VerdictRetry)
		step.Lane.NotBefore, step.Group.NotBefore = h.Now().AddDate(40, 0, 0), h.Now().AddDate(40, 0, 0)

		h.settle(step)

		after, most := h.load(h.webhook.Lane), h.Now().Add(24*time.Hour)
		if after.Lane.NotBefore.After(most) || after.Group.NotBefore.After(most) {
			t.Errorf("waits until %v and %v, want at most a day", after.Lane.NotBefore, after.Group.NotBefore)
		}
	})
}

func TestRepeatedSettleChangesNothing(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		l := h.load(h.webhook.Lane)
		step := h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent))
		h.settle(step)
		before := h.message(l.Head[0].ID)

		later := step
		later.Ends = []connector.End{step.Ends[0]}
		later.Ends[0].At = h.Now().Add(time.Hour)
		h.settle(step, later)

		if got := h.message(l.Head[0].ID); got != before {
			t.Errorf("the message became %+v, was %+v", got, before)
		}
		if got := h.total(); got.Sent != 1 || got.Accepted != 1 {
			t.Errorf("usage %+v, want 1 accepted and 1 sent", got)
		}
		attempts, err := h.Attempts(t.Context(), h.license.SubscriptionRow, l.Head[0].ID)
		if err != nil || len(attempts) != 1 {
			t.Errorf("%d attempts, %v; want 1", len(attempts), err)
		}
	})
}

func TestSentBeatsAnEndThatWasAssumed(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		for _, assumed := range []connector.State{connector.StateExpired, connector.StateFailed, connector.StateUncertain} {
			before := h.total()
			h.accept(h.request("hello"))
			l := h.load(h.webhook.Lane)
			h.settle(connector.Settlement{Lane: l.Lane, Group: l.Group, Ends: []connector.End{h.endOf(l.Head[0], assumed)}})

			h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
			h.settle(connector.Settlement{Lane: l.Lane, Group: l.Group, Ends: []connector.End{h.endOf(l.Head[0], assumed)}})

			if got := h.message(l.Head[0].ID).State; got != connector.StateSent {
				t.Errorf("after %v, sent, %v it is %v, want sent", assumed, assumed, got)
			}
			before.Accepted++
			before.Sent++
			if got := h.total(); got != before {
				t.Errorf("%v: usage %+v, want %+v", assumed, got, before)
			}
		}
	})
}

func TestUnclearAttemptIsRemembered(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		l := h.load(h.webhook.Lane)

		h.settle(h.attempted(l, connector.VerdictUncertain))

		m, after := h.message(l.Head[0].ID), h.load(h.webhook.Lane)
		if !m.Unclear || m.State != connector.StateAccepted || !after.Head[0].Unclear {
			t.Errorf("the message is %+v, the head %+v; want both unclear and still waiting", m, after.Head[0])
		}
	})
}

func TestUsageIsWhatWasSettled(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		webhooks := h.webhooks(8)
		states := []connector.State{connector.StateSent, connector.StatePosted, connector.StateFailed, connector.StateExpired, connector.StateUncertain}
		crowd(32, 400, func(i int) { h.accept(h.requestTo(webhooks[i%8].ID, text(i))) })
		want := store.UsageRow{Accepted: 400}

		for _, w := range webhooks {
			for n := 0; ; n++ {
				l := h.load(w.Lane)
				if len(l.Head) == 0 {
					break
				}
				state := states[n%len(states)]
				h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], state)))
				switch state {
				case connector.StateFailed:
					want.Failed++
				case connector.StateExpired:
					want.Expired++
				case connector.StateUncertain:
					want.Uncertain++
				default:
					want.Sent++
				}
			}
		}

		if got := h.total(); got != want {
			t.Errorf("usage %+v, want %+v", got, want)
		}
	})
}

func TestGoneWebhookStopsItsLaneOnly(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		other := h.newWebhook("other")
		h.accept(h.request("hello"))
		l := h.load(h.webhook.Lane)
		step := h.attempted(l, connector.VerdictGone)
		step.Stop, step.Lane.Cause, step.Lane.HeldSince = true, "The flow is switched off.", h.Now()

		h.settle(step)

		after := h.load(h.webhook.Lane).Lane
		if after.State != connector.LaneStopped || after.Cause != step.Lane.Cause || !after.HeldSince.Equal(step.Lane.HeldSince) {
			t.Errorf("the lane is %+v, want it stopped", after)
		}
		if m := h.message(l.Head[0].ID); m.LaneState != connector.LaneStopped || m.LaneCause != step.Lane.Cause || m.State != connector.StateAccepted {
			t.Errorf("the message shows %+v, want it waiting in a stopped lane", m)
		}
		if got := h.load(other.Lane).Lane.State; got != connector.LaneOpen {
			t.Errorf("the other lane is %v, want open", got)
		}
		a := h.accept(h.request("comes while it is stopped"))
		if a.Message.LaneState != connector.LaneStopped || a.Message.LaneCause != step.Lane.Cause {
			t.Errorf("the answer shows %+v", a.Message)
		}
	})
}

func TestGoneOfAnOlderURLStopsNothing(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		l := h.load(h.webhook.Lane)
		if _, err := h.ChangeWebhook(t.Context(), store.WebhookChange{
			Subscription: h.subscription.ID, Webhook: h.webhook.ID, URL: connector.NewSecret(secretURL + "2"), Host: "new.example.com", By: "test",
		}); err != nil {
			t.Fatal(err)
		}
		step := h.attempted(l, connector.VerdictGone)
		step.Stop, step.Lane.Cause, step.Lane.HeldSince = true, "The flow is switched off.", h.Now()
		step.Lane.NotBefore, step.Lane.Failures = h.Now().Add(time.Hour), 5

		h.settle(step)

		after := h.load(h.webhook.Lane)
		if after.Lane.State != connector.LaneOpen || !after.Lane.NotBefore.IsZero() || after.Lane.Failures != 0 || after.Lane.URLVersion != 2 {
			t.Errorf("the lane is %+v, want it open and free to go", after.Lane)
		}
		if got := after.Head[0].Parcel.Target; got.URL.Reveal() != secretURL+"2" || got.Version != 2 {
			t.Errorf("the next attempt goes to version %d, want the new URL", got.Version)
		}
		if got := after.Head[0].Attempts; got != 1 {
			t.Errorf("%d attempts are kept, want 1", got)
		}
	})
}

func TestStopDoesNotOverrideAPause(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		l := h.load(h.webhook.Lane)
		h.pause("Paused by Ada.")
		since := h.load(h.webhook.Lane).Lane.HeldSince
		step := h.attempted(l, connector.VerdictGone)
		step.Stop, step.Lane.Cause, step.Lane.HeldSince = true, "The flow is switched off.", h.Now()

		h.settle(step)

		after := h.load(h.webhook.Lane).Lane
		if after.State != connector.LanePaused || after.Cause != "Paused by Ada." || !after.HeldSince.Equal(since) {
			t.Errorf("the lane is %+v, want it paused as before", after)
		}
	})
}

func (h *house) pause(cause string) {
	h.t.Helper()
	h.setLane(connector.LanePaused, cause)
}

func (h *house) resume() {
	h.t.Helper()
	h.setLane(connector.LaneOpen, "")
}

func (h *house) setLane(state connector.LaneState, cause string) {
	h.t.Helper()
	lane, err := h.SetLane(h.t.Context(), store.SetLane{Subscription: h.subscription.ID, Webhook: h.webhook.ID, State: state, Cause: cause, By: "test"})
	if err != nil || lane != h.webhook.Lane {
		h.t.Fatalf("SetLane: lane %d, %v", lane, err)
	}
}
