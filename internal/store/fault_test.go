package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// coded is an error with one of SQLite's codes, which only SQLite itself can make otherwise.
type coded int

func (c coded) Error() string { return "injected database error" }
func (c coded) Code() int     { return int(c) }

const errFsync coded = 1034 // SQLITE_IOERR_FSYNC

// diskFull and writeFailed are what the house's database says of such a disk.
func (h *house) diskFull() error {
	if h.onPostgres() {
		return &pgconn.PgError{Severity: "ERROR", Code: "53100"}
	}
	return coded(13) // SQLITE_FULL
}

func (h *house) writeFailed() error {
	if h.onPostgres() {
		return &pgconn.PgError{Severity: "ERROR", Code: "58030"}
	}
	return coded(778) // SQLITE_IOERR_WRITE
}

func TestCommitOfUnknownEndIsWrittenOnce(t *testing.T) {
	for name, really := range map[string]bool{"it happened": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			promise(t, func(t *testing.T, h *house) {
				quota := 10
				h.setSubscription(store.SubscriptionChange{MessageQuota: &quota})
				h.faults.FailCommit(1, really, nil)
				h.faults.FailCommit(2, !really, nil)
				first, keyed := h.request("hello"), h.keyed("a key", "hello with a key")

				a, err := h.Accept(t.Context(), first)
				h.faults.FailCommit(1, really, nil)
				b, keyedErr := h.Accept(t.Context(), keyed)

				if err != nil || a.Repeat || a.Message.ID != first.Message.ID || a.Lane != h.webhook.Lane {
					t.Fatalf("Accept: %+v, %v", a, err)
				}
				if keyedErr != nil || b.Repeat || b.Message.ID != keyed.Message.ID {
					t.Fatalf("Accept with a key: %+v, %v", b, keyedErr)
				}
				if got, want := h.drain(h.webhook.Lane), []connector.MessageID{first.Message.ID, keyed.Message.ID}; !slices.Equal(got, want) {
					t.Errorf("the lane holds %v, want %v", got, want)
				}
				if got := h.total(); got.Accepted != 2 || got.Sent != 2 {
					t.Errorf("usage %+v, want 2 accepted and sent", got)
				}
				for range quota - 2 {
					h.accept(h.request("fills the quota"))
				}
				if _, err := h.Accept(t.Context(), h.request("one too many")); codeOf(err) != connector.MessageQuotaExhausted {
					t.Errorf("after %d messages: %v", quota, err)
				}
			})
		})
	}
}

func TestUnknownEndIsSaidWhenItStaysUnknown(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		for n := range 200 {
			h.faults.FailCommit(n+1, false, nil)
		}
		started := time.Now()

		a, err := h.Accept(t.Context(), h.request("hello"))

		var refused *connector.Error
		if !errors.As(err, &refused) || refused.Code != connector.AcceptUnknown || refused.RetryAfter != time.Second {
			t.Errorf("Accept: %v, want %s", err, connector.AcceptUnknown)
		}
		if took := time.Since(started); took < 4*time.Second || took > 8*time.Second {
			t.Errorf("gave up after %v, want about 5 s", took)
		}
		if a.Lane != h.webhook.Lane {
			t.Errorf("lane %d is not named: the message may wait in it", h.webhook.Lane)
		}
	})
}

func TestBadRowRefusesNoNeighbour(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		if h.onPostgres() { // it has no foreign key there
			h.exec(`ALTER TABLE message ADD CONSTRAINT known_keys CHECK (keys < 999999)`)
		}
		bad := h.request("under keys that do not exist")
		bad.License.KeysRow = 999_999
		var badErr error

		crowd(32, 64, func(i int) {
			if i == 20 {
				_, badErr = h.Accept(t.Context(), bad)
				return
			}
			if _, err := h.Accept(t.Context(), h.request(text(i))); err != nil {
				t.Errorf("neighbour %d: %v", i, err)
			}
		})

		if badErr == nil || codeOf(badErr) != "" {
			t.Errorf("the bad row: %v, want an error that is ours", badErr)
		}
		if got := h.load(h.webhook.Lane).Waiting; got != 63 {
			t.Errorf("%d wait, want 63", got)
		}
		if got := h.total().Accepted; got != 63 {
			t.Errorf("usage counts %d, want 63", got)
		}
	})
}

func TestFailedStatementLeavesNothingBehind(t *testing.T) {
	for _, part := range []string{"INSERT INTO message", "INSERT INTO queue", "INSERT INTO usage", "INSERT INTO quota"} {
		t.Run(part, func(t *testing.T) {
			promise(t, func(t *testing.T, h *house) {
				h.faults.FailStatement(1, part, nil)
				r := h.request("hello")

				_, err := h.Accept(t.Context(), r)

				if err == nil {
					t.Fatal("accepted although a statement failed")
				}
				if _, err := h.Message(t.Context(), h.license.SubscriptionRow, r.Message.ID); codeOf(err) != connector.MessageNotFound {
					t.Errorf("Message: %v, want %s", err, connector.MessageNotFound)
				}
				if got := h.total().Accepted; got != 0 {
					t.Errorf("usage counts %d, want 0", got)
				}
				h.accept(r)
			})
		})
	}
}

