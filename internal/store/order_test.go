package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func (h *house) order(n store.NewOrder) store.Order {
	h.t.Helper()
	o, _, err := h.PlaceOrder(h.t.Context(), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

func (h *house) stands(id connector.SubscriptionID) store.Subscription {
	h.t.Helper()
	sub, err := h.Subscription(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return sub
}

// ordersOf are all orders of the house's organization.
func (h *house) ordersOf() []store.Order {
	h.t.Helper()
	list, err := h.Orders(h.t.Context(), store.OrderFilter{Organization: h.organization}, connector.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	return list.Items
}

// atOnce places orders at the same moment, through two stores over the same data.
func (h *house) atOnce(n store.NewOrder) (made, again, refused int) {
	h.t.Helper()
	stores := []*store.Store{h.Store, h.second()}
	var mu sync.Mutex
	crowd(8, 16, func(i int) {
		_, repeated, err := stores[i%2].PlaceOrder(h.t.Context(), n)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case codeOf(err) == connector.Conflict:
			refused++
		case err != nil:
			h.t.Errorf("order %d: %v", i, err)
		case repeated:
			again++
		default:
			made++
		}
	})
	return made, again, refused
}

func TestOneFormIsOneOrderHoweverOftenItIsSent(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		n := store.NewOrder{Form: "0", Organization: h.organization, Plan: "standard", Contact: store.Contact{Email: "ada@example.com"}, Approve: true, By: "ada"}

		made, again, _ := h.atOnce(n)

		subs, err := h.Subscriptions(t.Context(), h.organization)
		if made != 1 || again != 15 || err != nil || len(subs) != 2 || len(h.ordersOf()) != 1 {
			t.Errorf("%d orders made, %d repeated, %d subscriptions in all, %d orders (%v); want 1, 15, the house's and one more, 1", made, again, len(subs), len(h.ordersOf()), err)
		}
		n.Form = "1"
		if _, repeated, err := h.PlaceOrder(t.Context(), n); repeated || err != nil {
			t.Errorf("another form is taken for the first: %v", err)
		}
	})
}

func TestOneTrialForAnOrganization(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		n := store.NewOrder{Form: "0", Trial: true, Organization: h.organization, Plan: "trial", Contact: store.Contact{Email: "ada@example.com"}, Approve: true, By: "ada"}

		made, again, refused := h.atOnce(n)
		n.Form = "1"
		made2, _, refused2 := h.atOnce(n)

		if made != 1 || again != 15 || refused != 0 || made2 != 0 || refused2 != 16 {
			t.Errorf("one form: %d made, %d repeated, %d refused; another: %d made, %d refused; want 1, 15, 0, 0, 16", made, again, refused, made2, refused2)
		}
		sub := h.stands(h.ordersOf()[0].Subscription)
		if days := sub.Expires.Sub(sub.Starts).Hours() / 24; !sub.Trial || !sub.Valid(h.Now()) || days < 27 || days > 31 || sub.WebhookQuota != 10 {
			t.Errorf("the trial is %+v", sub)
		}
		other, err := h.CreateOrganization(t.Context(), "Tailspin", "test")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.CreateSubscription(t.Context(), store.NewSubscription{Organization: other.ID, Plan: "trial", InstanceName: "x", By: "operator"}); err != nil {
			t.Fatal(err)
		}
		n.Organization = other.ID
		if _, _, err := h.PlaceOrder(t.Context(), n); codeOf(err) != connector.Conflict {
			t.Errorf("a trial beside one that the operator made: %v", err)
		}
	})
}

func TestANewPersonsFirstOrderMakesOneOrganizationTheyAdminister(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		person, _, err := h.AddPerson(t.Context(), store.NewPerson{Email: "eve@tailspin.example", By: "test"})
		if err != nil {
			t.Fatal(err)
		}
		n := store.NewOrder{Form: "0", Trial: true, Person: person, NewOrganization: "Tailspin", Plan: "trial", Contact: store.Contact{Email: "eve@tailspin.example"}, Approve: true, By: "eve"}

		made, again, _ := h.atOnce(n)

		actor, err := h.PersonActor(t.Context(), person)
		if made != 1 || again != 15 || err != nil || len(actor.Roles) != 1 {
			t.Fatalf("%d made, %d repeated, %d organizations (%v); want 1, 15, 1", made, again, len(actor.Roles), err)
		}
		for org, role := range actor.Roles {
			o, err := h.Organization(t.Context(), org)
			if role != connector.RoleAdmin || o.Name != "Tailspin" || err != nil || len(actor.Contact) != 1 {
				t.Errorf("they are %s of %q (%v), contact of %d subscriptions", role, o.Name, err, len(actor.Contact))
			}
		}
	})
}

