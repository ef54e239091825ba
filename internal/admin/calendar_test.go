package admin_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// letters are the mails that a calendar made, by their keys: each stands for one message.
type letters struct {
	mu   sync.Mutex
	keys map[string]bool
	all  []connector.Mail
	// After so many mails so many times nothing can be accepted.
	good, fail int
}

func (l *letters) send(_ context.Context, _ connector.License, m connector.Message, _ time.Duration) (connector.MessageID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.good--; l.good < 0 && l.fail > 0 {
		l.fail--
		return "", connector.Errorf(connector.NotAccepted, "no room")
	}
	mail, err := connector.DecodeMail(m.Content.Body)
	if err == nil && !l.keys[m.Key] {
		l.keys[m.Key], l.all = true, append(l.all, mail)
	}
	return "msg_1", err
}

// fill lets nothing be accepted so many times, after so many mails.
func (l *letters) fill(good, fail int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good, l.fail = good, fail
}

// took are the mails since the last call, as "address: subject".
func (l *letters) took() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.all {
		all = append(all, m.To+": "+m.Subject)
	}
	l.all = nil
	slices.Sort(all)
	return all
}

// year keeps the calendar of an installation in virtual time.
func year(t *testing.T, do func(t *testing.T, a *admin.Admin, st *store.Store, l *letters)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		_, st := desk(t)
		l := &letters{keys: map[string]bool{}}
		a := admin.New(st, admin.Options{
			TrustedTargets: []string{trusted}, Send: l.send, PublicURL: "https://connector.test", Operators: []string{"ops@contoso.test"},
			Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { a.Run(ctx) })
		running.Go(func() { a.Run(ctx) }) // two nodes tell nobody twice
		defer running.Wait()
		defer cancel()
		do(t, a, st, l)
	})
}

// pass lets time pass, and all that becomes due happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestATermIsRemindedOfAWeekAndADayBeforeItsEndAndOnceEach(t *testing.T) {
	year(t, func(t *testing.T, a *admin.Admin, st *store.Store, l *letters) {
		t.Helper()
		sub := setup(t, a, "Contoso").Subscription
		var end time.Time
		ends := func(in time.Duration) {
			t.Helper()
			notify := []string{"jane@contoso.test", "joe@contoso.test"}
			end = st.Now().Add(in)
			if _, err := a.ChangeSubscription(t.Context(), shellActor(), admin.SubscriptionChange{Subscription: sub.ID, Expires: &end, Notify: &notify}); err != nil {
				t.Fatal(err)
			}
		}
		mails := func(said string) []string {
			return []string{"jane@contoso.test: Contoso " + said, "joe@contoso.test: Contoso " + said}
		}
		soon := func() []string { return mails("ends on " + end.UTC().Format("2 January 2006")) }

		ends(7*24*time.Hour + 10*time.Minute)
		pass(9 * time.Minute)
		same(t, "more than a week before", l.took())
		l.fill(1, 3) // between two addresses the disk is full for a while
		pass(5 * time.Minute)
		same(t, "a week before", l.took(), soon()...)
		ends(24*time.Hour + 10*time.Minute)
		pass(5 * time.Minute)
		same(t, "another end, within the week", l.took(), soon()...)
		pass(10 * time.Minute)
		same(t, "a day before", l.took(), soon()...)
		ends(10 * time.Minute)
		pass(5 * time.Minute)
		same(t, "another end, within the day", l.took(), soon()...)
		pass(10 * time.Minute)
		same(t, "after the end", l.took(), mails("has ended")...)
		pass(20 * time.Minute)
		same(t, "later", l.took())
	})
}

// stop stops the webhooks of some organizations at once.
func stop(t *testing.T, a *admin.Admin, st *store.Store, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		name := fmt.Sprintf("Org %d", i)
		notify := []string{fmt.Sprintf("jane@org%d.test", i)}
		sub := setup(t, a, name).Subscription
		if _, err := a.ChangeSubscription(t.Context(), shellActor(), admin.SubscriptionChange{Subscription: sub.ID, Notify: &notify}); err != nil {
			t.Fatal(err)
		}
		for _, hook := range []string{"Builds", "Alarms"} {
			w, err := a.AddWebhook(t.Context(), shellActor(), hookAt(sub.ID, hook, connector.NewSecret(trusted+"/"+hook), ""))
			if err != nil {
				t.Fatal(err)
			}
			err = st.Notify(t.Context(), store.NewNotice{
				Event: "webhook_stopped " + string(w.ID), Kind: connector.NoticeWebhookStopped, Organization: sub.Organization, Subscription: sub.ID, Webhook: w.ID, Detail: "The flow was deleted.",
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWhatStopsAlikeIsOneMailAndAStormIsTheOperators(t *testing.T) {
	year(t, func(t *testing.T, a *admin.Admin, st *store.Store, l *letters) {
		t.Helper()
		stop(t, a, st, 0, 4)
		pass(3 * time.Minute)
		same(t, "webhooks of four organizations", l.took(), "jane@org0.test: 2 webhooks of Org 0 have stopped", "jane@org1.test: 2 webhooks of Org 1 have stopped",
			"jane@org2.test: 2 webhooks of Org 2 have stopped", "jane@org3.test: 2 webhooks of Org 3 have stopped")

		stop(t, a, st, 4, 5)
		pass(3 * time.Minute)
		stop(t, a, st, 9, 1) // belongs to it
		pass(3 * time.Minute)
		same(t, "webhooks of six more, in a storm", l.took(), "ops@contoso.test: Many webhooks have stopped")

		pass(time.Hour)
		stop(t, a, st, 10, 1)
		pass(3 * time.Minute)
		same(t, "one after the storm", l.took(), "jane@org10.test: 2 webhooks of Org 10 have stopped")
	})
}

func TestAnOrderIsConfirmedToItsTechnicalContactWithALinkThatInvites(t *testing.T) {
	year(t, func(t *testing.T, a *admin.Admin, _ *store.Store, l *letters) {
		t.Helper()
		org := setup(t, a, "Contoso").Organization.ID
		order := admin.OrderRequest{
			Form: "1", Organization: org, Plan: "standard", Contact: admin.Contact{FirstName: "Jane", LastName: "Doe", Email: "jane@contoso.test"},
			Billing: admin.Billing{Company: "Contoso", Email: "pay@contoso.test"},
		}
		for range 2 { // a double click
			if _, err := a.PlaceOrder(t.Context(), shellActor(), order); err != nil {
				t.Fatal(err)
			}
		}
		pass(5 * time.Second)

		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.all) != 1 {
			t.Fatalf("%d mails, want one", len(l.all))
		}
		m := l.all[0]
		if m.To != "jane@contoso.test" || m.Name != "Jane Doe" || !strings.HasPrefix(m.Link, "https://connector.test/link/") || !strings.HasSuffix(m.Link, "?next=/subscriptions") {
			t.Errorf("the mail is %+v", m)
		}
	})
}
