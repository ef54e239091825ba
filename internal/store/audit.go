package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// AuditEntry is one change that somebody made.
type AuditEntry struct {
	ID           int64
	At           time.Time
	Organization connector.OrganizationID // empty: the installation's
	Actor        string
	Action       string // e.g. webhook.create
	Object       string // public id
	Detail       string
}

// AuditFilter chooses entries; what is empty chooses all.
type AuditFilter struct {
	Organization   connector.OrganizationID
	Action, Object string
}

const auditRow = `
SELECT a.id, a.at, COALESCE(o.public_id, ''), a.actor, a.action, a.object, a.detail
FROM audit a LEFT JOIN organization o ON o.id = a.organization
WHERE a.id < $1 AND ($2 = '' OR a.action = $2) AND ($3 = '' OR a.object = $3) `

const (
	auditBefore = auditRow + `ORDER BY a.id DESC LIMIT $4`
	auditOf     = auditRow + `AND a.organization = (SELECT x.id FROM organization x WHERE x.public_id = $5) ORDER BY a.id DESC LIMIT $4`
)

// Audit returns changes, the newest first.
func (s *Store) Audit(ctx context.Context, f AuditFilter, page connector.Page) (connector.List[AuditEntry], error) {
	before := int64(1) << 62
	if page.After != "" {
		n, err := strconv.ParseInt(page.After, 10, 64)
		if err != nil {
			return connector.List[AuditEntry]{}, connector.Invalid("/cursor", "cursor is not one that this service gave. Leave it out to begin.")
		}
		before = n
	}
	by := q(auditBefore, before, f.Action, f.Object, page.Limit+1)
	if f.Organization != "" {
		by = q(auditOf, before, f.Action, f.Object, page.Limit+1, string(f.Organization))
	}
	var all []AuditEntry
	err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var e AuditEntry
			var at int64
			err := rows.Scan(&e.ID, &at, &e.Organization, &e.Actor, &e.Action, &e.Object, &e.Detail)
			e.At = fromMicros(at)
			all = append(all, e)
			return err
		})
	})
	if err != nil {
		return connector.List[AuditEntry]{}, fmt.Errorf("read the audit log: %w", err)
	}
	return connector.Cut(all, page.Limit, func(e AuditEntry) string { return strconv.FormatInt(e.ID, 10) }), nil
}
