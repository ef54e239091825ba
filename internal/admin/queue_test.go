package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// queued is a desk with one webhook, whose engine is the test.
type queued struct {
	*admin.Admin
	t     *testing.T
	store *store.Store
	made  admin.SetupResult
	hook  admin.Webhook
	until time.Time // of the window
}

func queue(t *testing.T) *queued {
	t.Helper()
	q := &queued{t: t}
	_, q.store = desk(t)
	q.Admin = admin.New(q.store, admin.Options{TrustedTargets: []string{trusted}, FreeAt: func(now time.Time, g connector.Group) time.Time {
		if g.Profile != connector.ProfileFlowBot || q.until.Before(now) {
			return now
		}
		return q.until
	}})
	q.made = setup(t, q.Admin, "Contoso")
	q.hook = q.add("Builds")
	return q
}

// called is somebody who may do everything, by a name.
func called(name string) connector.Actor { return connector.Actor{Name: name, Shell: true} }

func (q *queued) add(name string) admin.Webhook {
	q.t.Helper()
	w, err := q.AddWebhook(q.t.Context(), shellActor(), hookAt(q.made.Subscription.ID, name, connector.NewSecret(flow+name), "Ada"))
	if err != nil {
		q.t.Fatal(err)
	}
	return w
}

// accept commits a message under the first keys.
func (q *queued) accept() store.Accepted {
	q.t.Helper()
	keys, err := q.store.KeysByLicense(q.t.Context(), q.made.Keys.LicenseKey)
	if err != nil {
		q.t.Fatal(err)
	}
	id := connector.MessageID(connector.PublicID(connector.MessagePrefix, uuid.Must(uuid.NewV7())))
	got, err := q.store.Accept(q.t.Context(), store.AcceptRequest{
		License: keys.License, Message: connector.Message{ID: id, Webhook: q.hook.ID, Content: connector.Content{Kind: connector.KindText}},
		Sealed: []byte("sealed"), Size: 1,
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return got
}

// settle makes durable what the engine would: an attempt at the head, and the waits after it.
func (q *queued) settle(change func(s *connector.Settlement)) {
	q.t.Helper()
	rows, err := q.store.Fetch(q.t.Context(), []connector.FetchRequest{{Lane: q.hook.Lane}})
	if err != nil {
		q.t.Fatal(err)
	}
	s := connector.Settlement{Lane: rows[0].Lane, Group: rows[0].Group}
	if len(rows[0].Head) > 0 {
		head := rows[0].Head[0]
		s.Attempt = &connector.Attempt{Seq: head.Seq, Message: head.ID, N: head.Attempts + 1, At: q.store.Now(), Outcome: connector.Outcome{
			Verdict: connector.VerdictRetry, Reason: connector.ReasonServerError, Detail: "Teams has trouble.", HTTPStatus: 503,
		}}
	}
	change(&s)
	if err := q.store.Settle(q.t.Context(), []connector.Settlement{s}); err != nil {
		q.t.Fatal(err)
	}
}

// written is how many changes are on disk.
func (q *queued) written() int64 {
	q.t.Helper()
	last, err := q.store.LastChange(q.t.Context())
	if err != nil {
		q.t.Fatal(err)
	}
	return last
}

func (q *queued) show() admin.Queue {
	q.t.Helper()
	w, err := q.Queue(q.t.Context(), admin.WebhookChoice{ID: q.hook.ID})
	if err != nil {
		q.t.Fatal(err)
	}
	return w
}

func TestStatusSaysWhyAQueueDoesNotMove(t *testing.T) {
	later := func(q *queued, d time.Duration) time.Time { return q.store.Now().Add(d).Truncate(time.Second) }
	for name, c := range map[string]struct {
		act  func(q *queued)
		want string
		next bool // an attempt is to come
	}{
		"nothing was ever sent": {func(*queued) {}, "Not used yet", false},
		"all went out": {func(q *queued) {
			q.accept()
			q.settle(func(s *connector.Settlement) {
				s.Ends = []connector.End{{Seq: s.Attempt.Seq, Message: s.Attempt.Message, State: connector.StateSent, At: q.store.Now()}}
			})
		}, "Delivering", false},
		"a message has just come": {func(q *queued) { q.accept() }, "Delivering", true},
		"Teams asked to wait": {func(q *queued) {
			q.accept()
			q.settle(func(s *connector.Settlement) { s.Group.NotBefore = later(q, time.Minute) })
		}, "Waiting for Teams' limit", true},
		"the window is used up":               {func(q *queued) { q.accept(); q.until = later(q, time.Minute) }, "Waiting for Teams' limit", true},
		"the window is used up, none waits":   {func(q *queued) { q.until = later(q, time.Minute) }, "Not used yet", false},
		"attempts failed, a retry is to come": {func(q *queued) { q.accept(); q.settle(failedUntil(later(q, time.Minute))) }, "Retrying", true},
		"attempts failed, the window opens before the retry": {func(q *queued) {
			q.accept()
			q.settle(failedUntil(later(q, time.Hour)))
			q.until = later(q, time.Minute)
		}, "Retrying", true},
		"attempts failed, the window opens after the retry": {func(q *queued) {
			q.accept()
			q.settle(failedUntil(later(q, time.Minute)))
			q.until = later(q, time.Hour)
		}, "Waiting for Teams' limit", true},
		"the flow is gone": {func(q *queued) {
			q.accept()
			q.settle(func(s *connector.Settlement) { s.Stop, s.Lane.Cause = true, "The flow is off." })
		}, "Stopped", false},
		"somebody paused it": {func(q *queued) {
			q.accept()
			if _, err := q.Pause(q.t.Context(), called("Ada"), q.hook.ID); err != nil {
				q.t.Fatal(err)
			}
		}, "Paused", false},
		"it was deleted": {func(q *queued) {
			q.accept()
			if _, err := q.store.DeleteWebhook(q.t.Context(), q.made.Subscription.ID, q.hook.ID, "test"); err != nil {
				q.t.Fatal(err)
			}
		}, "Retired", false},
	} {
		t.Run(name, func(t *testing.T) {
			q := queue(t)
			c.act(q)

			got := q.show()

			if got.Status.String() != c.want || got.Next.IsZero() == c.next {
				t.Errorf("status %q, next attempt %v; want %q, one to come: %v", got.Status, got.Next, c.want, c.next)
			}
		})
	}
}

func failedUntil(at time.Time) func(s *connector.Settlement) {
	return func(s *connector.Settlement) { s.Lane.Failures, s.Lane.NotBefore = 3, at }
}

func TestTheNextAttemptIsAfterAllThatItWaitsFor(t *testing.T) {
	q := queue(t)
	oldest := q.accept().Message.AcceptedAt
	q.accept()
	now := q.store.Now().Truncate(time.Second)
	retry, asked, window := now.Add(time.Minute), now.Add(2*time.Minute), now.Add(3*time.Minute)
	q.settle(func(s *connector.Settlement) { s.Lane.Failures, s.Lane.NotBefore, s.Group.NotBefore = 2, retry, asked })
	q.until = window

	got := q.show()

	if !got.RetryAt.Equal(retry) || !got.AskedUntil.Equal(asked) || !got.WindowUntil.Equal(window) || !got.Next.Equal(window) {
		t.Errorf("retry %v, asked %v, window %v, next %v; want %v, %v, %v and the last of them",
			got.RetryAt, got.AskedUntil, got.WindowUntil, got.Next, retry, asked, window)
	}
	if got.Waiting != 2 || !got.Oldest.Equal(oldest) {
		t.Errorf("%d wait since %v, want 2 since %v", got.Waiting, got.Oldest, oldest)
	}
	if got.Last == nil || got.Last.Outcome.HTTPStatus != 503 || got.Last.Outcome.Detail != "Teams has trouble." {
		t.Errorf("the last attempt is %+v, want the one that was made", got.Last)
	}
}

func TestAListTellsUsedWebhooksFromThoseThatAreNot(t *testing.T) {
	q := queue(t)
	q.accept()
	other := q.add("Other")

	list, err := q.Webhooks(t.Context(), shellActor(), q.made.Subscription.ID, admin.WebhookFilter{}, connector.Page{Limit: 10})
	all := list.Items
	if err != nil || len(all) != 2 {
		t.Fatalf("%d queues (%v), want 2", len(all), err)
	}
	if all[0].Status != admin.StatusDelivering || all[0].Waiting != 1 || all[0].FlowOwner != "Ada" || all[0].Profile != connector.ProfileFlowBot {
		t.Errorf("the first is %+v, want Delivering, one waiting, Ada's, flow-bot", all[0])
	}
	if all[1].ID != other.ID || all[1].Status != admin.StatusNotUsed {
		t.Errorf("the second is %s, %q; want %s, Not used yet", all[1].ID, all[1].Status, other.ID)
	}
}

func TestAPauseHoldsAndAResumeLetsGoAndBothMayBeRepeated(t *testing.T) {
	q := queue(t)
	paused, err := q.Pause(t.Context(), called("Ada"), q.hook.ID)
	if err != nil || paused.Was != admin.StatusNotUsed || paused.Status != admin.StatusPaused || paused.Cause != "Paused by Ada." {
		t.Errorf("pause: %q after %q, cause %q (%v)", paused.Status, paused.Was, paused.Cause, err)
	}
	written := q.written()
	again, err := q.Pause(t.Context(), called("Bob"), q.hook.ID)
	if err != nil || again.Was != admin.StatusPaused || again.Cause != "Paused by Ada." {
		t.Errorf("a second pause: after %q, cause %q (%v); want nothing changed", again.Was, again.Cause, err)
	}
	if q.written() != written {
		t.Error("a pause that changes nothing is audited")
	}
	if r := q.accept(); r.Message.LaneState != connector.LanePaused {
		t.Errorf("the lane of a new message is %v, want paused", r.Message.LaneState)
	}
	resumption := admin.Resumption{Webhook: q.hook.ID}
	resumed, err := q.Resume(t.Context(), shellActor(), resumption)
	if err != nil || resumed.Was != admin.StatusPaused || resumed.Status != admin.StatusDelivering || resumed.Waiting != 1 {
		t.Errorf("resume: %q after %q, %d waiting (%v)", resumed.Status, resumed.Was, resumed.Waiting, err)
	}
	if again, err := q.Resume(t.Context(), shellActor(), resumption); err != nil || again.Was != admin.StatusDelivering {
		t.Errorf("a second resume: after %q (%v)", again.Was, err)
	}
}

func TestAResumeLetsAStoppedWebhookGoOnAndADeletedOneNot(t *testing.T) {
	q := queue(t)
	q.accept()
	q.settle(func(s *connector.Settlement) { s.Stop, s.Lane.Cause = true, "The flow is off." })
	resume := func() (admin.Held, error) {
		return q.Resume(t.Context(), shellActor(), admin.Resumption{Webhook: q.hook.ID})
	}
	if now, err := resume(); err != nil || now.Was != admin.StatusStopped || now.State != connector.LaneOpen || now.Next.IsZero() {
		t.Errorf("resume: %v after %q, next attempt %v (%v)", now.State, now.Was, now.Next, err)
	}
	if _, err := q.store.DeleteWebhook(t.Context(), q.made.Subscription.ID, q.hook.ID, "test"); err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"pause":  func() error { return second(q.Pause(t.Context(), shellActor(), q.hook.ID)) },
		"resume": func() error { return second(resume()) },
	} {
		if err := do(); codeOf(err) != connector.WebhookNotFound {
			t.Errorf("%s of a deleted webhook: %v, want webhook_not_found", what, err)
		}
	}
}

func TestAWebhookIsFoundByIDWithoutAnInstanceAndByNameWithOne(t *testing.T) {
	q := queue(t)
	setup(t, q.Admin, "Fabrikam")

	for _, right := range []admin.WebhookChoice{{ID: q.hook.ID}, {ID: q.hook.ID, Instance: "Contoso"}, {Name: "Builds", Instance: "Contoso"}} {
		if got, err := q.Queue(t.Context(), right); err != nil || got.ID != q.hook.ID {
			t.Errorf("%+v: %s (%v)", right, got.ID, err)
		}
	}
	for say, wrong := range map[string]admin.WebhookChoice{
		"There are 2 instances":     {Name: "Builds"},
		`has no webhook "Bilds"`:    {Name: "Bilds", Instance: "Contoso"},
		`It has: "Builds".`:         {Name: "Bilds", Instance: "Contoso"},
		"It has none yet":           {Name: "Builds", Instance: "Fabrikam"},
		"not of the instance":       {ID: q.hook.ID, Instance: "Fabrikam"},
		"There is no webhook wh_01": {ID: "wh_01jd8m6q2rfkb9p3tzv5xw7h4c"},
		"This is not a Webhook ID":  {ID: "https://contoso.com/canary"},
	} {
		_, err := q.Queue(t.Context(), wrong)
		if codeOf(err) == "" || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%+v: %v, want %q", wrong, err, say)
		}
	}
}

