package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/postgrestest"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// onServer makes a house on a server of its own, which the test may end.
func onServer(t *testing.T, s *postgrestest.Server) *house {
	t.Helper()
	t.Cleanup(s.Stop)
	return build(t, store.Options{Database: connector.NewSecret(s.Database(t))})
}

func TestServerThatWouldNotKeepWhatWasAcceptedIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ server, session, want string }{
		"no sync":                {"fsync=off", "", "fsync is off; set fsync = on"},
		"torn pages":             {"full_page_writes=off", "", "full_page_writes is off"},
		"answers before a sync":  {"", "synchronous_commit=off", "synchronous_commit is off"},
		"a standby may lose it":  {"", "synchronous_commit=local", "synchronous_commit is local"},
		"a standby may lose it,": {"", "synchronous_commit=remote_write", "synchronous_commit is remote_write"},
		"a standby":              {"", "default_transaction_read_only=on", "it is read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server
			if c.server != "" {
				s = postgrestest.New(c.server)
				t.Cleanup(s.Stop)
			}
			o := store.Options{Database: connector.NewSecret(s.Database(t) + "&" + c.session), Ring: newRing(t)}

			opened, err := store.Open(t.Context(), o)

			if err == nil {
				_ = opened.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, want %q", err, c.want)
			}
		})
	}
}

