package main_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// another is one more node on the same database, not started yet.
func (in *installation) another() *installation {
	in.t.Helper()
	n := *in
	n.url, n.admin, n.cmd, n.log = "http://"+freeAddress(in.t), "http://"+freeAddress(in.t), nil, &lockedBuffer{}
	in.t.Cleanup(func() {
		n.kill()
		if in.t.Failed() {
			in.t.Logf("log of another node, its end:\n%s", tail(n.log.String(), 4000))
		}
	})
	return &n
}

// shardsOf counts the shards that nodes hold, by node.
func (in *installation) shards() (held, nodes int) {
	in.t.Helper()
	return in.rows(`SELECT COUNT(*) FROM shard WHERE owner <> ''`), in.rows(`SELECT COUNT(DISTINCT owner) FROM shard WHERE owner <> ''`)
}

func fast() simulator.Options {
	return simulator.Options{KeepAll: true, Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}, Sequence: simulator.ByNumber}
}

func TestEveryNodeAcceptsAndOneSends(t *testing.T) {
	in := installOnPostgres(t, fast(), 2)
	in.start()
	other := in.another()
	other.start()
	in.until("both nodes have their share", func() bool { held, nodes := in.shards(); return held == 64 && nodes == 2 })
	var texts []string
	slowest := time.Duration(0)

	for i := range 40 {
		at := in
		if i%2 == 1 {
			at = other
		}
		text := fmt.Sprintf("hook %d message %d", i/2%2, i)
		texts = append(texts, text)
		began := time.Now()
		a, err := at.send(http.DefaultClient, in.hooks[i/2%2].id, text, "", "wait=10")
		if err != nil || a.Status != "sent" {
			t.Fatalf("message %d: %+v %v, want sent", i, a, err)
		}
		slowest = max(slowest, time.Since(began))
	}

	checkKills(t, in.sim.Oracle(), texts, 0)
	if slowest > time.Second {
		t.Errorf("the slowest caller waited %v, want less than a second on whatever node", slowest)
	}
	t.Logf("proof: two nodes: 40 messages over both, each delivered once and in order; the slowest answer took %v", slowest.Round(time.Millisecond))
}
