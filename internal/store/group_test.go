package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func (h *house) hook(name, url, owner string) store.WebhookRow {
	h.t.Helper()
	w, err := h.CreateWebhook(h.t.Context(), store.NewWebhook{
		Subscription: h.subscription.ID, Name: name, URL: connector.NewSecret(url), Host: "example.com", FlowOwner: owner,
		Profile: connector.ProfileFlowBot, Payload: connector.PayloadAdaptive, By: "test",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *house) replace(id connector.WebhookID, url string) store.WebhookRow {
	h.t.Helper()
	w, err := h.ChangeWebhook(h.t.Context(), store.WebhookChange{
		Subscription: h.subscription.ID, Webhook: id, URL: connector.NewSecret(url), Host: "example.com", By: "test",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func TestWebhooksOfOneFlowOwnerOrOneURLShareAGroup(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		mira, mira2 := h.hook("mira", "https://a", "Mira"), h.hook("mira2", "https://b", "Mira")
		alone, twice := h.hook("alone", "https://c", ""), h.hook("twice", "https://c", "")
		adopted := h.hook("adopted", "https://a", "")
		group := func(w store.WebhookRow) connector.GroupID { return h.load(w.Lane).Lane.Group }

		if group(mira) != group(mira2) {
			t.Error("two webhooks of one flow owner have two groups")
		}
		if group(alone) == group(mira) || group(alone) == group(h.webhook) {
			t.Error("a webhook without an owner shares the group of another URL")
		}
		if group(twice) != group(alone) {
			t.Error("the same URL has two groups")
		}
		if group(adopted) != group(mira) || adopted.FlowOwner != "Mira" {
			t.Errorf("the same URL is of owner %q, in group %d, want the other's", adopted.FlowOwner, group(adopted))
		}

		named := h.hook("named", "https://c", "Noor") // whose URL it is holds for all with the URL
		if group(named) != group(alone) || group(twice) != group(alone) {
			t.Error("naming the owner of a URL left another webhook with it behind")
		}
		moved := h.replace(twice.ID, "https://d")
		if group(moved) != group(named) {
			t.Error("a new URL lost its webhook's owner")
		}
		if freed := h.replace(h.hook("e", "https://e", "").ID, "https://f"); group(freed) == group(moved) || freed.FlowOwner != "" {
			t.Errorf("a webhook without owner is in group %d of %q", group(freed), freed.FlowOwner)
		}
	})
}

func TestMovingALaneForgetsNoSendAndNoWait(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		from, to := h.hook("from", "https://a", ""), h.hook("to", "https://b", "")
		at := h.Now().Truncate(time.Second)
		for _, w := range []store.WebhookRow{from, to} {
			h.accept(h.requestTo(w.ID, "hello"))
			step := h.attempted(h.load(w.Lane), connector.VerdictThrottled)
			step.Group.Recent = []time.Time{at.Add(-time.Minute), at}
			if w.ID == from.ID {
				step.Group.NotBefore = at.Add(time.Hour)
			}
			h.settle(step)
		}
		before := h.load(from.Lane) // an attempt is under way

		h.replace(from.ID, "https://b")

		got := h.load(to.Lane).Group
		want := []time.Time{at.Add(-time.Minute), at.Add(-time.Minute), at, at}
		if !slices.EqualFunc(got.Recent, want, time.Time.Equal) || !got.NotBefore.Equal(at.Add(time.Hour)) {
			t.Errorf("the group knows of sends at %v and waits until %v", got.Recent, got.NotBefore)
		}
		late := h.attempted(before, connector.VerdictSent)
		late.Group.Recent = append(late.Group.Recent, at.Add(time.Second))
		h.settle(late)
		if got := h.load(to.Lane).Group.Recent; !slices.EqualFunc(got, append(want, at.Add(time.Second)), time.Time.Equal) {
			t.Errorf("the send that was under way is not among %v", got)
		}
	})
}

func TestThrottledOfAnOlderURLPausesNoGroup(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("hello"))
		step := h.attempted(h.load(h.webhook.Lane), connector.VerdictThrottled)
		h.replace(h.webhook.ID, secretURL+"2")
		step.Group.NotBefore = h.Now().Add(time.Hour)
		step.Group.Recent = []time.Time{h.Now()}

		h.settle(step)

		if got := h.load(h.webhook.Lane).Group; !got.NotBefore.IsZero() || len(got.Recent) != 1 {
			t.Errorf("the group waits until %v with %d sends; want no wait, and the send kept", got.NotBefore, len(got.Recent))
		}
	})
}

