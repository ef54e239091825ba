package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// QueueFilter narrows a list of webhooks by what is on disk; what is empty chooses all.
type QueueFilter struct {
	FlowOwner *string // exactly; empty: of nobody
	// Query stands in name, flow owner, host or Webhook ID, whatever its case. A letter beyond
	// ASCII stands for any: the databases differ in what they know of its case.
	Query   string
	State   connector.LaneState
	Used    *bool // a message was accepted for it at some time
	Waiting bool  // messages wait for it
	Failing bool  // its last attempts came to nothing
}

// queuesFrom begins where a list of webhooks goes on, and queuesTo ends a part of it. The index of names is walked
// in its order, so that a part costs the same wherever it begins.
const (
	queuesFrom = queueRow + `WHERE w.subscription = $1 AND w.retired_at = 0 AND w.name >= $3 AND (w.name > $3 OR w.public_id > $4)`
	queuesTo   = ` ORDER BY w.name LIMIT $5`
)

// statement is the list as SQL; it reads one more than the page has.
func (f *QueueFilter) statement(subscriptionRow, month int64, page connector.Page) statement {
	name, id, _ := strings.Cut(page.After, "\x00")
	text, args := queuesFrom, []any{subscriptionRow, month, name, id, int64(page.Limit) + 1}
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	switch {
	case f.FlowOwner == nil:
	case *f.FlowOwner == "":
		text += ` AND g.owner = ''`
	default:
		text += ` AND g.owner <> '' AND g.owner = ` + arg(*f.FlowOwner)
	}
	if f.State != 0 {
		text += ` AND l.state = ` + arg(int64(f.State))
	}
	if f.Used != nil {
		if !*f.Used {
			text += ` AND NOT`
		} else {
			text += ` AND`
		}
		text += ` EXISTS (SELECT 1 FROM usage u WHERE u.webhook = w.id)`
	}
	if f.Waiting {
		text += ` AND EXISTS (SELECT 1 FROM queue q WHERE q.lane = l.id)`
	}
	if f.Failing {
		text += ` AND l.failures > 0`
	}
	if f.Query != "" {
		like := ` LIKE ` + arg(likely(f.Query)) + ` ESCAPE '\'`
		text += ` AND (LOWER(w.name)` + like + ` OR LOWER(g.owner)` + like + ` OR w.host` + like + ` OR w.public_id` + like + `)`
	}
	return q(text+queuesTo, args...)
}

// likely is a pattern that fits wherever a text is found, and seldom elsewhere.
func likely(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r > '~':
			r = '_'
		case strings.ContainsRune(`%_\`, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return "%" + b.String() + "%"
}

// Place is where a webhook stands in the list, which is by name.
func (r *QueueRow) Place() string { return r.Name + "\x00" + string(r.ID) }

// Queues returns webhooks of a subscription that were not deleted, by name, with their queues.
func (s *Store) Queues(ctx context.Context, subscriptionRow int64, f QueueFilter, page connector.Page) (connector.List[QueueRow], error) {
	var all []QueueRow
	by := f.statement(subscriptionRow, dayOf(monthStart(s.Now())), page)
	err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
		var err error
		all, err = s.queues(ctx, c, by)
		return err
	})
	if err != nil {
		return connector.List[QueueRow]{}, fmt.Errorf("read queues: %w", err)
	}
	return connector.Cut(all, page.Limit, func(r QueueRow) string { return r.Place() }), nil
}

const flowOwners = `
SELECT g.owner FROM grp g
WHERE g.organization = (SELECT s.organization FROM subscription s WHERE s.id = $1) AND g.owner <> ''
    AND EXISTS (SELECT 1 FROM lane l JOIN webhook w ON w.id = l.webhook WHERE l.grp = g.id AND w.subscription = $1 AND w.retired_at = 0)
GROUP BY g.owner ORDER BY g.owner LIMIT $2`

// FlowOwners names the first flow owners of a subscription's webhooks.
func (s *Store) FlowOwners(ctx context.Context, subscriptionRow int64, most int) (names []string, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		names = nil
		return c.each(ctx, q(flowOwners, subscriptionRow, int64(most)), func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			names = append(names, name)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read flow owners: %w", err)
	}
	return names, nil
}
