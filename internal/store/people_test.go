package store_test

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestSetupMakesAllThatIsNeeded(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		rows, err := h.Setup(t.Context(), store.NewSetup{
			Name: "Fabrikam", Email: "ada@example.com", LicenseKey: "tck_f", SecretHash: keyring.Hash("tcs_f"), By: "cli",
		})
		if err != nil {
			t.Fatal(err)
		}

		sub, err := h.Subscription(t.Context(), rows.Subscription.ID)
		if err != nil || !reflect.DeepEqual(sub, rows.Subscription) {
			t.Errorf("Subscription reads %+v, %v; Setup made %+v", sub, err, rows.Subscription)
		}
		if sub.Plan != "enterprise" || !sub.Expires.IsZero() || sub.WebhookQuota != 1000 || sub.InstanceName != "Fabrikam" || sub.Contact.Email != "ada@example.com" || !sub.Valid(h.Now()) {
			t.Errorf("the subscription is %+v", sub)
		}
		row, err := h.KeysByLicense(t.Context(), "tck_f")
		if err != nil || row.SecretHash != keyring.Hash("tcs_f") || row.License.Organization != rows.Organization.ID ||
			row.License.Subscription != sub.ID || row.License.SubscriptionRow != sub.Row || row.License.Keys != rows.Keys.ID {
			t.Errorf("the keys stand for %+v, %v", row, err)
		}
		if all, err := h.Subscriptions(t.Context(), ""); err != nil || len(all) != 2 {
			t.Errorf("%d subscriptions in all, %v; want 2", len(all), err)
		}
		if own, err := h.Subscriptions(t.Context(), rows.Organization.ID); err != nil || len(own) != 1 {
			t.Errorf("%d subscriptions of the organization, %v; want 1", len(own), err)
		}
	})
}

func TestPlansAreShipped(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		plans, err := h.Plans(t.Context())

		want := []store.Plan{
			{ID: "trial", Version: 1, Name: "trial", Trial: true, WebhookQuota: 10, MessageQuota: 1000, TermMonths: 1},
			{ID: "standard", Version: 1, Name: "standard", WebhookQuota: 50, TermMonths: 12},
			{ID: "enterprise", Version: 1, Name: "enterprise", WebhookQuota: 1000, TermMonths: 12},
		}
		if err != nil || len(plans) != len(want) {
			t.Fatalf("plans %+v, %v", plans, err)
		}
		for i := range want {
			if plans[i] != want[i] {
				t.Errorf("plan %d is %+v, want %+v", i, plans[i], want[i])
			}
		}
	})
}

func TestSubscriptionFollowsItsPlan(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		seven := 7
		sub, err := h.CreateSubscription(t.Context(), store.NewSubscription{
			Organization: h.organization, Plan: "trial", InstanceName: "Trial", WebhookQuota: &seven, By: "test",
		})

		days := sub.Expires.Sub(sub.Starts).Hours() / 24
		if err != nil || sub.MessageQuota != 1000 || sub.WebhookQuota != 7 || days < 27 || days > 31 {
			t.Errorf("CreateSubscription: %+v, %v", sub, err)
		}
		if _, err := h.CreateSubscription(t.Context(), store.NewSubscription{Organization: h.organization, Plan: "golden", InstanceName: "x"}); codeOf(err) != connector.InvalidField {
			t.Errorf("unknown plan: %v", err)
		}
		if _, err := h.CreateSubscription(t.Context(), store.NewSubscription{Organization: "org_none", Plan: "trial", InstanceName: "x"}); codeOf(err) != connector.NotFound {
			t.Errorf("unknown organization: %v", err)
		}
	})
}

func TestInstanceNameIsUniqueWhateverItsCase(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		make := func(name string) error {
			_, err := h.CreateSubscription(t.Context(), store.NewSubscription{Organization: h.organization, Plan: "standard", InstanceName: name, By: "test"})
			return err
		}
		if err := make("Ärger Straße"); err != nil {
			t.Fatal(err)
		}

		for name, want := range map[string]connector.Code{"äRGER straSSe": "", "ÄRGER STRAße": connector.NameTaken, "CONTOSO": connector.NameTaken} {
			if err := make(name); codeOf(err) != want || (err == nil) != (want == "") {
				t.Errorf("%q: %v, want %q", name, err, want)
			}
		}
		contoso := "contoso"
		if _, err := h.ChangeSubscription(t.Context(), store.SubscriptionChange{Subscription: h.subscription.ID, InstanceName: &contoso, By: "test"}); err != nil {
			t.Errorf("its own name in another case: %v", err)
		}
		taken := "ärger straße"
		if _, err := h.ChangeSubscription(t.Context(), store.SubscriptionChange{Subscription: h.subscription.ID, InstanceName: &taken, By: "test"}); codeOf(err) != connector.NameTaken {
			t.Errorf("another's name: %v, want %s", err, connector.NameTaken)
		}
	})
}