func TestAChangeWakesAllLanesOfItsGroup(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		a, b := h.hook("a", "https://a", "Mira"), h.hook("b", "https://b", "Mira")
		last, err := h.LastChange(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		h.replace(a.ID, "https://c")

		lanes, _, err := h.ChangedLanes(t.Context(), last)
		slices.Sort(lanes)
		if err != nil || !slices.Equal(lanes, []connector.LaneID{a.Lane, b.Lane}) {
			t.Errorf("lanes %v, %v; want %v", lanes, err, []connector.LaneID{a.Lane, b.Lane})
		}
	})
}

// TestMigrationMergesGroups starts from the schema in which each webhook had a
// group of its own.
func TestMigrationMergesGroups(t *testing.T) {
	dir := t.TempDir()
	old, err := sql.Open("sqlite", filepath.Join(dir, "teamsconnector.db"))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, old, os.DirFS("migrations/sqlite"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	wait := time.Now().Add(time.Hour).UnixMicro()
	for _, statement := range []string{
		`INSERT INTO organization (id, public_id, name, created_at) VALUES (1, 'org_1', 'Contoso', 1)`,
		`INSERT INTO subscription (id, public_id, organization, plan, instance_name, instance_key, status, starts, created_at) VALUES (1, 'sub_1', 1, 1, 'a', 'a', 2, 1, 1)`,
		`INSERT INTO grp (id, organization, owner, profile, recent) VALUES (1, 1, 'Mira', 1, x''), (2, 1, 'Mira', 1, x''), (3, 1, '', 1, x''), (4, 1, '', 1, x''), (5, 1, '', 1, x'')`,
		`INSERT INTO webhook (id, public_id, subscription, name, url_mac, host, payload, created_at)
		 VALUES (1, 'wh_1', 1, 'a', x'01', '', 1, 1), (2, 'wh_2', 1, 'b', x'02', '', 1, 1), (3, 'wh_3', 1, 'c', x'03', '', 1, 1), (4, 'wh_4', 1, 'd', x'03', '', 1, 1), (5, 'wh_5', 1, 'e', x'05', '', 1, 1)`,
		`INSERT INTO lane (id, webhook, grp, state) VALUES (1, 1, 1, 1), (2, 2, 2, 1), (3, 3, 3, 1), (4, 4, 4, 1), (5, 5, 5, 1)`,
	} {
		if _, err := old.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := old.ExecContext(t.Context(), `UPDATE grp SET not_before = $1 WHERE id = 2`, wait); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	s, err := store.Open(t.Context(), store.Options{Dir: dir, Ring: newRing(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	loaded, err := s.Fetch(t.Context(), []connector.FetchRequest{{Lane: 1}, {Lane: 2}, {Lane: 3}, {Lane: 4}, {Lane: 5}})
	if err != nil {
		t.Fatal(err)
	}

	var groups []connector.GroupID
	for _, l := range loaded {
		groups = append(groups, l.Lane.Group)
	}
	if !slices.Equal(groups, []connector.GroupID{1, 1, 3, 3, 5}) {
		t.Errorf("lanes are in groups %v, want 1 1 3 3 5", groups)
	}
	if got := loaded[0].Group.NotBefore.UnixMicro(); got != wait {
		t.Errorf("the merged group waits until %d, want %d: what Teams asked of one of them", got, wait)
	}
	if left := time.Until(loaded[2].Group.NotBefore); left < 300*time.Second {
		t.Errorf("a merged group waits for %v, want a whole window without a send", left)
	}
	if !loaded[4].Group.NotBefore.IsZero() {
		t.Errorf("a group that was not merged waits until %v", loaded[4].Group.NotBefore)
	}
}