func TestWhoMayOnlyConfigurePausesAndIsAnswered(t *testing.T) {
	q := queue(t)
	who := connector.Actor{
		Name: "token CI", Scopes: []connector.Right{connector.RightConfigure},
		Roles: map[connector.OrganizationID]connector.Role{q.made.Organization.ID: connector.RoleMember},
	}

	held, err := q.Pause(t.Context(), who, q.hook.ID)

	if err != nil || held.Status != admin.StatusPaused {
		t.Errorf("pause: %q (%v), want paused", held.Status, err)
	}
	if _, err := q.Webhook(t.Context(), who, q.hook.ID); codeOf(err) != connector.Forbidden {
		t.Errorf("to look without the right to: %v, want forbidden", err)
	}
}

// TestWithoutAnEngineAQueueIsExplainedFromWhatIsStored holds for the command line, and for a node that does not run the lane.
func TestWithoutAnEngineAQueueIsExplainedFromWhatIsStored(t *testing.T) {
	q := queue(t)
	q.Admin = admin.New(q.store, admin.Options{TrustedTargets: []string{trusted}, Reckon: lane.Reckon})
	var last store.Accepted
	for range 30 {
		last = q.accept()
	}
	q.settle(func(s *connector.Settlement) {
		for range 24 {
			s.Group.Recent = append(s.Group.Recent, q.store.Now())
		}
	})

	w := q.show()
	looks := connector.Actor{Scopes: []connector.Right{connector.RightView}, Roles: map[connector.OrganizationID]connector.Role{q.made.Organization.ID: connector.RoleMember}}
	log, err := q.Messages(t.Context(), looks, admin.MessageQuestion{Webhook: q.hook.ID}, connector.Page{Limit: 30})
	if err != nil {
		t.Fatal(err)
	}
	m, err := q.Message(t.Context(), looks, last.Message.ID)
	if err != nil {
		t.Fatal(err)
	}

	if w.WaitsFor != connector.WaitsForWindow || !strings.Contains(w.Why, "All that Microsoft allows") {
		t.Errorf("it waits for %v: %q; want the window", w.WaitsFor, w.Why)
	}
	if warnings := w.Warnings(); w.Behind < connector.Late || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "The queue is behind: ") {
		t.Errorf("behind by %v, warnings %q; want 30 cards to need a second window", w.Behind, warnings)
	}
	first, newest := log.Items[29].Expected, log.Items[0].Expected
	if gap := newest.Sub(first); gap < 4*time.Minute || newest.Sub(w.Empty).Abs() > time.Second || m.Expected.Sub(w.Empty).Abs() > time.Second {
		t.Errorf("the first is expected at %v, the last at %v, alone at %v, the queue empty at %v; want the last a window later, and when the queue is empty",
			first, newest, m.Expected, w.Empty)
	}
}
