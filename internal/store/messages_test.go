package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// log lists ids of the log, over all of its pages of two.
func (h *house) log(f store.MessageFilter) (ids []connector.MessageID) {
	h.t.Helper()
	if f.Webhook == "" {
		f.Subscriptions = []int64{h.subscription.Row}
	}
	for page := (connector.Page{Limit: 2}); ; {
		p, err := h.Messages(h.t.Context(), f, page)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, m := range p.Items {
			ids = append(ids, m.ID)
		}
		if p.Next == "" {
			return ids
		}
		page.After = p.Next
	}
}

func TestTheLogFindsMessagesByStateWordsTextAndTime(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		other := h.newWebhook("other")
		failed := h.accept(h.keyed("order-1", "red apples")).Message.ID
		l := h.load(h.webhook.Lane)
		end := h.endOf(l.Head[0], connector.StateFailed)
		end.Reason = connector.ReasonBadRequest
		h.settle(h.attempted(l, connector.VerdictRefused, end))
		later := h.Now().Add(5 * time.Minute)
		second := h.accept(h.keyed("order-2", "green apples")).Message.ID
		third := h.accept(h.requestTo(other.ID, "plums")).Message.ID

		for name, c := range map[string]struct {
			f    store.MessageFilter
			want []connector.MessageID
		}{
			"all":              {store.MessageFilter{}, []connector.MessageID{third, second, failed}},
			"waiting":          {store.MessageFilter{State: connector.StateAccepted}, []connector.MessageID{third, second}},
			"held":             {store.MessageFilter{State: connector.StateAccepted, Held: true}, nil},
			"failed":           {store.MessageFilter{State: connector.StateFailed}, []connector.MessageID{failed}},
			"sent":             {store.MessageFilter{State: connector.StateSent}, nil},
			"of a webhook":     {store.MessageFilter{Webhook: h.webhook.ID}, []connector.MessageID{second, failed}},
			"its failed":       {store.MessageFilter{Webhook: h.webhook.ID, State: connector.StateFailed}, []connector.MessageID{failed}},
			"key":              {store.MessageFilter{Query: "order-"}, []connector.MessageID{second, failed}},
			"reason":           {store.MessageFilter{Query: "bad_request"}, []connector.MessageID{failed}},
			"id":               {store.MessageFilter{Query: string(second)}, []connector.MessageID{second}},
			"webhook's name":   {store.MessageFilter{Query: "OTHER"}, []connector.MessageID{third}},
			"text":             {store.MessageFilter{Webhook: h.webhook.ID, Query: "Apples", Texts: true}, []connector.MessageID{second, failed}},
			"text, not to see": {store.MessageFilter{Webhook: h.webhook.ID, Query: "apples"}, nil},
			"from later on":    {store.MessageFilter{From: later}, nil},
			"until then":       {store.MessageFilter{To: later}, []connector.MessageID{third, second, failed}},
		} {
			if got := h.log(c.f); !equalIDs(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	})
}

