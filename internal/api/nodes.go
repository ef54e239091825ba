package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) nodeRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/api/v1/nodes", id: "listNodes", right: connector.RightOperate, typed: typed(a.listNodes),
		summary: "List the processes that serve this installation's database; none where the data is in a folder",
	}}
}

// node is a process that serves the database.
type node struct {
	ID        string  `json:"id"`
	Name      string  `json:"name" doc:"its machine and process"`
	Version   string  `json:"version"`
	Status    string  `json:"status" enum:"live,leaving,gone" doc:"gone: others have taken its shards, or will within seconds"`
	StartedAt string  `json:"startedAt" format:"date-time"`
	SeenAt    string  `json:"seenAt" format:"date-time" doc:"when it renewed its leases last, which it does every 0.75 s"`
	Shards    []int   `json:"shards" doc:"the parts of the installation whose messages it sends, of 64"`
	Waiting   int     `json:"waiting" doc:"messages that wait in them"`
	OldestAt  *string `json:"oldestAt" format:"date-time" doc:"when the first of those was accepted; null: none waits"`
}

func nodeItem(n admin.Node) node {
	status := "live"
	switch {
	case !n.Live:
		status = "gone"
	case n.Leaving:
		status = "leaving"
	}
	return node{
		ID: n.ID, Name: n.Name, Version: n.Version, Status: status, StartedAt: stamp(n.Started), SeenAt: stamp(n.Seen),
		Shards: append([]int{}, n.Shards...), Waiting: n.Waiting, OldestAt: optional(n.Oldest),
	}
}

func (a *API) listNodes(ctx context.Context, who connector.Actor, _ *nothing) (*listed[node], error) {
	all, _, err := a.desk.Nodes(ctx, who)
	if err != nil {
		return nil, err
	}
	return asList(connector.List[admin.Node]{Items: all}, nodeItem), nil
}
