package store_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestAcceptedMessageIsThereForAnotherProcess(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		r := h.request("hello")

		a := h.accept(r)

		m, err := h.second().Message(t.Context(), h.license.SubscriptionRow, r.Message.ID)
		if err != nil {
			t.Fatal(err)
		}
		if m != a.Message || m.State != connector.StateAccepted || m.Webhook != h.webhook.ID || a.Lane != h.webhook.Lane || a.Repeat {
			t.Errorf("another process reads %+v, the answer was %+v", m, a)
		}
	})
}

func TestLaneHandsOutWhatItAcceptedInTheOrderOfAnswers(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		webhooks := h.webhooks(4)
		const each = 60
		want := make([][]connector.MessageID, len(webhooks))

		crowd(len(webhooks), len(webhooks), func(i int) {
			for n := range each { // one after the other: the answer to each comes before the next request
				r := h.requestTo(webhooks[i].ID, text(n))
				h.accept(r)
				want[i] = append(want[i], r.Message.ID)
			}
		})

		for i, w := range webhooks {
			if got := h.drain(w.Lane); !slices.Equal(got, want[i]) {
				t.Errorf("lane %d gave out %d messages in another order than its %d were answered", i, len(got), len(want[i]))
			}
		}
	})
}

func TestFetchedBodyIsWhatWasSealed(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		body := "naïve \x00 bytes \xff\xfe, kept"
		r := h.request(body)
		h.accept(r)

		l := h.load(h.webhook.Lane)

		item := l.Head[0]
		if got := string(item.Parcel.Content.Body); got != body || item.Size != len(body) || item.Parcel.Content.Kind != connector.KindText {
			t.Errorf("fetched %q of kind %v and size %d, want %q", got, item.Parcel.Content.Kind, item.Size, body)
		}
		if got := item.Parcel.Target.URL.Reveal(); got != secretURL || item.Parcel.Target.Payload != connector.PayloadAdaptive || item.Parcel.Target.Version != 1 {
			t.Errorf("fetched a target that differs from the webhook: %+v", item.Parcel.Target)
		}
		if item.ID != r.Message.ID || item.Parcel.Message != r.Message.ID || l.Waiting != 1 || l.More || item.Broken != "" {
			t.Errorf("fetched %+v", l)
		}
		if got, want := item.ExpiresAt.Sub(item.AcceptedAt), 24*time.Hour; got != want {
			t.Errorf("lives %v, want %v", got, want)
		}
	})
}

func TestSixtyFourCallersGetExactlyTheQuota(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		quota := 1000
		h.setSubscription(store.SubscriptionChange{MessageQuota: &quota})
		var mu sync.Mutex
		got := map[connector.Code]int{}

		crowd(64, 1300, func(i int) {
			_, err := h.Accept(t.Context(), h.request(text(i)))
			mu.Lock()
			defer mu.Unlock()
			got[codeOf(err)]++
		})

		if got[""] != quota || got[connector.MessageQuotaExhausted] != 300 || len(got) != 2 {
			t.Errorf("answers %v, want exactly %d accepted and 300 message_quota_exhausted", got, quota)
		}
		if n := h.total().Accepted; n != quota {
			t.Errorf("usage counts %d, want %d", n, quota)
		}
		if n := h.load(h.webhook.Lane).Waiting; n != quota {
			t.Errorf("%d wait, want %d", n, quota)
		}
	})
}

func TestQuotaOfOneSubscriptionIsNotAnothers(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		one := 1
		h.setSubscription(store.SubscriptionChange{MessageQuota: &one})
		h.accept(h.request("takes the last place"))
		other := h.neighbour("tck_other")

		_, mine := h.Accept(t.Context(), h.request("too many"))
		_, theirs := h.Accept(t.Context(), other)

		if codeOf(mine) != connector.MessageQuotaExhausted || theirs != nil {
			t.Errorf("own subscription: %v, the other: %v", mine, theirs)
		}
		if !strings.Contains(mine.Error(), "1 messages") || !strings.Contains(mine.Error(), "larger plan") {
			t.Errorf("the refusal names neither limit nor next step: %v", mine)
		}
	})
}

// neighbour makes another subscription with keys and a webhook, and a request for it.
func (h *house) neighbour(key string) store.AcceptRequest {
	h.t.Helper()
	rows, err := h.Setup(h.t.Context(), store.NewSetup{Name: key, LicenseKey: key, SecretHash: keyring.Hash(key), By: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	w, err := h.CreateWebhook(h.t.Context(), store.NewWebhook{
		Subscription: rows.Subscription.ID, Name: "other", URL: connector.NewSecret(secretURL + key), Host: "example.com",
		Profile: connector.ProfileNone, Payload: connector.PayloadText, By: "test",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	r := h.requestTo(w.ID, "from "+key)
	r.License = h.licenseOf(key)
	return r
}

func TestRepeatOfAKeyIsTheFirstMessage(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		first := h.keyed("order 1", "hello")
		h.accept(first)
		h.drain(h.webhook.Lane)

		a := h.accept(h.keyed("order 1", "hello"))

		if !a.Repeat || a.Message.ID != first.Message.ID || a.Message.State != connector.StateSent {
			t.Errorf("the repeat got %+v, want the first message %s, sent", a, first.Message.ID)
		}
		if n := h.total().Accepted; n != 1 {
			t.Errorf("usage counts %d, want 1", n)
		}
	})
}

func TestKeyWithOtherContentIsRefused(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.keyed("order 1", "hello"))

		_, err := h.Accept(t.Context(), h.keyed("order 1", "other"))

		if codeOf(err) != connector.MessageKeyReused {
			t.Errorf("Accept: %v, want %s", err, connector.MessageKeyReused)
		}
	})
}