func TestExactlyTheQuotaOfWebhooksIsMade(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		quota := 10
		h.setSubscription(store.SubscriptionChange{WebhookQuota: &quota})
		var made, refused atomic.Int64
		create := func(name string) error {
			_, err := h.CreateWebhook(t.Context(), store.NewWebhook{
				Subscription: h.subscription.ID, Name: name, URL: connector.NewSecret(secretURL + name), Host: "example.com",
				Profile: connector.ProfileFlowBot, Payload: connector.PayloadAdaptive, By: "test",
			})
			return err
		}

		crowd(16, 30, func(i int) {
			switch err := create(text(i)); codeOf(err) {
			case "":
				made.Add(1)
			case connector.WebhookQuotaExhausted:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})

		if made.Load() != 9 || refused.Load() != 21 {
			t.Errorf("%d made, %d refused; want 9 beside the first, 21", made.Load(), refused.Load())
		}
		if _, err := h.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "test"); err != nil {
			t.Fatal(err)
		}
		if err := create("in the place of the deleted one"); err != nil {
			t.Errorf("after a delete: %v", err)
		}
	})
}

func TestWebhookNamesAndURLsAreCompared(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		create := func(name, url string) (store.WebhookRow, error) {
			return h.CreateWebhook(t.Context(), store.NewWebhook{
				Subscription: h.subscription.ID, Name: name, URL: connector.NewSecret(url), Host: "example.com",
				Profile: connector.ProfileFlowBot, Payload: connector.PayloadAdaptive, FlowOwner: "Ada", By: "test",
			})
		}

		_, taken := create("first", "https://example.com/1")
		same, err := create("second", secretURL)

		if codeOf(taken) != connector.NameTaken || !strings.Contains(taken.Error(), `"first"`) {
			t.Errorf("same name: %v, want %s with the name", taken, connector.NameTaken)
		}
		if err != nil || len(same.SameURL) != 1 || same.SameURL[0] != "first" || same.FlowOwner != "Ada" {
			t.Errorf("same URL: %+v, %v; want it made, with the first named", same, err)
		}
		got, err := h.Webhook(t.Context(), h.subscription.ID, same.ID)
		same.SameURL = nil
		if err != nil || got.Webhook != same.Webhook || got.Lane != same.Lane || got.FlowOwner != "Ada" {
			t.Errorf("Webhook reads %+v, %v; made was %+v", got, err, same)
		}
	})
}

func TestOtherSubscriptionsThingsAreNotFound(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		theirs := h.neighbour("tck_other")
		own := h.subscription.ID
		other := theirs.License.Subscription
		h.accept(theirs)

		_, webhook := h.Webhook(t.Context(), own, theirs.Message.Webhook)
		_, deleted := h.DeleteWebhook(t.Context(), own, theirs.Message.Webhook, "test")
		_, paused := h.SetLane(t.Context(), store.SetLane{Subscription: own, Webhook: theirs.Message.Webhook, State: connector.LanePaused, By: "test"})
		_, replaced := h.ChangeWebhook(t.Context(), store.WebhookChange{Subscription: own, Webhook: theirs.Message.Webhook, URL: connector.NewSecret("https://example.com")})
		_, message := h.Message(t.Context(), h.license.SubscriptionRow, theirs.Message.ID)
		keys := h.DeleteKeys(t.Context(), own, theirs.License.Keys, "test")

		for name, err := range map[string]error{"read": webhook, "delete": deleted, "pause": paused, "replace": replaced} {
			if codeOf(err) != connector.WebhookNotFound {
				t.Errorf("%s another's webhook: %v, want %s", name, err, connector.WebhookNotFound)
			}
		}
		if codeOf(message) != connector.MessageNotFound || codeOf(keys) != connector.NotFound {
			t.Errorf("another's message: %v, keys: %v", message, keys)
		}
		if w, err := h.Webhook(t.Context(), other, theirs.Message.Webhook); err != nil || w.State != connector.LaneOpen || w.URLVersion != 1 {
			t.Errorf("the other webhook became %+v, %v", w, err)
		}
	})
}

