package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestClockOfMessagesStandsStillWhileTheirLaneIsHeld(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		life := func(r store.AcceptRequest) store.AcceptRequest {
			r.Message.ExpiresIn = time.Hour
			return r
		}
		h.accept(life(h.request("before")))
		h.pause("Paused by Ada.")
		paused := h.load(h.webhook.Lane).Lane
		atPause := paused.Time(h.Now())

		h.accept(life(h.request("while")))
		if got := h.load(h.webhook.Lane).Lane; !got.Time(h.Now().Add(time.Hour)).Equal(atPause) {
			t.Errorf("lane time runs to %v while it is paused at %v", got.Time(h.Now().Add(time.Hour)), atPause)
		}
		h.resume()
		h.accept(life(h.request("after")))

		l := h.load(h.webhook.Lane)
		if l.Lane.State != connector.LaneOpen || !l.Lane.HeldSince.IsZero() || l.Lane.Cause != "" || l.Lane.Held <= 0 {
			t.Fatalf("the lane is %+v, want it open with its hold added up", l.Lane)
		}
		before, while, after := l.Head[0], l.Head[1], l.Head[2]
		if got := before.ExpiresAt.Sub(before.AcceptedAt); got != time.Hour {
			t.Errorf("accepted before: ends %v after, in lane time, want 1h", got)
		}
		if got := while.ExpiresAt.Sub(atPause); got != time.Hour {
			t.Errorf("accepted while paused: ends %v after the pause began, in lane time, want 1h", got)
		}
		if got := after.ExpiresAt.Sub(l.Lane.Time(after.AcceptedAt)); got != time.Hour {
			t.Errorf("accepted after: ends %v after, in lane time, want 1h", got)
		}
	})
}

func TestHoldsAddUp(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		start := h.Now()
		var least time.Duration
		for range 3 {
			h.pause("Paused by Ada.")
			paused := h.Now()
			h.pause("Paused once more, which changes nothing.")
			least += h.Now().Sub(paused)
			h.resume()
			h.resume()
		}
		l := h.load(h.webhook.Lane).Lane

		if most := h.Now().Sub(start); l.Held < least || l.Held > most {
			t.Errorf("held %v, want at least %v and at most %v", l.Held, least, most)
		}
	})
}

func TestStopThenPauseIsOneHold(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		step := h.attempted(h.load(h.webhook.Lane), connector.VerdictGone)
		step.Stop, step.Lane.Cause, step.Lane.HeldSince = true, "gone", h.Now()
		h.settle(step)

		h.pause("Paused by Ada.")

		if got := h.load(h.webhook.Lane).Lane; got.State != connector.LanePaused || !got.HeldSince.Equal(step.Lane.HeldSince) {
			t.Errorf("the lane is %+v, want it paused, held since %v", got, step.Lane.HeldSince)
		}
	})
}

func TestResumeForgetsTheLanesWaitButNotTheGroups(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		step := h.attempted(h.load(h.webhook.Lane), connector.VerdictRetry)
		step.Lane.NotBefore, step.Lane.Failures, step.Lane.TimedOut = h.Now().Add(time.Hour), 4, true
		step.Group.NotBefore = h.Now().Add(time.Hour)
		h.settle(step)

		h.pause("Paused by Ada.")
		h.resume()

		l := h.load(h.webhook.Lane)
		if !l.Lane.NotBefore.IsZero() || l.Lane.Failures != 0 || l.Lane.TimedOut || !l.Group.NotBefore.Equal(step.Group.NotBefore) {
			t.Errorf("after resume: lane %+v, group %+v", l.Lane, l.Group)
		}
	})
}

