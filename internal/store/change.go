package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// change is one business fact on its way to the disk, with its audit row.
type change struct {
	tx   *session
	note auditNote
}

// auditNote is who did what to which thing.
type auditNote struct {
	organization int64 // row; 0: the installation's
	by           string
	action       string           // e.g. webhook.create
	object       string           // public id
	detail       string           // for people; no secret
	lane         connector.LaneID // whose engine must hear of it; 0: none
}

const changeMarked = `SELECT 1 FROM audit WHERE mark = $1`

const insertAudit = `
INSERT INTO audit (mark, at, organization, actor, action, object, detail, lane) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// change makes one change and its audit row in one transaction. do may run more
// than once and must set what it returns anew each time.
func (s *Store) change(ctx context.Context, note auditNote, do func(ctx context.Context, c *change) error) error {
	mark, err := newID("")
	if err != nil {
		return err
	}
	err = s.writer.change(ctx, func(ctx context.Context, tx *session, again bool) error {
		if again {
			var one int
			if err := tx.one(ctx, q(changeMarked, mark), &one); !errors.Is(err, ErrNotFound) {
				return err // nil: the commit of unknown end did happen
			}
		}
		c := &change{tx: tx, note: note}
		if err := do(ctx, c); err != nil {
			return err
		}
		if lock := s.dialect.oneByOne; lock != "" {
			if _, err := tx.exec(ctx, q(lock)); err != nil {
				return err
			}
		}
		n := c.note
		_, err := tx.exec(ctx, q(insertAudit, mark, micros(s.Now()), orNull(n.organization), n.by, n.action, n.object, n.detail, orNull(int64(n.lane))))
		return err
	})
	if err != nil {
		return s.refusal(note.action, err)
	}
	return nil
}

// newID makes a public id: they sort by the time they were made.
func newID(prefix string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return connector.PublicID(prefix, id), nil
}

// fold is a name without its case: two names that fold to the same are the same name.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

func nameTaken(pointer, what, name string) *connector.Error {
	detail := "There is already a " + what + " named " + strconv.Quote(name) + ". Choose another name."
	return &connector.Error{Code: connector.NameTaken, Message: detail, Fields: []connector.FieldError{{Pointer: pointer, Detail: detail}}}
}

// expectVersion holds a change to the version that the caller saw; 0: any.
func expectVersion(want, stands int64) error {
	if want == 0 || want == stands {
		return nil
	}
	return connector.Errorf(connector.Changed,
		"Somebody changed it since you read it. Read it again, then repeat your change with its new ETag as If-Match.")
}

// bit is a truth as SQL stores it.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
