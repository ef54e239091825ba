package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/postgrestest"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestADataFolderHasOneNodeAndThePageSaysSo(t *testing.T) {
	b, _ := furnished(t)

	got := b.operator().get("/nodes").body

	if !strings.Contains(got, "exactly one process serves") || strings.Contains(got, "<table") {
		t.Error("the page lists nodes, or does not say that there is one")
	}
}

// onPostgreSQL is a console over a database that several nodes could serve.
func onPostgreSQL(t *testing.T) *place {
	t.Helper()
	server := postgrestest.New()
	t.Cleanup(server.Stop)
	return openOn(t, store.Options{Database: connector.NewSecret(server.Database(t))}, admin.Options{},
		func(*auth.Auth) console.Options { return console.Options{} })
}

func TestTheNodesPageSaysWhoSendsWhatAndWhatNobodySends(t *testing.T) {
	p := onPostgreSQL(t)
	p.browser().post("/setup/"+p.setup, founder())
	ops := p.browser().operator()
	l, err := p.store.Join("alpha", "v1.2.3")
	must(t, err)
	_, err = l.Renew(t.Context(), false)
	must(t, err)
	must(t, l.Begin(t.Context()))
	_, err = l.Take(t.Context(), 60)
	must(t, err)

	got := ops.get("/nodes")
	part := ops.do(http.MethodGet, "/nodes", nil, "HX-Request", "true").body

	for _, want := range []string{"alpha", "v1.2.3", "Live", "60 of 64", "0–59", "4 shards: 60–63", " seconds ago", `data-live="/nodes/events"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !strings.Contains(part, "0–59") || strings.Contains(part, "<html") {
		t.Error("an open page does not fetch the nodes alone")
	}
	_, err = l.Renew(t.Context(), true)
	must(t, err)
	if got := ops.get("/nodes").body; !strings.Contains(got, ">Leaving<") {
		t.Error("a node that leaves is not said to")
	}
}
