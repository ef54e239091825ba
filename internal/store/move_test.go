package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestEverythingMovesToPostgreSQL(t *testing.T) {
	h := newHouse(t, sqlite)
	var waiting []connector.MessageID
	for range 300 {
		waiting = append(waiting, h.accept(h.request("hello\x00 wörld")).Message.ID)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	to := postgres(t)
	to.Ring = h.ring
	from := store.Options{Dir: h.options.Dir, Ring: h.ring}

	done, err := store.Move(t.Context(), from, to)

	if err != nil || done.Messages != 300 || done.Waiting != 300 {
		t.Fatalf("moved %+v (%v), want 300 messages", done, err)
	}
	s, err := store.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	lanes, err := s.Waiting(t.Context())
	if err != nil || !slices.Equal(lanes, []connector.LaneID{h.webhook.Lane}) {
		t.Fatalf("lanes that wait: %v (%v)", lanes, err)
	}
	loaded, err := s.Fetch(t.Context(), []connector.FetchRequest{{Lane: lanes[0], Count: true}})
	if err != nil || loaded[0].Waiting != 300 || loaded[0].Head[0].ID != waiting[0] || loaded[0].Head[0].Broken != "" {
		t.Errorf("the lane there: %+v (%v), want the first message at its head", loaded, err)
	}
	if _, err := s.CreateKeys(t.Context(), store.NewKeys{Subscription: h.subscription.ID, Name: "new", LicenseKey: "tck_new", SecretHash: keyring.Hash("x"), By: "test"}); err != nil {
		t.Errorf("a new row there: %v", err)
	}
	if _, err := store.Open(t.Context(), from); !errors.Is(err, store.ErrMoved) {
		t.Errorf("the source is opened again: %v, want that it was moved", err)
	}
}

func TestNothingMovesIntoADatabaseThatIsInUse(t *testing.T) {
	h, other := newHouse(t, sqlite), newHouse(t, postgres)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	to := other.options
	to.Ring = other.ring

	_, foreign := store.Move(t.Context(), store.Options{Dir: h.options.Dir, Ring: h.ring}, store.Options{Database: to.Database, Ring: h.ring})
	_, full := store.Move(t.Context(), store.Options{Dir: h.options.Dir, Ring: h.ring}, to)

	if foreign == nil || full == nil {
		t.Errorf("with another master key: %v, into a full database: %v; want both refused", foreign, full)
	}
	reopen(t, h.options.Dir, h.ring)
}

// A table that a migration adds and nobody moves would be lost.
func TestTheMoveKnowsEveryTable(t *testing.T) {
	h := newHouse(t, sqlite)
	db := h.raw()
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'goose_db_version' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}

	moved := store.MovedTables()
	slices.Sort(moved)

	if !slices.Equal(moved, tables) {
		t.Errorf("moved are %v, there are %v", moved, tables)
	}
}
