package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Tenant is an organization with its figures.
type Tenant struct {
	Organization
	Members, Subscriptions, Webhooks int
	Waiting                          int // messages that have not ended
	Accepted                         int // messages this month (UTC)
}

const tenantFigures = `
SELECT (SELECT COUNT(*) FROM member m WHERE m.organization = o.id),
       (SELECT COUNT(*) FROM subscription s WHERE s.organization = o.id),
       (SELECT COUNT(*) FROM subscription s JOIN webhook w ON w.subscription = s.id
        WHERE s.organization = o.id AND w.retired_at = 0 AND w.mail_for IS NULL),
       (SELECT COUNT(*) FROM subscription s JOIN webhook w ON w.subscription = s.id JOIN lane l ON l.webhook = w.id JOIN queue q ON q.lane = l.id
        WHERE s.organization = o.id AND w.mail_for IS NULL),
       (SELECT COALESCE(SUM(u.accepted), 0) FROM subscription s JOIN usage u ON u.subscription = s.id WHERE s.organization = o.id AND u.day >= $2)
FROM organization o WHERE o.public_id = $1`

// Tenants returns organizations in the order of their ids, with their figures:
// those whose name holds a text, whatever its case, or whose id it is; empty: all.
func (s *Store) Tenants(ctx context.Context, named string, page connector.Page) (list connector.List[Tenant], err error) {
	named = strings.TrimSpace(named)
	most := page.Limit + 1
	if named != "" {
		most = math.MaxInt32 // no database folds case as people do
	}
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		var all []Tenant
		err := c.each(ctx, q(organizationsAfter, page.After, most), func(rows *sql.Rows) error {
			o, err := scanOrganization(rows)
			if len(all) <= page.Limit && (named == "" || string(o.ID) == named || contains(o.Name, named)) {
				all = append(all, Tenant{Organization: o})
			}
			return err
		})
		if err != nil {
			return err
		}
		list = connector.Cut(all, page.Limit, func(t Tenant) string { return string(t.ID) })
		for i := range list.Items {
			if err := s.figures(ctx, c, &list.Items[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return list, fmt.Errorf("read organizations with their figures: %w", err)
	}
	return list, nil
}

func (s *Store) figures(ctx context.Context, c *session, t *Tenant) error {
	return c.one(ctx, q(tenantFigures, string(t.ID), dayOf(monthStart(s.Now()))), &t.Members, &t.Subscriptions, &t.Webhooks, &t.Waiting, &t.Accepted)
}

// Tenant returns an organization with its figures.
func (s *Store) Tenant(ctx context.Context, id connector.OrganizationID) (t Tenant, err error) {
	if t.Organization, err = s.Organization(ctx, id); err != nil {
		return t, err
	}
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error { return s.figures(ctx, c, &t) })
	if err != nil {
		return t, fmt.Errorf("read the figures of an organization: %w", err)
	}
	return t, nil
}
