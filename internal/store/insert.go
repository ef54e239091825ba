package store

import (
	"context"
	"fmt"
	"strings"
)

const insertMessage = `
INSERT INTO message (public_id, subscription, lane, keys, kind, size, weight, parts, test, message_key, content_mac, accepted_at, expires_at, body) VALUES `

const ignoreKnown = ` ON CONFLICT (public_id) DO NOTHING RETURNING id, public_id`

const insertQueue = `INSERT INTO queue (lane, id, expires_at) VALUES `

// rowsInto is a statement that inserts rows: what stands before and after them,
// and how many arguments each takes.
type rowsInto struct {
	before, after string
	columns       int
}

func messageRows() rowsInto { return rowsInto{insertMessage, ignoreKnown, 14} }

func queueRows() rowsInto { return rowsInto{insertQueue, "", 3} }

// insertMessages writes the messages that were taken and puts them into their queues.
func (b *acceptBatch) insertMessages(ctx context.Context) error {
	ids := make([]int64, len(b.taken)) // 0: it did not come back
	for at := 0; at < len(b.taken); {
		rows := b.w.chunk(len(b.taken) - at)
		if err := b.insertChunk(ctx, b.taken[at:at+rows], ids[at:at+rows]); err != nil {
			return err
		}
		at += rows
	}
	if err := b.tx.flush(ctx); err != nil {
		return err
	}
	waiting := make([]any, 0, queueRows().columns*len(b.taken))
	for i, job := range b.taken {
		if ids[i] == 0 {
			return errRaced // another commit, of unknown end, wrote it just now
		}
		if err := b.noteResend(ctx, job, ids[i]); err != nil {
			return err
		}
		if to := job.req.Message.Trace; to != "" {
			if err := b.tx.later(ctx, q(noteTrace, ids[i], string(to)), nil); err != nil {
				return err
			}
		}
		waiting = append(waiting, int64(job.result.Lane), ids[i], b.expiry(job))
	}
	return b.w.insertRows(ctx, b.tx, queueRows(), waiting)
}

const noteTrace = `UPDATE message SET trace = $2 WHERE id = $1`

// A resend goes on behind the parts of a split text that are in the channel already.
const noteResend = `
UPDATE message SET resend_of = (SELECT r.id FROM message r WHERE r.public_id = $2 AND r.subscription = $3),
    parts_done = COALESCE((SELECT r.parts_done FROM message r WHERE r.public_id = $2 AND r.subscription = $3 AND r.parts_done < r.parts), 0)
WHERE id = $1`

func (b *acceptBatch) noteResend(ctx context.Context, job *acceptJob, row int64) error {
	of := job.req.Message.ResendOf
	if of == "" {
		return nil
	}
	return b.tx.later(ctx, q(noteResend, row, string(of), job.req.License.SubscriptionRow), nil)
}

// insertChunk writes some messages with one statement and notes their row numbers.
func (b *acceptBatch) insertChunk(ctx context.Context, jobs []*acceptJob, ids []int64) error {
	args := make([]any, 0, messageRows().columns*len(jobs))
	for _, job := range jobs {
		r := &job.req
		args = append(args, string(r.Message.ID), r.License.SubscriptionRow, int64(job.result.Lane), orNull(r.License.KeysRow),
			int64(r.Message.Content.Kind), int64(r.Size), int64(r.Weight), int64(max(r.Parts, 1)), number(r.Message.Test), textOrNull(r.Message.Key), r.MAC[:], micros(b.now), b.expiry(job), r.Sealed)
	}
	next := 0
	return b.tx.eachLater(ctx, statement{b.w.multi(messageRows(), len(jobs)), args}, func(scan scan) error {
		var id int64
		var public string
		if err := scan(&id, &public); err != nil {
			return err
		}
		for range jobs { // they come back in order, as a rule
			i := next
			next = (next + 1) % len(jobs)
			if string(jobs[i].req.Message.ID) == public {
				ids[i] = id
				return nil
			}
		}
		return fmt.Errorf("message %s came back from an insert that it was not part of", public)
	})
}

// insertRows writes rows of so many arguments each with as few statements as there may be.
func (w *writer) insertRows(ctx context.Context, tx *session, into rowsInto, args []any) error {
	for len(args) > 0 {
		rows := w.chunk(len(args) / into.columns)
		if err := tx.later(ctx, statement{w.multi(into, rows), args[:rows*into.columns]}, nil); err != nil {
			return err
		}
		args = args[rows*into.columns:]
	}
	return nil
}

// chunk is how many of n rows go into the next statement: few different sizes,
// so that each is prepared once.
func (w *writer) chunk(n int) int {
	for _, size := range w.s.dialect.chunks {
		if n >= size {
			return size
		}
	}
	return 1
}

// multi is a statement with that many rows of values, written once.
func (w *writer) multi(into rowsInto, rows int) string {
	of := multiOf{into.before, rows}
	text, ok := w.texts[of]
	if !ok {
		text = into.before + values(rows, into.columns) + into.after
		w.texts[of] = text
	}
	return text
}

// multiOf names a statement with several rows of values.
type multiOf struct {
	before string
	rows   int
}

// values writes ($1, $2), ($3, $4) for rows of that many columns.
func values(rows, columns int) string {
	var b strings.Builder
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteString(", ")
			}
			n++
			fmt.Fprintf(&b, "$%d", n)
		}
		b.WriteByte(')')
	}
	return b.String()
}

func orNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