func equalIDs(a, b []connector.MessageID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// states counts messages by their state, and what usage says of them.
func (h *house) usageIs(want store.UsageRow) {
	h.t.Helper()
	all, err := h.Usage(h.t.Context(), h.subscription.ID, h.Now().Add(-time.Hour), h.Now().Add(time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	var got store.UsageRow
	for _, u := range all {
		got.Accepted, got.Sent, got.Failed, got.Expired, got.Uncertain = got.Accepted+u.Accepted, got.Sent+u.Sent, got.Failed+u.Failed, got.Expired+u.Expired, got.Uncertain+u.Uncertain
	}
	if got != want {
		h.t.Errorf("usage is %+v, want %+v", got, want)
	}
}

func TestWhatIsLeftOutAtResumeEndsAndTheRestStays(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		const old = 3
		for range old {
			h.accept(h.request("old"))
		}
		until := h.Now()
		kept := h.accept(h.request("new")).Message.ID
		told := 0

		n, err := h.CancelWaiting(t.Context(), h.webhook.Lane, until, "Ada", func(ends []connector.End) { told += len(ends) })
		again, err2 := h.CancelWaiting(t.Context(), h.webhook.Lane, until, "Ada", func([]connector.End) {})

		if n != old || told != old || again != 0 || err != nil || err2 != nil {
			t.Errorf("%d were cancelled and %d told, then %d (%v, %v); want %d, and then none", n, told, again, err, err2, old)
		}
		if head := h.load(h.webhook.Lane).Head; len(head) != 1 || head[0].ID != kept {
			t.Errorf("what waits is %+v, want the new one", head)
		}
		h.usageIs(store.UsageRow{Accepted: old + 1, Failed: old})
	})
}

func TestACancelledMessageMayStillArriveAndADoubtIsResolvedOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		fate := func(id connector.MessageID) store.MessageFate {
			return store.MessageFate{Subscription: h.subscription.ID, Message: id, By: "test", Who: "Ada"}
		}
		flying := h.accept(h.request("flying")).Message.ID
		l := h.load(h.webhook.Lane)
		if end, err := h.CancelMessage(t.Context(), fate(flying)); err != nil || end.State != connector.StateFailed || end.Reason != connector.ReasonCancelled {
			t.Fatalf("cancel: %+v, %v", end, err)
		}
		h.usageIs(store.UsageRow{Accepted: 1, Failed: 1})
		if _, err := h.CancelMessage(t.Context(), fate(flying)); !isRule(err, connector.Conflict) {
			t.Errorf("a second cancel: %v, want a conflict", err)
		}
		h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
		h.usageIs(store.UsageRow{Accepted: 1, Sent: 1})

		doubt := h.accept(h.request("doubt")).Message.ID
		l = h.load(h.webhook.Lane)
		h.settle(h.attempted(l, connector.VerdictUncertain, h.endOf(l.Head[0], connector.StateUncertain)))
		if err := h.ResolveMessage(t.Context(), fate(doubt), connector.StateFailed); err != nil {
			t.Fatal(err)
		}
		if err := h.ResolveMessage(t.Context(), fate(doubt), connector.StateSent); !isRule(err, connector.Conflict) {
			t.Errorf("a second resolve: %v, want a conflict", err)
		}
		h.usageIs(store.UsageRow{Accepted: 2, Sent: 1, Failed: 1})
	})
}

func isRule(err error, code connector.Code) bool {
	var rule *connector.Error
	return errors.As(err, &rule) && rule.Code == code
}

func TestWhatFailedIsOfferedUntilItIsSentAgain(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		sub, err := h.Subscription(t.Context(), h.subscription.ID)
		if err != nil {
			t.Fatal(err)
		}
		end := func(state connector.State) connector.MessageID {
			h.accept(h.request("text"))
			l := h.load(h.webhook.Lane)
			h.settle(h.attempted(l, connector.VerdictRefused, h.endOf(l.Head[0], state)))
			return l.Head[0].ID
		}
		first, second := end(connector.StateFailed), end(connector.StateExpired)
		end(connector.StateSent)
		end(connector.StateUncertain)
		failed := func(f store.FailedFilter) []connector.MessageID {
			f.Subscription, f.Limit = sub.Row, max(f.Limit, 1)
			ids, err := h.Failed(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		hour := time.Hour

		if got := failed(store.FailedFilter{Limit: 9, Lane: h.webhook.Lane, From: h.Now().Add(-hour), To: h.Now().Add(hour)}); !slices.Equal(got, []connector.MessageID{first, second}) {
			t.Errorf("offered %v, want %v", got, []connector.MessageID{first, second})
		}
		for name, f := range map[string]store.FailedFilter{"another lane": {Lane: h.webhook.Lane + 1}, "later": {From: h.Now().Add(hour)}, "before": {To: h.Now().Add(-hour)}} {
			if got := failed(f); len(got) != 0 {
				t.Errorf("%s: offered %v, want none", name, got)
			}
		}
		again := h.request("text")
		again.Message.ResendOf = first
		h.accept(again)
		if got := failed(store.FailedFilter{Limit: 9}); !slices.Equal(got, []connector.MessageID{second}) {
			t.Errorf("after one was sent again: %v, want the other", got)
		}
	})
}
