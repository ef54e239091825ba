package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// mail makes a message for the lane of an address.
func (h *house) mail(of connector.OrganizationID, to, key string) store.AcceptRequest {
	h.t.Helper()
	lic, lane, err := h.MailLane(h.t.Context(), of, to)
	if err != nil {
		h.t.Fatal(err)
	}
	body, err := (&connector.Mail{To: to, Subject: "subject of " + key, Lines: []string{"text"}}).Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	id := newMessageID()
	return store.AcceptRequest{
		License: lic, Size: len(body), MAC: keyring.ContentMAC(h.MACKey(), body),
		Message: connector.Message{ID: id, Webhook: lane, Key: key, Content: connector.Content{Kind: connector.KindMail}},
		Sealed:  h.ring.Seal(store.BodyPlace(lic.Subscription, id), h.Now(), body),
	}
}

func TestMailsWaitOnALaneOfTheirOwnWithoutUsageAndWithoutAnEnd(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		first := h.accept(h.mail(h.organization, "jane@contoso.test", "1"))
		same := h.accept(h.mail(h.organization, "Jane@Contoso.test", "2"))
		other := h.accept(h.mail("", "jane@contoso.test", "3"))
		if first.Lane != same.Lane || first.Lane == other.Lane {
			t.Errorf("lanes %d, %d, %d: want one per organization and address", first.Lane, same.Lane, other.Lane)
		}
		l := h.load(first.Lane)
		if got := string(l.Head[0].Parcel.Content.Body); l.Head[0].Broken != "" || !strings.Contains(got, "subject of 1") {
			t.Fatalf("the head is %q %s", got, l.Head[0].Broken)
		}

		ends, _, err := h.Sweep(t.Context(), connector.Sweep{
			Lane: first.Lane, ExpiresBefore: h.Now().AddDate(1, 0, 0), AcceptedBefore: h.Now().AddDate(1, 0, 0), Now: h.Now(),
		})
		if err != nil || len(ends) > 0 {
			t.Errorf("swept after a year: %v (%v), want that mails wait on", ends, err)
		}
		h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))

		if n := h.count(`SELECT COUNT(*) FROM usage`); n != 0 {
			t.Errorf("%d rows of usage, want that mails are not counted", n)
		}
		all, err := h.Mails(t.Context(), 0, 10)
		if err != nil || len(all) != 3 || all[0].Mail.Subject != "subject of 3" || all[0].For != "" || all[2].For != "Contoso" || all[2].State != connector.StateSent || all[2].Attempts != 1 {
			t.Errorf("the outbox is %+v (%v)", all, err)
		}
	})
}

// The installation's own organization is nobody's business but the outbox's.
func TestTheInstallationsOwnOrganizationIsNotSeen(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.mail("", "operator@contoso.test", "1"))

		orgs, err := h.Organizations(t.Context(), "", connector.Page{Limit: 10})
		if err != nil || len(orgs.Items) != 1 {
			t.Errorf("organizations: %+v (%v), want Contoso only", orgs, err)
		}
		subs, err := h.Subscriptions(t.Context(), "")
		if err != nil || len(subs) != 1 {
			t.Errorf("subscriptions: %+v (%v), want Contoso's only", subs, err)
		}
		if _, err := h.Subscription(t.Context(), "sub_00000000000000000000000000"); codeOf(err) != connector.NotFound {
			t.Errorf("its subscription: %v, want that there is none", err)
		}
		if _, err := h.CreateSubscription(t.Context(), store.NewSubscription{Organization: "org_00000000000000000000000000", Plan: "trial", InstanceName: "x"}); codeOf(err) != connector.NotFound {
			t.Errorf("a subscription under it: %v, want that there is no such organization", err)
		}
	})
}

func TestMailsOfALaneWithoutAServerGoOnWhenThereIsOne(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		lane := h.accept(h.mail("", "operator@contoso.test", "1")).Lane
		stop := h.attempted(h.load(lane), connector.VerdictGone)
		stop.Stop, stop.Lane.Cause = true, "No mail server is set."
		h.settle(stop)
		if got := h.load(lane).Lane; got.State != connector.LaneStopped {
			t.Fatalf("the lane is %v, want stopped", got.State)
		}
		if due, err := h.NoticesToMail(t.Context(), 10); err != nil || len(due) > 0 {
			t.Errorf("notices of a lane of mails: %+v (%v), want none: they would be mailed", due, err)
		}

		if err := h.OpenMails(t.Context()); err != nil {
			t.Fatal(err)
		}

		if l := h.load(lane); l.Lane.State != connector.LaneOpen || len(l.Head) != 1 {
			t.Errorf("the lane is %v with %d mails, want open with one", l.Lane.State, len(l.Head))
		}
	})
}

func TestErasingAnOrganizationErasesItsMails(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		sent := h.accept(h.mail(h.organization, "jane@contoso.test", "1")).Lane
		l := h.load(sent)
		h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
		h.accept(h.mail("", "jane@contoso.test", "2"))
		if err := h.Notify(t.Context(), store.NewNotice{Event: "x", Kind: connector.NoticeTermEnded, Organization: h.organization}); err != nil {
			t.Fatal(err)
		}

		if err := h.Erase(t.Context(), h.organization, "test"); err != nil {
			t.Fatal(err)
		}

		all, err := h.Mails(t.Context(), 0, 10)
		if err != nil || len(all) != 2 || all[0].Mail.To == "" || all[1].Mail.To != "" {
			t.Errorf("the outbox is %+v (%v), want the organization's mail without its text", all, err)
		}
		if got := h.load(sent).Lane.State; got != connector.LaneRetired {
			t.Errorf("its lane is %v, want retired", got)
		}
		if due, err := h.NoticesToMail(t.Context(), 10); err != nil || len(due) > 0 {
			t.Errorf("notices: %+v (%v), want none", due, err)
		}
	})
}

