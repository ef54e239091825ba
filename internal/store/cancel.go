package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const sweepCancelled = sweepColumns + `WHERE q.lane = $1 AND m.accepted_at <= $2 ORDER BY q.id LIMIT 500`

// CancelWaiting ends what waits in a lane and was accepted until a time, in
// steps of 500, and tells of each step. What was interrupted may be called again.
func (s *Store) CancelWaiting(ctx context.Context, lane connector.LaneID, until time.Time, by string, tell func([]connector.End)) (n int, err error) {
	for {
		var ends []connector.End
		err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
			ends = nil
			return c.each(ctx, q(sweepCancelled, int64(lane), micros(until)), func(rows *sql.Rows) error {
				var end connector.End
				var unclear bool
				err := rows.Scan(&end.Seq, &end.Message, &unclear)
				ends = append(ends, cancelled(end, unclear, s.Now(), "Left out at resume by "+by+"."))
				return err
			})
		})
		if err != nil || len(ends) == 0 {
			return n, err
		}
		job := &settleJob{done: make(chan error, 1), steps: []connector.Settlement{{Lane: connector.Lane{ID: lane}, Ends: ends}}}
		if err := s.settle(ctx, job); err != nil {
			return n, s.refusal(fmt.Sprintf("cancel what waits in lane %d", lane), err)
		}
		n += len(job.changed)
		tell(job.changed)
	}
}

// cancelled is how a message ends that a person takes back.
func cancelled(end connector.End, unclear bool, now time.Time, detail string) connector.End {
	end.State, end.Reason, end.Detail, end.At = connector.StateFailed, connector.ReasonCancelled, detail, now
	if unclear { // it never ends as plain failed
		end.State, end.Detail = connector.StateUncertain, detail+maybeDetail
	}
	return end
}

// MessageFate says which message a person ends, and how.
type MessageFate struct {
	Subscription connector.SubscriptionID
	Message      connector.MessageID
	By           string // for the audit
	Who          string // the same as people read it
}

const fateOf = `
SELECT m.id, m.lane, m.state, m.unclear, m.finished_at, w.name FROM message m JOIN lane l ON l.id = m.lane JOIN webhook w ON w.id = l.webhook
WHERE m.public_id = $1`

// fate is a message that a change is about to end.
type fate struct {
	connector.End
	lane     connector.LaneID
	state    connector.State
	unclear  bool
	finished time.Time
}

// decide ends a message as a person says, in one transaction with its usage.
func (s *Store) decide(ctx context.Context, r MessageFate, action string, end func(ctx context.Context, b *settleBatch, f *fate) error) (e connector.End, err error) {
	note := auditNote{by: r.By, action: action, object: string(r.Message)}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		if _, err := c.subscription(ctx, r.Subscription); err != nil {
			return err
		}
		f := &fate{End: connector.End{Message: r.Message, At: s.Now()}}
		var finished int64
		err := c.tx.one(ctx, q(fateOf, string(r.Message)), &f.Seq, &f.lane, &f.state, &f.unclear, &finished, &c.note.detail)
		if errors.Is(err, ErrNotFound) {
			return NoMessage(r.Message)
		}
		if err != nil {
			return err
		}
		f.finished, c.note.lane = fromMicros(finished), f.lane
		b := &settleBatch{w: s.writer, tx: c.tx, now: s.Now()}
		if err := end(ctx, b, f); err != nil {
			return err
		}
		e = f.End
		return nil
	})
	return e, err
}

// CancelMessage ends a message that has not ended. An attempt that is under way
// may still deliver it, and then says so.
func (s *Store) CancelMessage(ctx context.Context, r MessageFate) (connector.End, error) {
	return s.decide(ctx, r, "message.cancel", func(ctx context.Context, b *settleBatch, f *fate) error {
		if f.state.Final() {
			return connector.Errorf(connector.Conflict, "The message has ended already: it is %s.", f.state)
		}
		f.End = cancelled(f.End, f.unclear, f.At, "Cancelled by "+r.Who+".")
		job := &settleJob{steps: []connector.Settlement{{Lane: connector.Lane{ID: f.lane}, Ends: []connector.End{f.End}}}}
		return b.write(ctx, []*settleJob{job})
	})
}

// ResolveMessage ends the doubt about an uncertain message: it was sent, or it failed.
func (s *Store) ResolveMessage(ctx context.Context, r MessageFate, as connector.State) error {
	_, err := s.decide(ctx, r, "message.resolve", func(ctx context.Context, b *settleBatch, f *fate) error {
		if f.state != connector.StateUncertain {
			return connector.Errorf(connector.Conflict, "Only an uncertain message is resolved; this one is %s.", f.state)
		}
		f.State, f.Reason, f.Detail = as, connector.ReasonResolved, r.Who+" said that it is "+as.String()+"."
		n, err := b.tx.exec(ctx, beaten{lane: f.lane, end: f.End}.from(f.state))
		if err != nil {
			return err
		}
		if n == 0 { // usage moves once
			return connector.Errorf(connector.Conflict, "The message has just changed. Look at it again.")
		}
		b.counts.add(usageOf{f.lane, dayOf(f.finished)}, ended(f.state, -1))
		b.counts.add(usageOf{f.lane, dayOf(f.At)}, ended(as, 1))
		return b.w.writeUsage(ctx, b.tx, b.counts)
	})
	return err
}
