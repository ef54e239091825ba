package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestChangesOfAnotherProcessNameTheLanesOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		other := h.second()
		hook := h.hook("second", "https://second", "")
		since, err := h.LastChange(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.CreateToken(t.Context(), store.NewToken{Name: "no lane", By: "test"}); err != nil {
			t.Fatal(err)
		}
		for _, state := range []connector.LaneState{connector.LanePaused, connector.LaneOpen} {
			set := store.SetLane{Subscription: h.subscription.ID, Webhook: hook.ID, State: state, By: "test"}
			if _, err := other.SetLane(t.Context(), set); err != nil {
				t.Fatal(err)
			}
		}

		lanes, last, err := h.ChangedLanes(t.Context(), since)
		if err != nil || !slices.Equal(lanes, []connector.LaneID{hook.Lane}) {
			t.Errorf("changed lanes are %v (%v), want %v once", lanes, err, hook.Lane)
		}
		again, end, err := h.ChangedLanes(t.Context(), last)
		if err != nil || len(again) != 0 || end != last {
			t.Errorf("then %v up to %d (%v), want none up to %d", again, end, err, last)
		}
	})
}

func TestAWebhookStaysUsedWhenItsMessagesWereRemoved(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		fresh := h.newWebhook("fresh")
		h.accept(h.request("sent"))
		l := h.load(h.webhook.Lane)
		h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		h.options.BodyLife, h.options.RowLife = time.Microsecond, time.Microsecond
		h.start()
		h.tended("the end of the rows", func() bool { return h.count(`SELECT COUNT(*) FROM message`) == 0 })

		for id, want := range map[connector.WebhookID]bool{h.webhook.ID: true, fresh.ID: false} {
			got, err := h.Queue(t.Context(), h.subscription.ID, id)
			if err != nil || got.Used != want {
				t.Errorf("webhook %s: used %v (%v), want %v", got.Name, got.Used, err, want)
			}
		}
	})
}

func TestPlacesCountFromTheHeadAndLanesBesideAreThoseThatWait(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		first, second, idle := h.hook("a", "https://a", "Ada"), h.hook("b", "https://b", "Ada"), h.hook("c", "https://c", "Ada")
		for range 4 {
			for _, w := range []store.WebhookRow{first, second} {
				r := h.request("text")
				r.Message.Webhook = w.ID
				h.accept(r)
			}
		}
		l := h.load(first.Lane)
		h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
		log, err := h.Messages(t.Context(), store.MessageFilter{Webhook: first.ID}, connector.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}

		places, err := h.Places(t.Context(), first.Lane, []*store.MessageEntry{&log.Items[0], &log.Items[2], &log.Items[1]})
		if err != nil || !slices.Equal(places, []int{3, 1, 2}) {
			t.Errorf("places %v (%v), want 3, 1, 2", places, err)
		}
		for lane, want := range map[connector.LaneID][]connector.LaneID{
			second.Lane: {second.Lane, first.Lane}, idle.Lane: {idle.Lane, first.Lane, second.Lane},
		} {
			if got, err := h.LanesBeside(t.Context(), lane); err != nil || !slices.Equal(got, want) {
				t.Errorf("beside lane %d: %v (%v), want %v", lane, got, err, want)
			}
		}
	})
}
