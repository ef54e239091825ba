package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// join makes a store one of the nodes of its database.
func join(t *testing.T, s *store.Store, name string) *store.Leases {
	t.Helper()
	l, err := s.Join(name, "v1")
	if err == nil {
		_, err = l.Renew(t.Context(), false)
	}
	if err == nil {
		err = l.Begin(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// take takes all shards that are free.
func take(t *testing.T, l *store.Leases) []connector.Lease {
	t.Helper()
	all, err := l.Take(t.Context(), connector.Shards)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOfALostLeaseOnlyWhatWasHandedToTeamsCounts(t *testing.T) {
	h := newHouse(t, postgres)
	a, b := join(t, h.Store, "a"), join(t, h.second(), "b")
	mine := take(t, a)
	if len(mine) != connector.Shards || len(take(t, b)) != 0 {
		t.Fatalf("the first took %d shards, want all of them", len(mine))
	}
	for _, text := range []string{"one", "two"} {
		h.accept(h.request(text))
	}
	lane := h.load(h.webhook.Lane)
	shard, err := a.Look(t.Context(), h.webhook.Lane)
	if err != nil {
		t.Fatal(err)
	}
	lease := mine[slices.IndexFunc(mine, func(l connector.Lease) bool { return l.Shard == shard })]

	h.exec(`UPDATE shard SET lease_until = 1`) // as time would
	taken := take(t, b)
	late := h.attempted(lane, connector.VerdictSent, h.endOf(lane.Head[0], connector.StateSent), h.endOf(lane.Head[1], connector.StateFailed))
	late.Lease = lease
	failed := h.Settle(t.Context(), []connector.Settlement{late})

	if !errors.Is(failed, connector.ErrLeaseLost) || len(taken) != connector.Shards {
		t.Errorf("Settle: %v; want that the lease is lost, of %d taken", failed, len(taken))
	}
	if first, second := h.message(lane.Head[0].ID).State, h.message(lane.Head[1].ID).State; first != connector.StateSent || second.Final() {
		t.Errorf("the one handed to Teams is %v, the other %v; want sent, and waiting", first, second)
	}
	still, err := a.Renew(t.Context(), false)
	if err != nil || len(still.Leases) != 0 || a.Valid(lease) || still.Nodes != 2 {
		t.Errorf("the first holds %d shards of %d nodes (%v), want none of 2", len(still.Leases), still.Nodes, err)
	}
}

func TestAnotherNodeHearsWhatIsAcceptedForIt(t *testing.T) {
	h := newHouse(t, postgres)
	a := join(t, h.Store, "a")
	other := h.second()
	b := join(t, other, "b")
	if len(take(t, b)) != connector.Shards {
		t.Fatal("the second took less than all shards")
	}

	got := h.accept(h.request("for the other"))
	heard, err := b.Heard(t.Context())
	again, errAgain := b.Heard(t.Context())
	nodes, errNodes := h.Nodes(t.Context())

	if err := errors.Join(err, errAgain, errNodes); err != nil {
		t.Fatal(err)
	}
	if !got.Told || len(heard) != 1 || heard[0].Lane != got.Lane || heard[0].N != 1 || len(again) != 0 {
		t.Errorf("told %v, heard %+v, then %+v; want one message of lane %d, once", got.Told, heard, again, got.Lane)
	}
	if len(nodes) != 2 || !nodes[1].Live || len(nodes[1].Shards) != connector.Shards || nodes[1].Waiting != 1 || nodes[1].Oldest.IsZero() || nodes[0].Waiting != 0 {
		t.Errorf("nodes %+v; want two that live, the second with all shards and the message", nodes)
	}
	for _, lease := range b.Held() {
		if err := b.Release(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
	}
	if len(take(t, a)) != connector.Shards {
		t.Error("what was handed over could not be taken at once")
	}
}

// The server's clock is five minutes ahead of this machine's.
func TestTheDatabasesClockIsThatOfAllNodes(t *testing.T) {
	o := postgres(t)
	h := build(t, o)
	h.exec(`CREATE SCHEMA skew`)
	h.exec(`CREATE FUNCTION skew.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() + INTERVAL '5 minutes' $$`)
	o.Ring, o.Database = h.ring, connector.NewSecret(o.Database.Reveal()+"&search_path=public,skew,pg_catalog")
	skewed, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = skewed.Close() })
	l := join(t, skewed, "skewed")

	got, err := skewed.Accept(t.Context(), h.request("by the server's clock"))
	mine := take(t, l)

	if err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(got.Message.AcceptedAt); ahead < 4*time.Minute || ahead > 6*time.Minute {
		t.Errorf("accepted %v ahead of this machine's clock, want five minutes", ahead)
	}
	if len(mine) != connector.Shards || !l.Valid(mine[0]) {
		t.Errorf("%d shards taken, the first valid: %v; want all, and valid", len(mine), len(mine) > 0 && l.Valid(mine[0]))
	}
}