func TestNewURLReopensAStoppedLane(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		step := h.attempted(h.load(h.webhook.Lane), connector.VerdictGone)
		step.Stop, step.Lane.Cause, step.Lane.HeldSince = true, "gone", h.Now()
		h.settle(step)

		w, err := h.ChangeWebhook(t.Context(), store.WebhookChange{
			Subscription: h.subscription.ID, Webhook: h.webhook.ID, URL: connector.NewSecret("https://new.example.com"), Host: "new.example.com",
			Edit: func(w *store.WebhookRow) error { w.Profile = connector.ProfileLogicApp; return nil }, By: "test",
		})

		l := h.load(h.webhook.Lane)
		if err != nil || w.State != connector.LaneOpen || w.Host != "new.example.com" || w.URLVersion != 2 || w.Lane != h.webhook.Lane {
			t.Errorf("ChangeWebhook: %+v, %v", w, err)
		}
		if l.Lane.State != connector.LaneOpen || l.Lane.Held <= 0 || !l.Lane.HeldSince.IsZero() || l.Group.Profile != connector.ProfileLogicApp {
			t.Errorf("the lane is %+v, the group %+v", l.Lane, l.Group)
		}
	})
}

func TestDeletedWebhookLeavesATombstone(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		r := h.request("hello")
		h.accept(r)

		lane, err := h.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "test")

		if err != nil || lane != h.webhook.Lane {
			t.Fatalf("DeleteWebhook: lane %d, %v", lane, err)
		}
		if _, err := h.Accept(t.Context(), h.request("too late")); codeOf(err) != connector.WebhookNotFound {
			t.Errorf("Accept: %v, want %s", err, connector.WebhookNotFound)
		}
		l := h.load(lane)
		if l.Lane.State != connector.LaneRetired || !l.Head[0].Parcel.Target.URL.Empty() || l.Head[0].Broken != "" {
			t.Errorf("the lane is %+v, the head %+v; want it retired, without a URL", l.Lane, l.Head[0])
		}
		if n := h.count(`SELECT COUNT(*) FROM webhook WHERE url IS NOT NULL OR url_mac IS NOT NULL`); n != 0 {
			t.Error("its URL is still there")
		}
		if got := h.total(); got.Accepted != 1 {
			t.Errorf("usage %+v is gone with the webhook", got)
		}
		if again := h.newWebhook(h.webhook.Name); again.Lane == lane || len(again.SameURL) != 0 {
			t.Errorf("a new webhook of the same name got %+v", again)
		}
		if m := h.message(r.Message.ID); m.State != connector.StateAccepted || m.LaneState != connector.LaneRetired {
			t.Errorf("its message is %+v, want it waiting for the sweep", m)
		}
	})
}

func TestSweepEndsEachMessageOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		const count = 1203
		crowd(64, count, func(i int) { h.accept(h.request(text(i))) })
		head := h.load(h.webhook.Lane).Head[0]
		if _, err := h.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "test"); err != nil {
			t.Fatal(err)
		}
		sweep := connector.Sweep{Lane: h.webhook.Lane, Retired: true, Except: head.Seq, Now: h.Now()}
		var sizes []int
		ids := map[connector.MessageID]bool{}

		for more := true; more; {
			var ends []connector.End
			var err error
			if ends, more, err = h.Sweep(t.Context(), sweep); err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(ends))
			for _, end := range ends {
				ids[end.Message] = true
				if end.State != connector.StateFailed || end.Reason != connector.ReasonWebhookDeleted || end.Detail == "" {
					t.Fatalf("ended as %+v", end)
				}
			}
		}

		if len(sizes) != 3 || sizes[0] != 500 || sizes[1] != 500 || sizes[2] != 202 || len(ids) != count-1 || ids[head.ID] {
			t.Errorf("swept %v, %d different ones, the head among them: %v", sizes, len(ids), ids[head.ID])
		}
		if got := h.total(); got.Failed != count-1 {
			t.Errorf("usage %+v, want %d failed", got, count-1)
		}
		if l := h.load(h.webhook.Lane); l.Waiting != 1 || l.Head[0].ID != head.ID {
			t.Errorf("%d wait, want the head alone", l.Waiting)
		}
	})
}

