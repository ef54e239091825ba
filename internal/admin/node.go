package admin

import (
	"context"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Node is one of the processes that serve a PostgreSQL database.
type Node = store.Node

// Nodes lists the processes that serve the database, for operators; none where
// there can be only one, in a data folder. now is the time by which they were seen.
func (a *Admin) Nodes(ctx context.Context, who connector.Actor) (all []Node, now time.Time, err error) {
	if !who.May(connector.RightOperate, "", "") {
		return nil, now, connector.Refused(connector.RightOperate)
	}
	all, err = a.store.Nodes(ctx)
	return all, a.store.Now(), err
}
