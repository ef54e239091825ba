// Package store keeps everything durable, and is the only place with SQL:
// messages and what came of them, lanes, webhooks, subscriptions, keys, usage.
//
// One writer takes what waits and commits it in batches, one fsync each; callers
// get their answer after the COMMIT (writer.go, commit.go). Reads go through a
// pool of their own. The statements are common SQL with $1 arguments; what
// differs between databases stands in dialect.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

// ErrNotFound says that there is no such row. Where the caller may hear of it,
// methods return a *connector.Error instead.
var ErrNotFound = errors.New("not found")

// Options says where the store lives and what it works with.
type Options struct {
	// Dir is the data folder with an SQLite database; it is made when it does not exist. Required unless Database is set.
	Dir string
	// Database is the URL of a PostgreSQL database, postgres://...; empty: SQLite in Dir. It may hold a password.
	Database connector.Secret
	// Ring seals and opens URLs, bodies and the installation key. Required.
	Ring *keyring.Ring
	// Logger gets the few events that an operator acts on; nil: none.
	Logger *slog.Logger
	// Registerer gets the store's metrics; nil: none.
	Registerer prometheus.Registerer
	// Faults makes commits and statements fail, for tests; nil: none.
	Faults *Faults
	// BodyLife is how long a message's text is kept after its end; zero: 7 days.
	BodyLife time.Duration
	// RowLife is how long a message's row is kept after its end; zero: 90 days.
	RowLife time.Duration
}

// Store is the database. Its methods may be called from any goroutine.
type Store struct {
	dir     string // the data folder; empty: the database is a server's
	ring    *keyring.Ring
	log     *slog.Logger
	dialect dialect
	clock   *clock
	macKey  []byte
	writer  *writer
	reads   *reads
	sends   *reads  // what the engine sends: never behind what people look at
	side    *sql.DB // checkpoints
	metrics *metrics
	probe   probe
	leases  atomic.Pointer[Leases] // nil: this process sends for nobody but itself, or not at all

	bodyLife, rowLife time.Duration

	closing  sync.Once
	closeErr error

	poisoned  chan struct{} // closed by poison
	poisonMu  sync.Mutex
	poisonErr error
}

// Open opens the database in a folder, makes or migrates it, and starts the
// writer, which Close ends. Other processes may have the same database open.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Dir == "" && o.Database.Empty() || o.Ring == nil {
		return nil, errors.New("open the store: a data folder or a database, and a key ring are needed")
	}
	s := &Store{
		ring: o.Ring, log: o.Logger, clock: newClock(), metrics: newMetrics(),
		bodyLife: orLife(o.BodyLife, 7*24*time.Hour), rowLife: orLife(o.RowLife, 90*24*time.Hour),
		poisoned: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.choose(o); err != nil {
		return nil, err
	}
	if err := s.open(ctx, o.Faults); err != nil {
		return nil, damaged(err)
	}
	if o.Registerer != nil {
		if err := s.metrics.register(o.Registerer, s); err != nil {
			_ = s.Close() // the other error says what went wrong
			return nil, err
		}
	}
	return s, nil
}

func orLife(given, otherwise time.Duration) time.Duration {
	if given > 0 {
		return given
	}
	return otherwise
}

// choose takes the database that the options name.
func (s *Store) choose(o Options) error {
	if o.Database.Empty() {
		s.dir, s.dialect = o.Dir, sqliteDialect(o.Dir)
		return nil
	}
	server, err := parseServer(o.Database)
	s.dialect = server.dialect()
	return err
}

func (s *Store) open(ctx context.Context, faults *Faults) (err error) {
	if err := s.dialect.make(ctx); err != nil {
		return err
	}
	var pools [forCheckpoints + 1]*sql.DB
	for _, as := range [...]use{forWriting, forReading, forSending, forCheckpoints} {
		if pools[as], err = s.dialect.open(as); err != nil {
			return fmt.Errorf("open the database: %w", err)
		}
	}
	pools[forWriting].SetMaxOpenConns(1)
	pools[forCheckpoints].SetMaxOpenConns(1)
	s.side = pools[forCheckpoints]
	if err := s.prepare(ctx, pools[forWriting]); err != nil {
		return errors.Join(err, pools[forWriting].Close(), pools[forReading].Close(), pools[forSending].Close(), s.side.Close())
	}
	s.reads = newReads(pools[forReading], &s.dialect, faults)
	s.sends = newReads(pools[forSending], &s.dialect, faults)
	s.writer = newWriter(s, pools[forWriting], faults)
	go s.writer.run(context.WithoutCancel(ctx))
	return nil
}

// prepare makes the database fit to be used.
func (s *Store) prepare(ctx context.Context, db *sql.DB) error {
	if err := s.dialect.check(ctx, db); err != nil {
		return err
	}
	if s.dialect.now != nil {
		asked := time.Now()
		said, err := s.dialect.now(ctx, db)
		if err != nil {
			return fmt.Errorf("ask the database for the time: %w", err)
		}
		s.clock.set(said, time.Since(asked))
	}
	if err := s.migrate(ctx, db); err != nil {
		return err
	}
	return s.loadInstallation(ctx, db)
}

// Run keeps the store in order until ctx ends: it moves the write-ahead log into
// the database where there is one, and removes what was kept long enough. One process runs it.
func (s *Store) Run(ctx context.Context) error {
	var both sync.WaitGroup
	if s.dir != "" {
		both.Go(func() { s.checkpoints(ctx) })
	}
	both.Go(func() { s.retain(ctx) })
	both.Wait()
	return nil
}

// Close refuses new writes, finishes those that wait, and closes the database. It may be called again.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.metrics.unregister()
		s.writer.close()
		s.closeErr = errors.Join(s.reads.close(), s.sends.close(), s.side.Close(), s.writer.db.Close())
	})
	return s.closeErr
}

// Now returns store time: every stored time is one.
func (s *Store) Now() time.Time { return s.clock.now() }

// Ring returns what seals and opens secrets here.
func (s *Store) Ring() *keyring.Ring { return s.ring }

// MACKey returns the installation's key for keyring.ContentMAC.
func (s *Store) MACKey() []byte { return append([]byte(nil), s.macKey...) }

// Done is closed at the first sync that failed: what is on disk can't be known
// any more, every write is refused, and the process must be started again.
func (s *Store) Done() <-chan struct{} { return s.poisoned }

// Err says why Done is closed; nil: it is not.
func (s *Store) Err() error {
	s.poisonMu.Lock()
	defer s.poisonMu.Unlock()
	return s.poisonErr
}

// poison refuses every write from now on: after a sync that failed, a second one
// may say that all is well and lie.
func (s *Store) poison(err error) {
	s.poisonMu.Lock()
	defer s.poisonMu.Unlock()
	if s.poisonErr != nil {
		return
	}
	s.poisonErr = fmt.Errorf("a write to the disk failed: %w", err)
	close(s.poisoned)
	s.log.Error("disk write failed, refusing all writes", "error", err)
}
