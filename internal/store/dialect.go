package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pressly/goose/v3"
)

// dialect is what differs between the databases; all else is common SQL.
type dialect struct {
	name goose.Dialect
	// migrations is the folder of its migrations.
	migrations string
	// make makes the database where it can be made, before the first connection.
	make func(ctx context.Context) error
	// open opens the database for one kind of use.
	open func(as use) (*sql.DB, error)
	// check refuses a database that would not keep what was accepted.
	check func(ctx context.Context, db *sql.DB) error
	// migrating waits until no other process migrates, and keeps others out until it is undone.
	migrating func(ctx context.Context) (done func(), err error)
	// begin starts a transaction that will write, and beginRead one that reads one state of the database.
	begin, beginRead string
	// commit ends a transaction.
	commit func(ctx context.Context, tx *session) error
	// together runs statements in one journey; nil: there is none.
	together func(ctx context.Context, tx *session, all []queued) error
	// chunks are how many rows one statement inserts, the most first.
	chunks []int
	// writeTime is how long one transaction may take before its connection counts as dead; zero: as long as it takes.
	writeTime time.Duration
	// perLane reads the heads of lanes by their index, whatever the database believes of their lengths.
	perLane perLane
	// oneByOne runs before a change gets its number, so that numbers appear in their order; empty: they do.
	oneByOne string
	// several: processes on several machines may serve it at once.
	several bool
	// now is the database's own clock; nil: it has none.
	now func(ctx context.Context, db *sql.DB) (time.Time, error)
	// text is how the database wants to read a statement.
	text func(string) string
	// value is how the database takes an argument; nil: as it is.
	value func(any) any
	// classify says what an error of a statement means for the batch it was in.
	classify func(error) failure
	// rolledBack reports whether a COMMIT that answered with this error certainly did not happen.
	rolledBack func(error) bool
	// unique reports whether a row with that name was there before.
	unique func(error) bool
}

// use is what a pool of connections is for.
type use int

const (
	forWriting use = iota + 1
	forReading
	forSending // reads what is to be sent
	forCheckpoints
)

// failure says what an error of the database means for a batch.
type failure int

const (
	failedRow failure = iota + 1 // a row of this batch is at fault: its neighbours may do better alone
	busy                         // another writer was in the way, or the connection broke: the whole batch again
	storage                      // no room, no disk or no database now: rolled back, and the store goes on when there is
	unsynced                     // a sync failed: what is on disk can't be known any more
)
