package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestOneTenantWithThousandsWaitingDelaysAnotherByOneBatch(t *testing.T) {
	const thousands, batch = 10_000, 512
	h := newHouse(t, sqlite)
	rows, err := h.Setup(t.Context(), store.NewSetup{Name: "Fabrikam", LicenseKey: "tck_other", SecretHash: keyring.Hash("tcs_other"), By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	first, mine := h.license, h.webhook
	h.license, h.subscription = h.licenseOf("tck_other"), rows.Subscription
	theirs := h.requestTo(h.newWebhook("theirs").ID, "one message of the quiet tenant")
	h.license = first
	requests := make([]store.AcceptRequest, thousands)
	for i := range requests {
		requests[i] = h.requestTo(mine.ID, "one of thousands")
	}
	var written atomic.Int64
	var callers sync.WaitGroup
	many := make(chan struct{})
	for i, r := range requests {
		callers.Go(func() {
			if _, err := h.Accept(context.Background(), r); err != nil {
				t.Errorf("accept %d: %v", i, err)
			}
			if written.Add(1) == 2*batch {
				close(many)
			}
		})
	}
	<-many

	before := written.Load()
	h.accept(theirs)
	after := written.Load()

	// The batch that is being written when it comes, its own, and what is counted late.
	if passed := after - before; passed > 3*batch || after > thousands-batch {
		t.Errorf("%d messages of another tenant went before it, %d of %d in all", passed, after, thousands)
	}
	callers.Wait()
}
