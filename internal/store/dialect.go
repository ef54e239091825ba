package store

// dialect is what differs between the databases; all else is common SQL.
type dialect struct {
	name string
	// migrations is the folder of its migrations.
	migrations string
	// begin starts a transaction that will write.
	begin string
	// text is how the database wants to read a statement.
	text func(string) string
	// classify says what an error of a statement means for the batch it was in.
	classify func(error) failure
	// rolledBack reports whether a COMMIT that answered with this error certainly did not happen.
	rolledBack func(error) bool
	// unique reports whether a row with that name was there before.
	unique func(error) bool
}

// failure says what an error of the database means for a batch.
type failure int

const (
	failedRow failure = iota + 1 // a row of this batch is at fault: its neighbours may do better alone
	busy                         // another writer was in the way: the whole batch again
	storage                      // no room or no disk now: rolled back, and the store goes on when there is room
	unsynced                     // a sync failed: what is on disk can't be known any more
)
