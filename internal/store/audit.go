package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
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
	Organization connector.OrganizationID
	// Actor is a part of who it was, whatever the case of its letters.
	Actor string
	// Action is one, e.g. webhook.create, or all of a kind: webhook.
	Action, Object string
	From, To       time.Time // From is included
}

const auditRow = `
SELECT a.id, a.at, COALESCE(o.public_id, ''), a.actor, a.action, a.object, a.detail
FROM audit a LEFT JOIN organization o ON o.id = a.organization
WHERE a.id < $1 AND ($2 = '' OR a.action = $2 OR SUBSTR(a.action, 1, LENGTH($2) + 1) = $2 || '.') AND ($3 = '' OR a.object = $3)
  AND LOWER(a.actor) LIKE $4 ESCAPE '\' AND a.at >= $5 AND a.at < $6 `

const (
	auditBefore = auditRow + `ORDER BY a.id DESC LIMIT $7`
	auditOf     = auditRow + `AND a.organization = (SELECT x.id FROM organization x WHERE x.public_id = $8) ORDER BY a.id DESC LIMIT $7`
)

// values are what auditRow asks for.
func (f *AuditFilter) values(before int64, most int) []any {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !f.From.IsZero() {
		from = micros(f.From)
	}
	if !f.To.IsZero() {
		to = micros(f.To)
	}
	lower := strings.Map(func(r rune) rune { // as both databases do: of ASCII alone
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, f.Actor)
	actor := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(lower) + "%"
	return []any{before, f.Action, f.Object, actor, from, to, most}
}

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
	values := f.values(before, page.Limit+1)
	by := q(auditBefore, values...)
	if f.Organization != "" {
		by = q(auditOf, append(values, string(f.Organization))...)
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
