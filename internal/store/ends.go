package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const endsByID = `SELECT public_id, state, reason, detail, finished_at, unclear FROM message WHERE public_id IN `

// Ends returns which of some messages have ended, and which of the others may
// have been delivered all the same.
func (s *Store) Ends(ctx context.Context, of []connector.MessageID) (ends []connector.End, unclear []connector.MessageID, err error) {
	ids := make([]any, len(of))
	for i, id := range of {
		ids[i] = string(id)
	}
	err = s.sends.read(ctx, func(ctx context.Context, c *session) error {
		ends, unclear = nil, nil
		return c.eachIn(ctx, inList{before: endsByID}, ids, func(rows *sql.Rows) error {
			var e connector.End
			var at int64
			var maybe bool
			err := rows.Scan(&e.Message, &e.State, &e.Reason, &e.Detail, &at, &maybe)
			e.At = fromMicros(at)
			switch {
			case e.State.Final():
				ends = append(ends, e)
			case maybe:
				unclear = append(unclear, e.Message)
			}
			return err
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look for the ends of %d messages: %w", len(of), err)
	}
	return ends, unclear, nil
}
