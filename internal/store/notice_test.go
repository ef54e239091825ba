package store_test

import (
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestANoticeIsWrittenOncePerEvent(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		n := store.NewNotice{Event: "order 1", Kind: connector.NoticeOrderConfirmed, Organization: h.organization, Subscription: h.subscription.ID, Detail: "first"}
		for range 2 {
			if err := h.Notify(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			n.Detail = "again"
		}
		var got int
		db := h.raw()
		defer func() { _ = db.Close() }()
		const firsts = `SELECT COUNT(*) FROM notice WHERE event = 'order 1' AND detail = 'first' AND subscription IS NOT NULL AND webhook IS NULL`
		if err := db.QueryRowContext(t.Context(), firsts).Scan(&got); err != nil || got != 1 {
			t.Errorf("%d notices of one event (%v), want the first", got, err)
		}
	})
}
