package admin

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Node is one of the processes that serve a PostgreSQL database.
type Node = store.Node

// Nodes lists the processes that serve the database, for operators; none where
// there can be only one, in a data folder.
func (a *Admin) Nodes(ctx context.Context, who connector.Actor) ([]Node, error) {
	if !who.May(connector.RightOperate, "", "") {
		return nil, connector.Refused(connector.RightOperate)
	}
	return a.store.Nodes(ctx)
}