func TestSweepEndsWhatIsTooOldAndNothingElse(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		long, short, unclear := h.request("long"), h.request("short"), h.request("unclear")
		short.Message.ExpiresIn, unclear.Message.ExpiresIn = time.Minute, time.Minute
		h.accept(unclear)
		h.settle(h.attempted(h.load(h.webhook.Lane), connector.VerdictUncertain))
		h.accept(long)
		h.accept(short)

		ends, more, err := h.Sweep(t.Context(), connector.Sweep{Lane: h.webhook.Lane, ExpiresBefore: h.Now().Add(2 * time.Minute), Now: h.Now()})

		if err != nil || more || len(ends) != 2 {
			t.Fatalf("swept %+v, %v, %v; want two", ends, more, err)
		}
		if m := h.message(short.Message.ID); m.State != connector.StateExpired || m.Reason != connector.ReasonExpired {
			t.Errorf("the short one is %+v, want expired", m)
		}
		if m := h.message(unclear.Message.ID); m.State != connector.StateUncertain || !strings.Contains(m.Detail, "may have delivered") {
			t.Errorf("the unclear one is %+v, want uncertain", m)
		}
		if m := h.message(long.Message.ID); m.State != connector.StateAccepted {
			t.Errorf("the long one is %+v, want accepted", m)
		}
		ends, _, err = h.Sweep(t.Context(), connector.Sweep{Lane: h.webhook.Lane, AcceptedBefore: h.Now(), Now: h.Now()})
		if err != nil || len(ends) != 1 || ends[0].Message != long.Message.ID || !strings.Contains(ends[0].Detail, "held") {
			t.Errorf("held too long: %+v, %v; want the long one", ends, err)
		}
	})
}

func TestMessageReadsExpiredBeforeTheSweep(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		head, behind := h.request("head"), h.request("behind")
		head.Message.ExpiresIn, behind.Message.ExpiresIn = time.Microsecond, time.Microsecond
		h.accept(head)
		h.accept(behind)

		if got := h.message(behind.Message.ID); got.State != connector.StateExpired || got.Reason != connector.ReasonExpired {
			t.Errorf("behind the head it reads %+v, want expired", got)
		}
		if got := h.message(head.Message.ID); got.State != connector.StateAccepted {
			t.Errorf("the head, which may be on its way, reads %+v, want accepted", got)
		}
	})
}

func TestFetchBringsEightItemsOrSixtyFourKilobytes(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		small, large := h.webhook, h.newWebhook("large")
		for i := range 20 {
			h.accept(h.requestTo(small.ID, text(i)))
		}
		for range 4 {
			h.accept(h.requestTo(large.ID, strings.Repeat("x", 30_000)))
		}
		h.accept(h.requestTo(large.ID, strings.Repeat("x", 100)))
		huge := h.newWebhook("huge")
		h.accept(h.requestTo(huge.ID, strings.Repeat("x", 100_000)))

		all, err := h.Fetch(t.Context(), []connector.FetchRequest{{Lane: large.Lane, Count: true}, {Lane: 4711}, {Lane: small.Lane, Count: true}, {Lane: huge.Lane}})
		if err != nil {
			t.Fatal(err)
		}

		for i, want := range []struct {
			lane          connector.LaneID
			head, waiting int
			more          bool
		}{{large.Lane, 2, 5, true}, {4711, 0, 0, false}, {small.Lane, 8, 20, true}, {huge.Lane, 1, -1, false}} {
			got := all[i]
			if got.Lane.ID != want.lane || len(got.Head) != want.head || got.Waiting != want.waiting || got.More != want.more {
				t.Errorf("lane %d: %d items, %d wait, more %v; want %+v", got.Lane.ID, len(got.Head), got.Waiting, got.More, want)
			}
		}
		if all[1].Lane.State != connector.LaneRetired {
			t.Errorf("a lane that does not exist is %v", all[1].Lane.State)
		}
	})
}

