package admin

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Notify tells people of an event, once: on the console and by mail. Where the event
// is a change of the store, its notice is better written in the same transaction.
func (a *Admin) Notify(ctx context.Context, n store.NewNotice) error { return a.store.Notify(ctx, n) }