// TestCrashedServerLosesNothingAndIsUsedAgain ends the server three times, as
// a power failure would, while many callers write, settle and read.
func TestCrashedServerLosesNothingAndIsUsedAgain(t *testing.T) {
	s := postgrestest.New()
	h := onServer(t, s)
	webhooks := h.webhooks(8)
	var mu sync.Mutex
	answers := map[connector.Code]int{}
	accepted := map[connector.LaneID][]connector.MessageID{}
	maybe := map[connector.MessageID]bool{}
	ended := make(chan struct{})
	var callers sync.WaitGroup
	for i, w := range slices.Repeat(webhooks, 8) {
		callers.Go(func() {
			for n := 0; !closed(ended); n++ {
				r := h.requestTo(w.ID, text(i*1_000_000+n))
				a, err := h.Accept(t.Context(), r)
				mu.Lock()
				answers[codeOf(err)]++
				switch {
				case err == nil:
					accepted[a.Lane] = append(accepted[a.Lane], r.Message.ID)
				case codeOf(err) == connector.AcceptUnknown:
					maybe[r.Message.ID] = true
				case codeOf(err) == connector.NotAccepted:
					var refused *connector.Error
					if errors.As(err, &refused) && refused.RetryAfter == 0 {
						t.Errorf("%v without Retry-After", err)
					}
				default:
					t.Errorf("with the server away: %v", err)
				}
				mu.Unlock()
				if err != nil {
					<-time.After(20 * time.Millisecond) // a caller that was refused does not hammer
				}
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return answers[""]
	}
	for range 3 {
		before := count()
		h.eventually("work under load", func() bool { return count() > before+500 })
		s.Crash()
		h.eventually("not ready without a server", func() bool { return h.Ready(t.Context()) != nil })
		if _, err := h.Webhooks(t.Context(), h.subscription.ID); codeOf(err) != connector.NotAccepted {
			t.Errorf("a read without a server: %v, want %s", err, connector.NotAccepted)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		before = count()
		h.eventually("accepting again", func() bool { return count() > before && h.Ready(t.Context()) == nil })
		if took := time.Since(back); took > 3*time.Second {
			t.Errorf("accepting again %v after the server's return, want within 3 s", took)
		}
	}
	close(ended)
	callers.Wait()

	got := 0
	for _, w := range webhooks {
		inLane := map[connector.MessageID]int{}
		for _, item := range h.all(w.Lane) {
			inLane[item.ID]++
			got++
		}
		for _, id := range accepted[w.Lane] {
			if inLane[id] != 1 {
				t.Errorf("%s was accepted and is there %d times", id, inLane[id])
			}
			delete(inLane, id)
		}
		for id := range inLane {
			if !maybe[id] {
				t.Errorf("%s is there although it was refused", id)
			}
		}
	}
	if n := h.total().Accepted; n != got {
		t.Errorf("usage counts %d, the queues hold %d", n, got)
	}
	t.Logf("proof: PostgreSQL crashed 3 times under load: %d accepted, lost 0; %d refused, %d unknown", answers[""], answers[connector.NotAccepted], answers[connector.AcceptUnknown])
}

func TestOneProcessServesADatabase(t *testing.T) {
	s := postgrestest.New()
	t.Cleanup(s.Stop)
	o := store.Options{Database: connector.NewSecret(s.Database(t))}
	first, err := store.Lock(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}

	_, second := store.Lock(t.Context(), o)
	other := o
	other.Database = connector.NewSecret(s.Database(t))
	elsewhere, otherErr := store.Lock(t.Context(), other)

	if me := fmt.Sprintf(" %d ", os.Getpid()); second == nil || !strings.Contains(second.Error(), me) {
		t.Errorf("a second lock: %v, want the holder's number", second)
	}
	if otherErr != nil {
		t.Fatalf("the lock of another database: %v", otherErr)
	}
	elsewhere.Unlock()

	s.Crash()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, options: o}
	h.eventually("the lock is taken again after a crash of the server", func() bool {
		return h.count(`SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'`) == 1
	})
	if _, err := store.Lock(t.Context(), o); err == nil {
		t.Error("two processes serve after a crash of the server")
	}
	select {
	case err := <-first.Lost():
		t.Errorf("lost although it was taken again: %v", err)
	default:
	}
	first.Unlock()
	again, err := store.Lock(t.Context(), o)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	again.Unlock()
}

// eventually waits until it is so.
func (h *house) eventually(what string, so func() bool) {
	h.t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for !so() {
		select {
		case <-look.C:
		case <-late:
			h.t.Fatalf("%s: it did not come about", what)
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A transaction that stays open elsewhere, say a backup's, keeps the server from
// removing what was taken off the queues.
func TestOpenTransactionElsewhereDoesNotSlowFetches(t *testing.T) {
	h := newHouse(t, postgres)
	webhooks := h.webhooks(4)
	db := h.raw()
	defer func() { _ = db.Close() }()
	open, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Rollback() }()
	if _, err := open.ExecContext(t.Context(), `UPDATE plan SET trial = trial`); err != nil {
		t.Fatal(err)
	}
	slowest := func() time.Duration {
		var all []time.Duration
		for i := range 100 {
			started := time.Now()
			h.load(webhooks[i%len(webhooks)].Lane)
			all = append(all, time.Since(started))
		}
		slices.Sort(all)
		return all[len(all)*9/10]
	}
	before := slowest()

	crowd(32, 4000, func(i int) { h.accept(h.requestTo(webhooks[i%len(webhooks)].ID, text(i))) })
	for _, w := range webhooks {
		h.drain(w.Lane)
		h.accept(h.requestTo(w.ID, "waits"))
	}

	after := slowest()
	if after > 2*before+10*time.Millisecond {
		t.Errorf("a fetch takes %v, %v before", after, before)
	}
	t.Logf("proof: fetch beside an open transaction, p90: %v with nothing delivered, %v after 1,000 messages in each lane", before, after)
}

// With one lane that makes up nearly the whole queue the server expects as much
// of every lane, and would rather read all of it than look each head up.
func TestHeadsAreLookedUpHoweverLongAnotherLaneIs(t *testing.T) {
	h := newHouse(t, postgres)
	lanes := make([]string, 0, 8)
	for _, w := range h.webhooks(8) {
		lanes = append(lanes, fmt.Sprint(int64(w.Lane)))
	}
	db := h.raw()
	defer func() { _ = db.Close() }()
	for _, change := range []string{
		`INSERT INTO queue (lane, id, expires_at) SELECT ` + lanes[0] + `, i, 0 FROM generate_series(1000000, 1100000) i`,
		`INSERT INTO message (public_id, subscription, lane, kind, size, content_mac, accepted_at, expires_at) SELECT CAST(i AS TEXT), 1, ` + lanes[0] + `, 1, 1, '', 1, 1 FROM generate_series(1, 100000) i`,
		`ANALYZE queue`, `ANALYZE message`, `ANALYZE lane`,
	} {
		if _, err := db.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}

	rows, err := db.QueryContext(t.Context(), `EXPLAIN `+store.HeadsOnPostgres+`(`+strings.Join(lanes, ", ")+`) ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if text := strings.Join(plan, "\n"); rows.Err() != nil || strings.Contains(text, "Seq Scan on queue") || !strings.Contains(text, "queue_pkey on queue") {
		t.Errorf("the plan (%v) is\n%s", rows.Err(), text)
	}
}

// A statement is planned once, as a rule while its tables are nearly empty: then
// reading them from end to end looks cheap.
func TestHeadsAreLookedUpInTablesThatHaveGrown(t *testing.T) {
	h := newHouse(t, postgres)
	db := h.raw()
	defer func() { _ = db.Close() }()
	count := func(query string) (n int) {
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	h.exec(`ALTER TABLE message SET (autovacuum_enabled = false)`)
	h.accept(h.request("the first"))
	for range 40 { // on each of its connections it has seen enough arguments to plan for all
		h.load(h.webhook.Lane)
	}
	const n = 2000
	crowd(32, n, func(i int) { h.accept(h.request(text(i))) })

	for range 40 {
		h.load(h.webhook.Lane)
	}

	if err := h.Close(); err != nil { // the ends of its connections count what they have read
		t.Fatal(err)
	}
	for count(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()`) > 1 {
		<-time.After(10 * time.Millisecond)
	}
	if read := count(`SELECT seq_tup_read FROM pg_stat_all_tables WHERE relname = 'message'`); read >= n {
		t.Errorf("%d messages were read to fetch the first of one lane 40 times", read)
	}
}
