package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Found is a thing that an id names, and whose it is.
type Found struct {
	Kind         string // organization, subscription, keys, webhook, message, person, token or plan
	ID, Name     string
	Organization Organization // its id and name; empty: the installation's, or a person's
	Subscription connector.SubscriptionID
	Instance     string
	Ended        time.Time // deleted, erased, revoked or removed; zero: it was not
}

// finders find what an id or a LicenseKey names, also when it was deleted.
var finders = [...]struct{ kind, ask string }{
	{"organization", `SELECT public_id, name, public_id, name, '', '', erased_at FROM organization WHERE public_id = $1`},
	{"subscription", `SELECT s.public_id, s.instance_name, o.public_id, o.name, s.public_id, s.instance_name, 0 ` + findSubscription + `WHERE s.public_id = $1`},
	{"keys", `SELECT k.public_id, k.name, o.public_id, o.name, s.public_id, s.instance_name, k.deleted_at ` +
		findSubscription + `JOIN keys k ON k.subscription = s.id WHERE k.public_id = $1 OR k.license_key = $1`},
	{"webhook", `SELECT w.public_id, w.name, o.public_id, o.name, s.public_id, s.instance_name, w.retired_at ` +
		findSubscription + `JOIN webhook w ON w.subscription = s.id WHERE w.public_id = $1`},
	{"message", `SELECT m.public_id, '', o.public_id, o.name, s.public_id, s.instance_name, 0 ` +
		findSubscription + `JOIN message m ON m.subscription = s.id WHERE m.public_id = $1`},
	{"person", `SELECT public_id, email, '', '', '', '', disabled_at FROM person WHERE public_id = $1`},
	{"token", `SELECT t.public_id, t.name, COALESCE(o.public_id, ''), COALESCE(o.name, ''), '', '', t.revoked_at
FROM token t LEFT JOIN organization o ON o.id = t.organization WHERE t.public_id = $1`},
	{"plan", `SELECT public_id, name, '', '', '', '', 0 FROM plan WHERE public_id = $1`},
}

const findSubscription = `FROM subscription s JOIN organization o ON o.id = s.organization `

// Find returns what an id or a LicenseKey names; none: nothing here has it.
func (s *Store) Find(ctx context.Context, id string) (all []Found, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		for _, f := range finders {
			err := c.each(ctx, q(f.ask, id), func(rows *sql.Rows) error {
				found, ended := Found{Kind: f.kind}, int64(0)
				o := &found.Organization
				err := rows.Scan(&found.ID, &found.Name, &o.ID, &o.Name, &found.Subscription, &found.Instance, &ended)
				found.Ended = fromMicros(ended)
				all = append(all, found)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find what an id names: %w", err)
	}
	return all, nil
}