func TestConcurrentRepeatsOfAKeyAreOneMessage(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		var mu sync.Mutex
		ids := map[connector.MessageID]int{}
		firsts, refused := 0, 0

		crowd(64, 512, func(i int) {
			content := "hello"
			if i%4 == 3 {
				content = "other"
			}
			a, err := h.Accept(t.Context(), h.keyed("same key", content))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case codeOf(err) == connector.MessageKeyReused:
				refused++
			case err != nil:
				t.Error(err)
			default:
				ids[a.Message.ID]++
				if !a.Repeat {
					firsts++
				}
			}
		})

		if len(ids) != 1 || firsts != 1 || refused == 0 {
			t.Errorf("%d messages, %d of them not as a repeat, %d refused; want one message, refusals for the other content", len(ids), firsts, refused)
		}
		if got := h.load(h.webhook.Lane).Waiting; got != 1 {
			t.Errorf("%d messages wait, want 1", got)
		}
	})
}

func TestRepeatMeetsNeitherQuotaNorEndNorDeletedWebhook(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		first := h.keyed("order 1", "hello")
		h.accept(first)
		one, cancelled := 1, store.StatusCancelled
		h.setSubscription(store.SubscriptionChange{MessageQuota: &one, Status: &cancelled})
		if _, err := h.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "test"); err != nil {
			t.Fatal(err)
		}

		a, err := h.Accept(t.Context(), h.keyed("order 1", "hello"))

		if err != nil || !a.Repeat || a.Message.ID != first.Message.ID {
			t.Errorf("the repeat got %+v, %v", a, err)
		}
	})
}

func TestDecisionsComeInTheirOrder(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		one, none := 1, 0
		past := h.Now().Add(-time.Second)
		active, cancelled, requested := store.StatusActive, store.StatusCancelled, store.StatusRequested
		h.accept(h.request("uses the quota up"))
		unknown := h.requestTo("wh_0123456789abcdefghjkmnpqrs", "to nobody")
		foreign := h.neighbour("tck_other").Message.Webhook

		for name, c := range map[string]struct {
			change store.SubscriptionChange
			r      store.AcceptRequest
			want   connector.Code
		}{
			"expired before unknown webhook":     {store.SubscriptionChange{Expires: &past}, unknown, connector.SubscriptionExpired},
			"cancelled before unknown webhook":   {store.SubscriptionChange{Status: &cancelled}, unknown, connector.SubscriptionExpired},
			"not approved yet":                   {store.SubscriptionChange{Status: &requested}, h.request("x"), connector.SubscriptionExpired},
			"unknown webhook before quota":       {store.SubscriptionChange{MessageQuota: &one}, unknown, connector.WebhookNotFound},
			"another tenant's webhook":           {store.SubscriptionChange{}, h.requestTo(foreign, "x"), connector.WebhookNotFound},
			"quota":                              {store.SubscriptionChange{MessageQuota: &one}, h.request("x"), connector.MessageQuotaExhausted},
			"all well, and no quota is no limit": {store.SubscriptionChange{}, h.request("x"), ""},
		} {
			end := time.Time{}
			h.setSubscription(store.SubscriptionChange{Status: &active, Expires: &end, MessageQuota: &none})
			h.setSubscription(c.change)
			if _, err := h.Accept(t.Context(), c.r); codeOf(err) != c.want || (err == nil) != (c.want == "") {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	})
}

func TestUseOfKeysIsNoted(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		before := h.Now()
		h.accept(h.request("hello"))

		keys, err := h.KeysOf(t.Context(), h.subscription.ID)

		if err != nil || len(keys) != 1 || keys[0].LastUsed.Before(before) {
			t.Errorf("keys %+v, %v: last used before %v", keys, err, before)
		}
	})
}

func TestChangeOfAnotherProcessIsSeenAtOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("warms whatever is remembered"))
		other := &house{Store: h.second(), t: t, options: h.options, ring: h.ring, license: h.license, subscription: h.subscription}

		added := other.newWebhook("made beside serve")
		_, toNew := h.Accept(t.Context(), h.requestTo(added.ID, "to the new one"))
		if _, err := other.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "test"); err != nil {
			t.Fatal(err)
		}
		_, toDeleted := h.Accept(t.Context(), h.request("to the deleted one"))
		if err := other.DeleteKeys(t.Context(), h.subscription.ID, h.license.Keys, "test"); err != nil {
			t.Fatal(err)
		}
		_, keys := h.KeysByLicense(t.Context(), "tck_first")

		if toNew != nil || codeOf(toDeleted) != connector.WebhookNotFound || keys == nil {
			t.Errorf("to a new webhook: %v; to a deleted one: %v; deleted keys: %v", toNew, toDeleted, keys)
		}
	})
}

func TestTwoProcessesAcceptAtOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		other := h.second()

		crowd(16, 400, func(i int) {
			s := h.Store
			if i%2 == 1 {
				s = other
			}
			if _, err := s.Accept(t.Context(), h.request(text(i))); err != nil {
				t.Error(err)
			}
		})

		if got := h.load(h.webhook.Lane).Waiting; got != 400 {
			t.Errorf("%d wait, want 400", got)
		}
	})
}

func TestAcceptOfACallerWhoLeftIsTakenBackOrDone(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		ctx, cancel := contextWithCancel(t)
		cancel()
		accepted := 0
		for i := range 50 {
			if _, err := h.Accept(ctx, h.request(text(i))); err == nil {
				accepted++
			}
		}

		h.accept(h.request("behind all of them"))
		if got := h.load(h.webhook.Lane).Waiting; got != accepted+1 {
			t.Errorf("%d wait, %d were answered as accepted", got, accepted+1)
		}
	})
}
