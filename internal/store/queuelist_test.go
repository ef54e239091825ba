package store_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// names are the names of the webhooks that a filter chooses, read in parts of so many.
func (h *house) names(f store.QueueFilter, part int) (all []string) {
	h.t.Helper()
	for page := (connector.Page{Limit: part}); ; {
		list, err := h.Queues(h.t.Context(), h.subscription.Row, f, page)
		if err != nil || len(list.Items) > part {
			h.t.Fatalf("%d webhooks, %v", len(list.Items), err)
		}
		for i := range list.Items {
			all = append(all, list.Items[i].Name)
		}
		if page.After = list.Next; page.After == "" {
			return all
		}
	}
}

func TestAListOfWebhooksIsNarrowedByWhatIsOnDisk(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		sent, paused := h.hook("Sent", "https://a", "Ada"), h.hook("paused", "https://b", "Ada")
		h.hook("100 % of Größe_1", "https://c", "")
		h.accept(h.requestTo(sent.ID, "waits"))
		gone := h.hook("gone", "https://d", "Ada")
		if _, err := h.DeleteWebhook(t.Context(), h.subscription.ID, gone.ID, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.SetLane(t.Context(), store.SetLane{Subscription: h.subscription.ID, Webhook: paused.ID, State: connector.LanePaused, By: "test"}); err != nil {
			t.Fatal(err)
		}

		for name, c := range map[string]struct {
			filter store.QueueFilter
			want   []string
		}{
			"all, by name":               {store.QueueFilter{}, []string{"100 % of Größe_1", "Sent", "first", "paused"}},
			"an owner's":                 {store.QueueFilter{FlowOwner: new("Ada")}, []string{"Sent", "paused"}},
			"nobody's":                   {store.QueueFilter{FlowOwner: new("")}, []string{"100 % of Größe_1", "first"}},
			"used":                       {store.QueueFilter{Used: new(true)}, []string{"Sent"}},
			"not used and open":          {store.QueueFilter{Used: new(false), State: connector.LaneOpen}, []string{"100 % of Größe_1", "first"}},
			"with messages that wait":    {store.QueueFilter{Waiting: true}, []string{"Sent"}},
			"failing":                    {store.QueueFilter{Failing: true}, nil},
			"paused":                     {store.QueueFilter{State: connector.LanePaused}, []string{"paused"}},
			"a name in another case":     {store.QueueFilter{Query: "sENT"}, []string{"Sent"}},
			"an owner in another case":   {store.QueueFilter{Query: "ADA"}, []string{"Sent", "paused"}},
			"an id":                      {store.QueueFilter{Query: string(paused.ID)}, []string{"paused"}},
			"a percent sign":             {store.QueueFilter{Query: "0 %"}, []string{"100 % of Größe_1"}},
			"a percent sign is no joker": {store.QueueFilter{Query: "1%1"}, nil},
			"an underscore":              {store.QueueFilter{Query: "e_1"}, []string{"100 % of Größe_1"}},
			"letters beyond ASCII":       {store.QueueFilter{Query: "of GROSSE"}, nil},
			"and in another case":        {store.QueueFilter{Query: "of GRÖß"}, []string{"100 % of Größe_1"}},
		} {
			for _, part := range []int{1, 2, 50} {
				if got := h.names(c.filter, part); !slices.Equal(got, c.want) {
					t.Errorf("%s, %d at once: %q, want %q", name, part, got, c.want)
				}
			}
		}
		owners, err := h.FlowOwners(t.Context(), h.subscription.Row, 10)
		if err != nil || !slices.Equal(owners, []string{"Ada"}) {
			t.Errorf("flow owners are %q (%v)", owners, err)
		}
	})
}

// plan is how the database would run a statement.
func (h *house) plan(text string, args ...any) string {
	h.t.Helper()
	explain, columns := "EXPLAIN QUERY PLAN ", 4
	if h.onPostgres() {
		explain, columns = "EXPLAIN ", 1
	}
	db := h.raw()
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(h.t.Context(), explain+text, args...)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		into, line := make([]any, columns), ""
		for i := range into {
			into[i] = new(any)
		}
		into[columns-1] = &line
		if err := rows.Scan(into...); err != nil {
			h.t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return plan.String()
}

// furnish fills the house with webhooks, of a hundred flow owners, and a day's usage of every second one.
func (h *house) furnish(webhooks int) {
	h.t.Helper()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	h.exec(numbers+`INSERT INTO webhook (public_id, subscription, name, host, payload, created_at) SELECT 'wh_' || i, $2, 'hook ' || i, 'host', 1, 1 FROM n`, webhooks, h.subscription.Row)
	h.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
		INSERT INTO grp (organization, owner, profile, recent) SELECT s.organization, 'owner ' || i, 1, $2 FROM n JOIN subscription s ON s.id = $1`, h.subscription.Row, []byte{})
	h.exec(`INSERT INTO lane (webhook, grp, state) SELECT w.id, (SELECT g.id FROM grp g WHERE g.owner = 'owner ' || (w.id % 100 + 1)), 1 FROM webhook w WHERE w.public_id LIKE 'wh\_%' ESCAPE '\' AND w.name LIKE 'hook %'`)
	h.exec(`INSERT INTO usage (subscription, day, webhook, accepted, sent, failed, expired, uncertain) SELECT w.subscription, 20000, w.id, 1, 1, 0, 0, 0 FROM webhook w WHERE w.id % 2 = 0`)
	if h.onPostgres() {
		h.exec(`ANALYZE`)
	}
}

// With ten thousand webhooks a part of their list costs what the part has, wherever it begins and however it is narrowed.
func TestNoPartOfAListOfWebhooksReadsThemAll(t *testing.T) {
	reads := regexp.MustCompile(`(?m)Seq Scan on (webhook|usage) |^SCAN `)
	sorts := regexp.MustCompile(`(?m)^ *(->)? *(Incremental )?Sort|TEMP B-TREE`)
	promise(t, func(t *testing.T, h *house) {
		h.furnish(10_000)
		for name, c := range map[string]struct {
			filter store.QueueFilter
			few    bool // what fits is looked up, and may be sorted
		}{
			"all": {}, "used": {filter: store.QueueFilter{Used: new(true)}}, "not used": {filter: store.QueueFilter{Used: new(false)}}, "found": {filter: store.QueueFilter{Query: "9"}},
			"an owner's": {store.QueueFilter{FlowOwner: new("owner 7")}, true}, "paused": {store.QueueFilter{State: connector.LanePaused}, true}, "waiting": {store.QueueFilter{Waiting: true}, true},
		} {
			text, args := store.QueuesStatement(h.subscription.Row, c.filter, connector.Page{After: "hook 5\x00", Limit: 50})
			if plan := h.plan(text, args...); reads.MatchString(plan) || !c.few && sorts.MatchString(plan) {
				t.Errorf("%s: the plan is\n%s", name, plan)
			}
		}
		if plan := h.plan(store.FlowOwnersStatement, h.subscription.Row, 200); reads.MatchString(plan) {
			t.Errorf("flow owners: the plan is\n%s", plan)
		}
	})
}
