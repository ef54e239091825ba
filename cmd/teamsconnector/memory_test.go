package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// inUse reads how much memory the service has in use after a collection.
func inUse(t *testing.T, n *node) int {
	t.Helper()
	if _, err := get("http://" + n.admin + "/debug/pprof/heap?gc=1"); err != nil {
		t.Fatal(err)
	}
	body, err := get("http://" + n.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^go_memstats_heap_alloc_bytes (\S+)$`).FindSubmatch(body)
	if found == nil {
		t.Fatalf("no such metric in %d bytes", len(body))
	}
	bytes, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(bytes)
}

func TestWaitingCallsDoNotHoldTheirBodies(t *testing.T) {
	const callers, padding = 100, 230 << 10
	teams := newSlowTeams(t)
	in := install(t, teams.URL+"/hook", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	before := inUse(t, n)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			body := fmt.Sprintf(`{"webhookId":%q,"textMessage":%q%s}`, in.webhook, "text "+strings.Repeat("x", 9000), strings.Repeat(" ", padding))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+n.api+"/api/v1/messages", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.SetBasicAuth(in.key, in.secret)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Prefer", "wait=50")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("a caller got %d", res.StatusCode)
			}
		})
	}
	waiting := regexp.MustCompile(`(?m)^teamsconnector_\w*waiting\w* ` + strconv.Itoa(callers) + `$`)
	if !eventually(func() bool {
		body, err := get("http://" + n.admin + "/metrics")
		return err == nil && waiting.Match(body)
	}) {
		t.Error("not all callers wait")
	}

	if grown := inUse(t, n) - before; grown > callers*padding/2 {
		t.Errorf("%d callers with bodies of %d KiB hold %d MiB", callers, padding>>10, grown>>20)
	} else {
		t.Logf("%d callers hold %d MiB", callers, grown>>20)
	}
	close(teams.answer)
	n.terminate(t)
	all.Wait()
}