func TestAnotherPlanKeepsTheSubscriptionItsKeysAndItsWebhooks(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		trial := h.order(store.NewOrder{Form: "0", Trial: true, Organization: h.organization, Plan: "trial", Contact: store.Contact{Email: "ada@example.com"}, Approve: true, By: "ada"})
		before := h.stands(trial.Subscription)

		up := h.order(store.NewOrder{Form: "1", Organization: h.organization, Subscription: trial.Subscription, Plan: "standard", Approve: true, By: "ada"})
		after := h.stands(trial.Subscription)

		if up.Kind != store.OrderChange || up.Subscription != trial.Subscription || after.Plan != "standard" || after.Trial || after.WebhookQuota != 50 ||
			after.MessageQuota != 0 || !after.Starts.Equal(before.Starts) || after.Contact != before.Contact || after.Expires.Before(h.Now().AddDate(0, 11, 0)) {
			t.Errorf("after the trial: order %+v, subscription %+v", up, after)
		}
		more := h.order(store.NewOrder{Form: "2", Organization: h.organization, Subscription: trial.Subscription, Plan: "standard", Approve: true, By: "ada"})
		if got := h.stands(trial.Subscription); more.Kind != store.OrderRenewal || got.Expires.Before(after.Expires.AddDate(0, 11, 0)) {
			t.Errorf("renewed: %s until %v, want a year behind %v", more.Kind, got.Expires, after.Expires)
		}
		if _, _, err := h.PlaceOrder(t.Context(), store.NewOrder{Form: "3", Organization: h.organization, Subscription: h.subscription.ID, Plan: "enterprise", By: "ada"}); codeOf(err) != connector.InvalidField {
			t.Errorf("a further term for what has no end: %v", err)
		}
	})
}

func TestASmallerQuotaKeepsWhatExistsAndRefusesNewOnes(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.newWebhook("second")
		two := 2
		h.setSubscription(store.SubscriptionChange{WebhookQuota: &two})
		small := 1
		h.setSubscription(store.SubscriptionChange{WebhookQuota: &small})

		_, err := h.CreateWebhook(t.Context(), store.NewWebhook{
			Subscription: h.subscription.ID, Name: "third", URL: connector.NewSecret(secretURL), Host: "x", Profile: connector.ProfileFlowBot, Payload: connector.PayloadAdaptive, By: "test",
		})

		hooks, readErr := h.Webhooks(t.Context(), h.subscription.ID)
		if codeOf(err) != connector.WebhookQuotaExhausted || readErr != nil || len(hooks) != 2 {
			t.Errorf("a third webhook: %v; %d stand (%v), want 2", err, len(hooks), readErr)
		}
		h.accept(h.request("still taken"))
	})
}

func TestTheOperatorDecidesOrdersOnce(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		n := store.NewOrder{Form: "0", Organization: h.organization, Plan: "standard", Contact: store.Contact{Email: "ada@example.com"}, By: "ada"}
		first := h.order(n)
		if sub := h.stands(first.Subscription); sub.Status != store.StatusRequested || sub.Valid(h.Now()) {
			t.Errorf("before it is approved: %+v", sub)
		}
		decide := func(id connector.OrderID, yes bool) error {
			_, err := h.DecideOrder(t.Context(), store.OrderDecision{Order: id, Approve: yes, Reason: "No budget.", By: "operator"})
			return err
		}

		approved, twice := decide(first.ID, true), decide(first.ID, false)
		n.Form = "1"
		second := h.order(n)
		refused := decide(second.ID, false)

		if sub := h.stands(first.Subscription); approved != nil || codeOf(twice) != connector.Conflict || sub.Status != store.StatusActive || sub.Expires.IsZero() {
			t.Errorf("approved: %v, then refused: %v; the subscription is %+v", approved, twice, sub)
		}
		if sub := h.stands(second.Subscription); refused != nil || sub.Status != store.StatusCancelled {
			t.Errorf("refused: %v, the subscription is %s", refused, sub.Status)
		}
		if err := decide("ord_none", true); codeOf(err) != connector.NotFound {
			t.Errorf("an order that is not there: %v", err)
		}
		open := store.NewOrder{Form: "2", Organization: h.organization, Subscription: first.Subscription, Plan: "enterprise", By: "ada"}
		h.order(open)
		open.Form = "3"
		if _, _, err := h.PlaceOrder(t.Context(), open); codeOf(err) != connector.Conflict {
			t.Errorf("a second order that waits for the same subscription: %v", err)
		}
		cancelled := store.StatusCancelled
		if _, err := h.ChangeSubscription(t.Context(), store.SubscriptionChange{Subscription: first.Subscription, Status: &cancelled, By: "ada"}); err != nil {
			t.Fatal(err)
		}
		if o := h.ordersOf()[0]; o.State != store.OrderRefused || h.stands(first.Subscription).Ended.Before(h.Now().Add(-time.Minute)) {
			t.Errorf("with its subscription cancelled an order is %s", o.State)
		}
	})
}
