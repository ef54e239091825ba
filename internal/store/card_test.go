package store_test

import (
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func TestACardIsInTheLogOfEveryMember(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		for i := range 60 {
			r := h.request(text(i))
			r.Weight = 300
			h.accept(r)
		}
		all, err := h.Fetch(t.Context(), []connector.FetchRequest{{Lane: h.webhook.Lane, Card: 3000}})
		if err != nil {
			t.Fatal(err)
		}
		l := all[0]
		if len(l.Head) != 10 || !l.More || l.Head[9].Parcel.Content.Body == nil {
			t.Fatalf("a card of weight 3,000 brought %d messages of 300, more %v", len(l.Head), l.More)
		}
		step := h.attempted(l, connector.VerdictUncertain)
		step.Attempt.Card, step.Lane.CardLast = 3, l.Head[2].Seq
		for _, item := range l.Head[1:3] {
			step.Card = append(step.Card, connector.Member{Seq: item.Seq, Message: item.ID, N: 1})
		}

		h.settle(step)

		after := h.load(h.webhook.Lane)
		if after.Lane.CardLast != l.Head[2].Seq || !after.Head[2].Unclear || after.Head[2].Attempts != 1 || after.Head[3].Unclear {
			t.Errorf("the lane keeps %d, the third message is %+v", after.Lane.CardLast, after.Head[2])
		}
		log, err := h.Attempts(t.Context(), h.license.SubscriptionRow, l.Head[2].ID)
		if err != nil || len(log) != 1 || log[0].Card != 3 || log[0].Outcome.Verdict != connector.VerdictUncertain {
			t.Errorf("the log of the third message is %+v, %v", log, err)
		}
	})
}

func TestPartsAndMarksAndTestsAreKept(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		long, probe := h.request("long"), h.request("probe")
		long.Parts, probe.Message.Test = 3, true
		long.Message.ExpiresIn = time.Microsecond
		h.accept(long)
		id := h.accept(probe).Message.ID
		l := h.load(h.webhook.Lane)
		if len(l.Head) != 1 || l.Test == nil || l.Test.ID != id || l.Head[0].Parts != 3 {
			t.Fatalf("head %+v, test %+v", l.Head, l.Test)
		}
		step := h.attempted(l, connector.VerdictSent)
		step.Attempt.Part, step.Marks, step.Lane.Inflight = 1, true, l.Head[0].Seq
		h.settle(step)
		ends, _, err := h.Sweep(t.Context(), connector.Sweep{Lane: h.webhook.Lane, ExpiresBefore: h.Now().Add(time.Hour), Test: l.Test.Seq})
		if err != nil || len(ends) != 0 {
			t.Errorf("a sweep ended %+v, %v; want neither what is in the channel in part nor the test", ends, err)
		}

		after := h.load(h.webhook.Lane)
		if after.Head[0].PartsDone != 1 || after.Lane.Inflight != l.Head[0].Seq {
			t.Errorf("%d parts done, mark %d", after.Head[0].PartsDone, after.Lane.Inflight)
		}
		stop := h.attempted(after, connector.VerdictGone)
		stop.Stop, stop.Lane.HeldSince = true, h.Now()
		h.settle(stop)
		reopen := h.attempted(h.load(h.webhook.Lane), connector.VerdictSent)
		reopen.Reopen = true
		h.settle(reopen)
		if got := h.load(h.webhook.Lane).Lane.State; got != connector.LaneOpen {
			t.Errorf("after a test was sent the lane is %v, want open", got)
		}
	})
}
