package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// nodesAgain is how often an open page of nodes fetches itself: what it shows is
// reckoned over all queues.
const nodesAgain = 3 * time.Second

// nodesView is what the page of nodes shows.
type nodesView struct {
	all []admin.Node
	now time.Time
	// live and gone count them, waiting is what waits on all, oldest the first of it.
	live, gone, waiting int
	oldest              time.Time
	// free are the shards that no node has.
	free []int
}

func (c *Console) nodes(v *visit) error {
	all, now, err := c.desk.Nodes(v.r.Context(), v.session.Actor)
	if err != nil {
		return err
	}
	n := nodesView{all: all, now: now}
	var held []int
	for i := range all {
		n.waiting += all[i].Waiting
		held = append(held, all[i].Shards...)
		if at := all[i].Oldest; !at.IsZero() && (n.oldest.IsZero() || at.Before(n.oldest)) {
			n.oldest = at
		}
		if all[i].Live {
			n.live++
		} else {
			n.gone++
		}
	}
	for shard := range connector.Shards {
		if !slices.Contains(held, shard) {
			n.free = append(n.free, shard)
		}
	}
	if v.r.Header.Get("HX-Request") != "" {
		return v.part(nodesNow(v, n))
	}
	return v.show(http.StatusOK, page{title: "Nodes", tab: "operate", part: "nodes"}, nodesPage(v, n))
}

// nodeEvents has an open page of nodes fetch itself again and again.
func (c *Console) nodeEvents(v *visit) error {
	return v.stream(func() (string, error) { return strconv.FormatInt(time.Now().UnixNano()/int64(nodesAgain), 10), nil })
}

// nodeState is how a node is as people read it, and its colour.
func nodeState(n *admin.Node) (word, class string) {
	switch {
	case !n.Live:
		return "Gone", "failing"
	case n.Leaving:
		return "Leaving", "throttled"
	}
	return "Live", "ok"
}

// runs writes numbers in their order, those that follow each other as from–to.
func runs(all []int) string {
	var parts []string
	for i := 0; i < len(all); {
		last := i
		for last+1 < len(all) && all[last+1] == all[last]+1 {
			last++
		}
		part := strconv.Itoa(all[i])
		if last > i {
			part += "–" + strconv.Itoa(all[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, ", ")
}

// since is how long ago something was, which two clocks may see a little in the future.
func (n *nodesView) since(t time.Time) string { return span(max(0, n.now.Sub(t))) }
