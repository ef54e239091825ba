package admin

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// UsageSum is what was counted in a span of days (UTC).
type UsageSum = store.UsageSum

// UsageOf is what was counted for one webhook, or on one day.
type UsageOf = store.UsageOf

// Period is a span of days that usage is shown for. Months and days are UTC.
type Period int

// The periods.
const (
	ThisMonth Period = iota
	LastMonth
	Total // since the subscription's start
)

var periodNames = [...]string{"this-month", "last-month", "total"}

// String returns the word for the period in addresses.
func (p Period) String() string { return periodNames[p] }

// ParsePeriod reads the word that String writes; any other means this month.
func ParsePeriod(s string) Period { return Period(max(0, slices.Index(periodNames[:], s))) }

// days returns the first day of a period and its last, of a subscription that began at a time.
func (p Period) days(today, starts time.Time) (from, to time.Time) {
	this := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	switch p {
	case LastMonth:
		return this.AddDate(0, -1, 0), this.AddDate(0, 0, -1)
	case Total:
		return starts.UTC(), today
	case ThisMonth:
	}
	return this, today
}

// Usage is what a subscription used.
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
	if u.WebhooksInUse, err = a.store.WebhooksInUse(ctx, row); err != nil {
		return u, err
	}
	for p, into := range []*UsageSum{&u.ThisMonth, &u.LastMonth, &u.Total} {
		from, to := Period(p).days(today, u.Subscription.Starts)
		if *into, err = a.store.UsageSum(ctx, row, from, to); err != nil {
			return u, err
		}
	}
	this, _ := ThisMonth.days(today, today)
	if u.Days, err = a.store.UsageByDay(ctx, row, this.AddDate(0, -1, 0), today); err != nil {
		return u, err
	}
	u.Webhooks, err = a.store.UsageByWebhook(ctx, row, this, today)
	return u, err
}

// UsageSpan is what a subscription used in one period.
type UsageSpan struct {
	Subscription  SubscriptionRow
	Period        Period
	From, To      time.Time // the days, both included
	WebhooksInUse int       // now
	ThisMonth     int       // messages accepted, whatever the period
	UsageSum
	Days     []UsageOf // every day of a month; of Total only those that have something
	Webhooks []UsageOf
}

// UsageIn returns what a subscription used in a period.
func (a *Admin) UsageIn(ctx context.Context, who connector.Actor, id connector.SubscriptionID, p Period) (u UsageSpan, err error) {
	if u.Subscription, err = a.onSubscription(ctx, who, connector.RightView, id); err != nil {
		return u, err
	}
	row, today := u.Subscription.Row, a.store.Now().UTC()
	u.Period = p
	u.From, u.To = p.days(today, u.Subscription.Starts)
	if u.WebhooksInUse, err = a.store.WebhooksInUse(ctx, row); err != nil {
		return u, err
	}
	from, to := ThisMonth.days(today, today)
	month, err := a.store.UsageSum(ctx, row, from, to)
	if err != nil {
		return u, err
	}
	u.ThisMonth, u.UsageSum = month.Accepted, month
	if p != ThisMonth {
		if u.UsageSum, err = a.store.UsageSum(ctx, row, u.From, u.To); err != nil {
			return u, err
		}
	}
	if u.Days, err = a.store.UsageByDay(ctx, row, u.From, u.To); err != nil {
		return u, err
	}
	if p != Total {
		u.Days = everyDay(u.Days, u.From, u.To)
	}
	u.Webhooks, err = a.store.UsageByWebhook(ctx, row, u.From, u.To)
	return u, err
}

// everyDay puts in the days on which nothing was counted.
func everyDay(some []UsageOf, from, to time.Time) (all []UsageOf) {
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		if len(some) > 0 && !some[0].Day.After(day) {
			all, some = append(all, some[0]), some[1:]
			continue
		}
		all = append(all, UsageOf{Day: day})
	}
	return all
}

var countNames = [...]string{"accepted", "sent", "failed", "expired", "uncertain"}

func countCells(s *UsageSum) []string {
	cells := make([]string, 0, len(countNames))
	for _, n := range [...]int{s.Accepted, s.Sent, s.Failed, s.Expired, s.Uncertain} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// DaysCSV writes what was counted on each day as CSV.
func (u *UsageSpan) DaysCSV() ([]byte, error) {
	rows := [][]string{append([]string{"day"}, countNames[:]...)}
	for i := range u.Days {
		rows = append(rows, append([]string{u.Days[i].Day.Format(time.DateOnly)}, countCells(&u.Days[i].UsageSum)...))
	}
	return csvOf(rows)
}

// WebhooksCSV writes what was counted for each webhook as CSV.
func (u *UsageSpan) WebhooksCSV() ([]byte, error) {
	rows := [][]string{append([]string{"webhookId", "name"}, countNames[:]...)}
	for i := range u.Webhooks {
		w := &u.Webhooks[i]
		rows = append(rows, append([]string{string(w.Webhook), connector.Cell(w.Name)}, countCells(&w.UsageSum)...))
	}
	return csvOf(rows)
}

func csvOf(rows [][]string) ([]byte, error) {
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write usage: %w", err)
	}
	return out.Bytes(), nil
}

// UsageOfAll returns what every subscription used in a month, as CSV and with the
// name of its file, for operators. The month reads 2027-01; empty is this month.
func (a *Admin) UsageOfAll(ctx context.Context, who connector.Actor, month string) (name string, file []byte, err error) {
	if !who.May(connector.RightOperate, "", "") {
		return "", nil, connector.Refused(connector.RightOperate)
	}
	from, _ := ThisMonth.days(a.store.Now().UTC(), time.Time{})
	if month != "" {
		if from, err = time.Parse("2006-01", month); err != nil {
			return "", nil, connector.Invalid("/month", "month is no month. Write it as 2027-01.")
		}
	}
	subs, err := a.store.Subscriptions(ctx, "")
	if err != nil {
		return "", nil, err
	}
	rows := [][]string{append([]string{"organization", "organizationName", "subscription", "instanceName", "plan", "webhooksUsed"}, countNames[:]...)}
	for i := range subs {
		sub := &subs[i]
		sum, err := a.store.UsageSum(ctx, sub.Row, from, from.AddDate(0, 1, -1))
		if err != nil {
			return "", nil, err
		}
		row := []string{string(sub.Organization), connector.Cell(sub.OrganizationName), string(sub.ID), connector.Cell(sub.InstanceName), connector.Cell(sub.Plan), strconv.Itoa(sum.WebhooksUsed)}
		rows = append(rows, append(row, countCells(&sum)...))
	}
	file, err = csvOf(rows)
	return "usage-" + from.Format("2006-01") + ".csv", file, err
}