func TestBrokenSealBlocksNobody(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		bad, good := h.request("bad"), h.request("good")
		bad.Sealed[len(bad.Sealed)-1] ^= 1
		swapped := h.request("sealed for another message")
		swapped.Sealed = good.Sealed
		for _, r := range []store.AcceptRequest{bad, swapped, good} {
			h.accept(r)
		}
		broken := h.newWebhook("its URL is broken")
		h.accept(h.requestTo(broken.ID, "hello"))
		h.exec(`UPDATE webhook SET url = (SELECT url FROM webhook WHERE public_id = $1) WHERE public_id = $2`, string(h.webhook.ID), string(broken.ID))

		l, other := h.load(h.webhook.Lane), h.load(broken.Lane)

		for i, want := range []bool{true, true, false} {
			item := l.Head[i]
			if (item.Broken != "") != want || (item.Parcel.Content.Body == nil) != want {
				t.Errorf("item %d: broken %q, body of %d bytes", i, item.Broken, len(item.Parcel.Content.Body))
			}
		}
		if item := other.Head[0]; item.Broken == "" || !item.Parcel.Target.URL.Empty() || item.Parcel.Content.Body != nil {
			t.Errorf("with a swapped URL: %+v", item)
		}
	})
}

func (h *house) exec(text string, args ...any) {
	h.t.Helper()
	db := h.raw()
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(h.t.Context(), text, args...); err != nil {
		h.t.Fatal(err)
	}
}

func TestWaitingNamesEachLaneOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		if lanes, err := h.Waiting(t.Context()); err != nil || len(lanes) != 0 {
			t.Errorf("nothing waits, but Waiting names %v, %v", lanes, err)
		}
		webhooks := h.webhooks(5)
		for i := range 30 {
			h.accept(h.requestTo(webhooks[i%5].ID, text(i)))
		}
		h.drain(webhooks[2].Lane)

		lanes, err := h.Waiting(t.Context())

		if err != nil || len(lanes) != 4 {
			t.Fatalf("Waiting names %v, %v; want four lanes", lanes, err)
		}
		for i, w := range []int{0, 1, 3, 4} {
			if lanes[i] != webhooks[w].Lane {
				t.Errorf("lane %d is %d, want %d", i, lanes[i], webhooks[w].Lane)
			}
		}
	})
}

// With a million messages in a thousand lanes, the lanes are jumped to in the queue's primary key.
func TestLookingForLanesThatWaitNeverReadsTheQueue(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
			INSERT INTO queue (lane, id, expires_at) SELECT i % 1000 + 1, i, 0 FROM n`)
		if h.onPostgres() {
			h.exec(`ANALYZE queue`)
		}

		if lanes, err := h.Waiting(t.Context()); err != nil || len(lanes) != 1000 {
			t.Errorf("%d lanes, %v; want 1,000", len(lanes), err)
		}
		plan := h.plan(store.WaitingStatement)
		if strings.Contains(plan, "Seq Scan on queue") || strings.Contains(plan, "SCAN q") || !strings.Contains(plan, "queue_pkey") && !strings.Contains(plan, "lane>?") {
			t.Errorf("the plan is\n%s", plan)
		}
	})
}

// On PostgreSQL: TestHeadsAreLookedUpHoweverLongAnotherLaneIs.
func TestAFetchReadsNoFurtherThanTheHeads(t *testing.T) {
	h := newHouse(t, sqlite)

	plan := h.plan(store.HeadsOnSQLite+`($1, $2) ORDER BY 1, 2`, 1, 2)

	if !strings.Contains(plan, "SEARCH q USING PRIMARY KEY (lane=? AND id<?)") || strings.Contains(plan, "SCAN ") {
		t.Errorf("the plan is\n%s", plan)
	}
}
