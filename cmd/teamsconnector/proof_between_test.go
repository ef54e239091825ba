package main_test

import (
	"database/sql"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// token makes a token of somebody.
func (in *installation) token(of ...string) string {
	in.t.Helper()
	args := slices.Concat([]string{"token", "create", "--name", "test"}, of, in.where)
	out, err := exec.CommandContext(in.t.Context(), in.bin, args...).Output()
	if err != nil {
		in.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// manage calls the management API of a node.
func (in *installation) manage(token, method, path string) (int, string) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), method, in.url+path, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestWhatPeopleDoOnOneNodeIsHeardOnTheOther(t *testing.T) {
	o := fast()
	o.Latency = simulator.Latency{Fixed: 4 * time.Second}
	in := installOnPostgres(t, o, 2)
	nodes := [2]*installation{in, in.another()}
	admin, operator := in.token("--organization", "Contoso", "--role", "admin"), in.token("--operator")
	for _, n := range nodes {
		n.start()
	}
	in.until("both nodes have their share", func() bool { held, nodes := in.shards(); return held == 64 && nodes == 2 })

	for i, h := range in.hooks { // one of the two callers waits on the node that sends
		here, there := nodes[i], nodes[1-i]
		if _, err := here.send(http.DefaultClient, h.id, "under way", "", "respond-async"); err != nil {
			t.Fatal(err)
		}
		answered := make(chan answer, 1)
		go func() {
			a, _ := here.send(http.DefaultClient, h.id, "behind it", "", "wait=30")
			answered <- a
		}()
		var behind string
		in.until("the caller waits", func() bool {
			in.query(`SELECT MAX(public_id) FROM message WHERE state = 1`, func(rows *sql.Rows) error { return rows.Scan(&behind) })
			return in.rows(`SELECT COUNT(*) FROM queue`) == 2
		})
		began := time.Now()
		code, body := there.manage(admin, http.MethodPost, "/api/v1/messages/"+behind+"/cancel")

		if a, took := <-answered, time.Since(began); code >= 300 || a.Status != "failed" || took > 2*time.Second {
			t.Errorf("cancelled on the other node (%d %s): the caller heard %q after %v, want failed within a second", code, body, a.Status, took)
		}
		code, body = there.manage(admin, http.MethodPost, "/api/v1/webhooks/"+h.id+"/pause")
		<-time.After(time.Second)
		if a, err := here.send(http.DefaultClient, h.id, "after the pause", "", "wait=30"); err != nil || a.Status != "held" || code >= 300 {
			t.Errorf("paused on the other node (%d %s): the next message is %+v (%v), want held", code, body, a, err)
		}
		in.until("nothing is under way", func() bool { return in.rows(`SELECT COUNT(*) FROM queue`) == i+1 })
	}
	code, body := in.manage(operator, http.MethodGet, "/api/v1/nodes")
	if code != http.StatusOK || strings.Count(body, `"status":"live"`) != 2 || !strings.Contains(body, `"waiting":2`) {
		t.Errorf("nodes: %d %s; want two that live, and what waits", code, body)
	}
}
