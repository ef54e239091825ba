package admin

import (
	"context"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// UsageSum is what was counted in a span of days (UTC).
type UsageSum = store.UsageSum

// UsageOf is what was counted for one webhook, or on one day.
type UsageOf = store.UsageOf

// Usage is what a subscription used. Months and days are UTC.
type Usage struct {
	Subscription                SubscriptionRow
	WebhooksInUse               int // now
	ThisMonth, LastMonth, Total UsageSum
	Days                        []UsageOf // of last month and this
	Webhooks                    []UsageOf // this month
}

// Usage returns what a subscription used.
func (a *Admin) Usage(ctx context.Context, who connector.Actor, id connector.SubscriptionID) (u Usage, err error) {
	if u.Subscription, err = a.onSubscription(ctx, who, connector.RightView, id); err != nil {
		return u, err
	}
	row, today := u.Subscription.Row, a.store.Now().UTC()
	this := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	last := this.AddDate(0, -1, 0)
	if u.WebhooksInUse, err = a.store.WebhooksInUse(ctx, row); err != nil {
		return u, err
	}
	for _, span := range []struct {
		into     *UsageSum
		from, to time.Time
	}{
		{&u.ThisMonth, this, today}, {&u.LastMonth, last, this.AddDate(0, 0, -1)}, {&u.Total, u.Subscription.Starts.UTC(), today},
	} {
		if *span.into, err = a.store.UsageSum(ctx, row, span.from, span.to); err != nil {
			return u, err
		}
	}
	if u.Days, err = a.store.UsageByDay(ctx, row, last, today); err != nil {
		return u, err
	}
	u.Webhooks, err = a.store.UsageByWebhook(ctx, row, this, today)
	return u, err
}

// MonthUsage is what one subscription used in a month.
type MonthUsage struct {
	SubscriptionRow
	UsageSum
}

// UsageOfAll returns what every subscription used in a month, for operators.
func (a *Admin) UsageOfAll(ctx context.Context, who connector.Actor, month time.Time) ([]MonthUsage, error) {
	if !who.May(connector.RightOperate, "", "") {
		return nil, connector.Refused(connector.RightOperate)
	}
	subs, err := a.store.Subscriptions(ctx, "")
	if err != nil {
		return nil, err
	}
	from := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)
	all := make([]MonthUsage, 0, len(subs))
	for _, sub := range subs {
		sum, err := a.store.UsageSum(ctx, sub.Row, from, from.AddDate(0, 1, -1))
		if err != nil {
			return nil, err
		}
		all = append(all, MonthUsage{sub, sum})
	}
	return all, nil
}