func TestFullDiskRefusesAndRecovers(t *testing.T) {
	for name, trouble := range map[string]func(*house) error{"full": (*house).diskFull, "write failed": (*house).writeFailed} {
		t.Run(name, func(t *testing.T) {
			promise(t, func(t *testing.T, h *house) {
				h.faults.FailCommit(1, false, trouble(h))
				r := h.request("hello")

				_, err := h.Accept(t.Context(), r)

				if codeOf(err) != connector.NotAccepted {
					t.Errorf("Accept: %v, want %s", err, connector.NotAccepted)
				}
				if h.Err() != nil {
					t.Errorf("Err: %v, want none: it goes on by itself", h.Err())
				}
				h.faults.FailStatement(1, "UPDATE installation", trouble(h))
				if err := h.Ready(t.Context()); err == nil {
					t.Error("ready although the last write and the probe failed")
				}
				h.accept(r)
			})
		})
	}
}

func TestReadyAgainWithoutATrafficThatWouldProveIt(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.faults.FailCommit(1, false, h.diskFull())
		if _, err := h.Accept(t.Context(), h.request("hello")); err == nil {
			t.Fatal("accepted on a full disk")
		}

		if err := h.Ready(t.Context()); err != nil {
			t.Errorf("Ready: %v, although there is room again", err)
		}
	})
}

// With PostgreSQL it is the server that ends itself, and comes back with what was committed.
func TestFirstSyncErrorEndsAllWriting(t *testing.T) {
	h := newHouse(t, sqlite)
	h.faults.FailCommit(1, true, errFsync)

	_, first := h.Accept(t.Context(), h.request("hello"))
	<-h.Done()
	_, second := h.Accept(t.Context(), h.request("hello"))
	settle := h.Settle(t.Context(), []connector.Settlement{{Lane: connector.Lane{ID: h.webhook.Lane}}})
	_, people := h.CreateOrganization(t.Context(), "Fabrikam", "test")

	if codeOf(first) != connector.AcceptUnknown {
		t.Errorf("the accept under way: %v, want %s", first, connector.AcceptUnknown)
	}
	for name, err := range map[string]error{"accept": second, "settle": settle, "people's change": people} {
		if codeOf(err) != connector.NotAccepted {
			t.Errorf("%s after it: %v, want %s", name, err, connector.NotAccepted)
		}
	}
	if h.Err() == nil || h.Ready(t.Context()) == nil {
		t.Errorf("Err %v, ready %v", h.Err(), h.Ready(t.Context()))
	}
}

func TestSettleOfUnknownEndCountsOnce(t *testing.T) {
	for name, really := range map[string]bool{"it happened": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			promise(t, func(t *testing.T, h *house) {
				h.accept(h.request("hello"))
				l := h.load(h.webhook.Lane)
				h.faults.FailCommit(1, really, nil)

				h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))

				if got := h.total(); got.Sent != 1 {
					t.Errorf("usage %+v, want 1 sent", got)
				}
				attempts, err := h.Attempts(t.Context(), h.license.SubscriptionRow, l.Head[0].ID)
				if err != nil || len(attempts) != 1 {
					t.Errorf("%d attempts, %v; want 1", len(attempts), err)
				}
			})
		})
	}
}

func TestPeoplesChangeOfUnknownEndHappensOnce(t *testing.T) {
	for name, really := range map[string]bool{"it happened": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			promise(t, func(t *testing.T, h *house) {
				h.faults.FailCommit(1, really, nil)

				w := h.newWebhook("second")

				all, err := h.Webhooks(t.Context(), h.subscription.ID)
				if err != nil || len(all) != 2 || all[1].ID != w.ID || all[1].Lane != w.Lane {
					t.Errorf("webhooks %+v, %v; want the two made, %+v the second", all, err, w)
				}
			})
		})
	}
}

func TestBadStepFailsNoNeighbour(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		webhooks := h.webhooks(2)
		for _, w := range webhooks {
			h.accept(h.requestTo(w.ID, "hello"))
		}
		good, bad := h.load(webhooks[0].Lane), h.load(webhooks[1].Lane)
		step := h.attempted(bad, connector.VerdictSent, h.endOf(bad.Head[0], connector.StateSent))
		step.Ends[0].Seq, step.Ends[0].State = bad.Head[0].Seq, connector.StateSent
		h.faults.FailStatement(1, "UPDATE message SET state", nil) // of the batch
		h.faults.FailStatement(3, "UPDATE message SET state", nil) // of the second, alone

		err := h.Settle(t.Context(), []connector.Settlement{
			h.attempted(good, connector.VerdictSent, h.endOf(good.Head[0], connector.StateSent)), step,
		})

		if err == nil {
			t.Error("settled although one step failed")
		}
		if got := h.message(good.Head[0].ID).State; got != connector.StateSent {
			t.Errorf("the good step's message is %v, want sent", got)
		}
		if got := h.message(bad.Head[0].ID).State; got != connector.StateAccepted {
			t.Errorf("the bad step's message is %v, want accepted", got)
		}
	})
}
