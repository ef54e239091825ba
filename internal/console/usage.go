package console

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// shownUsage is how many webhooks the Usage dashboard lists; all stand in the CSV.
const shownUsage = 100

// usageView is what the Usage dashboard shows.
type usageView struct {
	instances []admin.SubscriptionRow // that the person may see
	chosen    bool                    // an instance; else only the choice is shown
	mayOrder  bool
	admin.UsageSpan
	bars []bar
}

// path leads to the same instance and period, on a page or in a file.
func (u *usageView) path(to string, p admin.Period, more ...string) string {
	q := url.Values{"instance": {string(u.Subscription.ID)}}
	if p != admin.ThisMonth {
		q.Set("period", p.String())
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return to + "?" + q.Encode()
}

func (c *Console) usage(v *visit) (err error) {
	ctx, who := v.r.Context(), v.session.Actor
	var u usageView
	if u.instances, err = c.desk.SubscriptionsFor(ctx, who); err != nil {
		return err
	}
	id := connector.SubscriptionID(v.r.URL.Query().Get("instance"))
	if id == "" && len(u.instances) == 1 {
		id = u.instances[0].ID
	}
	if id != "" {
		if u.UsageSpan, err = c.usageSpan(v, id); err != nil {
			return err
		}
		sub := &u.Subscription
		u.chosen, u.mayOrder = true, who.May(connector.RightLicense, sub.Organization, sub.ID)
		u.bars = barsOf(&u.UsageSpan)
	}
	if v.r.Header.Get("HX-Request") != "" && u.chosen {
		return v.part(usageFigures(v, u))
	}
	return v.show(http.StatusOK, page{title: "Usage Dashboard", tab: "usage"}, usagePage(v, u))
}

func (c *Console) usageSpan(v *visit, id connector.SubscriptionID) (admin.UsageSpan, error) {
	return c.desk.UsageIn(v.r.Context(), v.session.Actor, id, admin.ParsePeriod(v.r.URL.Query().Get("period")))
}

// usageFile is the chart or the table of webhooks as a file.
func (c *Console) usageFile(v *visit) error {
	q := v.r.URL.Query()
	u, err := c.usageSpan(v, connector.SubscriptionID(q.Get("instance")))
	if err != nil {
		return err
	}
	write, by := u.DaysCSV, "day"
	if q.Get("by") == "webhook" {
		write, by = u.WebhooksCSV, "webhook"
	}
	file, err := write()
	if err != nil {
		return err
	}
	return v.file("usage-by-"+by+"-"+u.Period.String()+".csv", file)
}

// usageOfAll is what all subscriptions used in a month, for operators.
func (c *Console) usageOfAll(v *visit) error {
	name, file, err := c.desk.UsageOfAll(v.r.Context(), v.session.Actor, v.r.URL.Query().Get("month"))
	if err != nil {
		return err
	}
	return v.file(name, file)
}

// file answers with a CSV to be saved.
func (v *visit) file(name string, text []byte) error {
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if _, err := v.w.Write(text); err != nil {
		v.log.DebugContext(v.r.Context(), "file not delivered", "error", err)
	}
	return nil
}

// bar is one column of the chart, and one row of the table behind it: a day, or of Total a month.
type bar struct {
	label string
	admin.UsageSum
}

func (b *bar) ended() int { return b.Sent + b.Failed + b.Expired + b.Uncertain }

// barsOf are the columns of a period: its days, or of Total the months, a year of them at least.
func barsOf(u *admin.UsageSpan) (all []bar) {
	if u.Period != admin.Total {
		for i := range u.Days {
			all = append(all, bar{day(u.Days[i].Day), u.Days[i].UsageSum})
		}
		return all
	}
	last := monthOf(u.To)
	first := monthOf(u.From)
	if year := last.AddDate(0, -11, 0); first.After(year) {
		first = year
	}
	days := u.Days
	for month := first; !month.After(last); month = month.AddDate(0, 1, 0) {
		b := bar{label: month.Format("January 2006")}
		for ; len(days) > 0 && days[0].Day.Before(month.AddDate(0, 1, 0)); days = days[1:] {
			b.Accepted += days[0].Accepted
			b.Sent += days[0].Sent
			b.Failed += days[0].Failed
			b.Expired += days[0].Expired
			b.Uncertain += days[0].Uncertain
		}
		all = append(all, b)
	}
	return all
}

// monthOf is when a month began, in UTC.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// The chart's own measure; the page stretches it.
const (
	barWidth    = 10
	chartHeight = 100
)

// block is one part of a bar.
type block struct{ class, y, height string }

// scale is what the top of the chart stands for: the next of 1, 2, 5, 10, 20, ...
func scale(bars []bar) int {
	most := 1
	for i := range bars {
		most = max(most, bars[i].ended())
	}
	for step := 1; ; step *= 10 {
		for _, n := range [...]int{step, 2 * step, 5 * step} {
			if n >= most {
				return n
			}
		}
	}
}

// blocks are the parts of a bar, from the bottom up.
func (b *bar) blocks(top int) (all []block) {
	y := float64(chartHeight)
	for _, part := range [...]struct {
		class string
		n     int
	}{{"sent", b.Sent}, {"failed", b.Failed}, {"expired", b.Expired}, {"uncertain", b.Uncertain}} {
		height := float64(max(part.n, 0)) * chartHeight / float64(top)
		if height > 0 {
			y -= height
			all = append(all, block{part.class, decimals(y), decimals(height)})
		}
	}
	return all
}

func decimals(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