func TestDeletedAndUnknownKeysAreNotFound(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		k, err := h.CreateKeys(t.Context(), store.NewKeys{Subscription: h.subscription.ID, Name: "app", LicenseKey: "tck_2", SecretHash: keyring.Hash("tcs_2"), By: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		all, err := h.KeysOf(t.Context(), h.subscription.ID)
		if err != nil || len(all) != 2 || all[1] != k || k.CreatedBy != "ada" {
			t.Errorf("keys %+v, %v; want %+v second", all, err, k)
		}

		if err := h.DeleteKeys(t.Context(), h.subscription.ID, k.ID, "test"); err != nil {
			t.Fatal(err)
		}

		for _, key := range []string{"tck_2", "tck_none"} {
			if _, err := h.KeysByLicense(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v, want not found", key, err)
			}
		}
		if err := h.DeleteKeys(t.Context(), h.subscription.ID, k.ID, "test"); codeOf(err) != connector.NotFound {
			t.Errorf("deleted twice: %v, want %s", err, connector.NotFound)
		}
	})
}

func TestTokenIsFoundByItsHashUntilItExpires(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		mine, err := h.CreateToken(t.Context(), store.NewToken{Organization: h.organization, Name: "ci", Hash: keyring.Hash("tct_1"), By: "test"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateToken(t.Context(), store.NewToken{Name: "op", Hash: keyring.Hash("tct_2"), Expires: h.Now().Add(-time.Second), By: "test"}); err != nil {
			t.Fatal(err)
		}

		got, err := h.ActorByToken(t.Context(), keyring.Hash("tct_1"))
		_, expired := h.ActorByToken(t.Context(), keyring.Hash("tct_2"))

		if err != nil || got.Token != mine.ID {
			t.Errorf("the token stands for %+v (%v), want %s", got, err, mine.ID)
		}
		if !errors.Is(expired, store.ErrNotFound) {
			t.Errorf("expired token: %v, want not found", expired)
		}
	})
}

func TestEachChangeIsAuditedWithoutSecrets(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.pause("Paused by Ada.")
		h.resume()
		if _, err := h.DeleteWebhook(t.Context(), h.subscription.ID, h.webhook.ID, "ada"); err != nil {
			t.Fatal(err)
		}
		db := h.raw()
		defer func() { _ = db.Close() }()

		rows, err := db.QueryContext(t.Context(), `SELECT a.actor || ' ' || a.action || ' ' || a.object || ' ' || a.detail || ' ' || o.public_id FROM audit a JOIN organization o ON o.id = a.organization ORDER BY a.id`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var all []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			all = append(all, line)
		}

		if err := rows.Err(); err != nil || len(all) != 5 {
			t.Fatalf("audit %q, %v; want five rows", all, err)
		}
		for i, action := range []string{"setup", "webhook.create", "webhook.pause", "webhook.resume", "webhook.delete"} {
			if !strings.Contains(all[i], " "+action+" ") || !strings.HasSuffix(all[i], string(h.organization)) || strings.Contains(all[i], "canary") {
				t.Errorf("row %d is %q, want %s of the organization", i, all[i], action)
			}
		}
	})
}

func TestURLIsNowhereInTheFiles(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("canary text"))
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}

		for name, content := range h.files() {
			if strings.Contains(content, "canary") {
				t.Errorf("%s holds a URL or a text as it is", name)
			}
		}
	})
}

func TestWhoFollowsChangesMissesNone(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		if h.onPostgres() { // let some commits take longer than others
			h.exec(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NULL; END $$`)
			h.exec(`CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`)
		}
		last, err := h.LastChange(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const changes = 100
		writers := make([]*house, 4)
		for i := range writers {
			// Each in a subscription of its own: within one they wait for each other anyway.
			rows, err := h.Setup(t.Context(), store.NewSetup{Name: text(i), LicenseKey: text(i), SecretHash: keyring.Hash(text(i)), By: "test"})
			if err != nil {
				t.Fatal(err)
			}
			writers[i] = &house{Store: h.second(), t: t, subscription: rows.Subscription}
		}
		var mu sync.Mutex
		made := map[connector.LaneID]bool{}
		done := make(chan struct{})

		go func() {
			defer close(done)
			crowd(len(writers), changes, func(i int) {
				w := writers[i%len(writers)].newWebhook(text(i))
				mu.Lock()
				defer mu.Unlock()
				made[w.Lane] = true
			})
		}()
		seen := map[connector.LaneID]bool{}
		look := func() {
			var lanes []connector.LaneID
			if lanes, last, err = h.ChangedLanes(t.Context(), last); err != nil {
				t.Fatal(err)
			}
			for _, l := range lanes {
				seen[l] = true
			}
		}
		for running := true; running; {
			select {
			case <-done:
				running = false
			default:
			}
			look()
		}

		for lane := range made {
			if !seen[lane] {
				t.Errorf("the change of lane %d was missed", lane)
			}
		}
		if len(made) != changes {
			t.Errorf("%d changes were made, want %d", len(made), changes)
		}
	})
}