func TestAStoppedWebhookIsToldOfOnceForEachStop(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		lane := h.accept(h.request("one")).Lane
		gone := h.attempted(h.load(lane), connector.VerdictGone)
		gone.Stop, gone.Lane.Cause = true, "The flow was deleted."

		h.settle(gone)
		h.settle(gone)

		due, err := h.NoticesToMail(t.Context(), 10)
		if err != nil || len(due) != 1 || due[0].Kind != connector.NoticeWebhookStopped || due[0].Webhook != h.webhook.ID || due[0].Detail != gone.Lane.Cause {
			t.Fatalf("notices: %+v (%v), want one of the stop", due, err)
		}
		if err := h.Mailed(t.Context(), due); err != nil {
			t.Fatal(err)
		}
		if due, err := h.NoticesToMail(t.Context(), 10); err != nil || len(due) > 0 {
			t.Errorf("notices after they were mailed: %+v (%v)", due, err)
		}
	})
}

func TestTheCalendarTellsOfWhatIsDueOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		quota, soon := 5, h.Now().Add(20*time.Hour)
		h.setSubscription(store.SubscriptionChange{MessageQuota: &quota, Expires: &soon})
		for range 4 {
			h.accept(h.request("counted"))
		}
		kinds := func() (all []connector.NoticeKind) {
			t.Helper()
			for range 2 {
				if err := h.Calendar(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			due, err := h.NoticesToMail(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range due {
				all = append(all, n.Kind)
				if n.Subscription != h.subscription.ID || n.OrganizationName != "Contoso" {
					t.Errorf("notice %+v, want of the subscription", n)
				}
			}
			if err := h.Mailed(t.Context(), due); err != nil {
				t.Fatal(err)
			}
			return all
		}
		want := func(got []connector.NoticeKind, wanted ...connector.NoticeKind) {
			t.Helper()
			if len(got) != len(wanted) {
				t.Fatalf("notices of %v, want %v", got, wanted)
			}
			for i := range got {
				if got[i] != wanted[i] {
					t.Errorf("notices of %v, want %v", got, wanted)
				}
			}
		}
		want(kinds(), connector.NoticeTermEnding, connector.NoticeQuotaNear)
		h.accept(h.request("the last one"))
		want(kinds(), connector.NoticeQuotaUsed)

		quota = 1 // used up at once is not nearly used up too
		h.setSubscription(store.SubscriptionChange{MessageQuota: &quota})
		want(kinds(), connector.NoticeQuotaUsed)

		week := h.Now().Add(6 * 24 * time.Hour)
		h.setSubscription(store.SubscriptionChange{Expires: &week})
		want(kinds(), connector.NoticeTermEnding)
		past := h.Now().Add(-time.Minute)
		h.setSubscription(store.SubscriptionChange{Expires: &past})
		want(kinds(), connector.NoticeTermEnded)

		h.exec(`UPDATE message SET accepted_at = accepted_at - 301000000`)
		want(kinds(), connector.NoticeLaneBehind)
		want(kinds())
	})
}

func TestANoticeTellsOfWhatWasThen(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		quota, soon := 1, h.Now().Add(20*time.Hour).Truncate(time.Second)
		h.setSubscription(store.SubscriptionChange{MessageQuota: &quota, Expires: &soon})
		h.accept(h.request("counted"))
		if err := h.Calendar(t.Context()); err != nil {
			t.Fatal(err)
		}

		more, later := 1000, soon.AddDate(1, 0, 0)
		h.setSubscription(store.SubscriptionChange{MessageQuota: &more, Expires: &later})

		due, err := h.NoticesToMail(t.Context(), 10)
		if err != nil || len(due) != 2 || !due[0].Expires.Equal(soon) || due[1].MessageQuota != quota {
			t.Errorf("notices: %+v (%v), want the term and the quota of then", due, err)
		}
	})
}

func TestAMailsLinkLeadsIntoAnAccount(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		link := store.MailLink{Email: "new@contoso.test", Name: "New", Hash: keyring.Hash("one"), Life: time.Hour}
		if made, err := h.MakeMailLink(t.Context(), link); err != nil || !made {
			t.Fatalf("a link for somebody new: %v (%v)", made, err)
		}
		if who, err := h.LinkHolder(t.Context(), keyring.Hash("one")); err != nil || who.Email != link.Email {
			t.Errorf("it leads to %+v (%v)", who, err)
		}
		if _, err := h.UseLink(t.Context(), store.NewPassword{Link: keyring.Hash("one"), Password: "hash"}); err != nil {
			t.Fatal(err)
		}
		link.Hash = keyring.Hash("two")
		if made, err := h.MakeMailLink(t.Context(), link); err != nil || made {
			t.Errorf("a link for who has an account: %v (%v), want none", made, err)
		}
		link.Forgot, link.KnownOnly = true, true
		if made, err := h.MakeMailLink(t.Context(), link); err != nil || !made {
			t.Errorf("a link for who forgot the password: %v (%v)", made, err)
		}
		link.Email, link.Hash = "nobody@contoso.test", keyring.Hash("three")
		if made, err := h.MakeMailLink(t.Context(), link); err != nil || made {
			t.Errorf("a link for who was never known: %v (%v)", made, err)
		}
	})
}
