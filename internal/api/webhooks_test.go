package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
)

func TestLicenseListsTheWebhooksOfItsOwnSubscriptionOnly(t *testing.T) {
	h := newHouse(t, api.Options{})
	key, secret, _ := h.setup("Neighbour")
	h.post(h.body(), "Prefer", "respond-async")

	mine := h.call(http.MethodGet, "/api/v1/webhooks", "")
	theirs := h.call(http.MethodGet, "/api/v1/webhooks", "", "Authorization", basic(key, secret))
	nobody := h.call(http.MethodGet, "/api/v1/webhooks", "", "Authorization", "-")

	var list struct {
		Items []struct{ ID, Name, Host, Profile, Status string }
		Next  *string
	}
	if err := json.Unmarshal([]byte(mine.raw), &list); err != nil || mine.code != http.StatusOK {
		t.Fatalf("answer %d %s, %v", mine.code, mine.raw, err)
	}
	if len(list.Items) != 1 || list.Items[0].ID != string(h.webhook.ID) || list.Items[0].Name != "Ops" || list.Next != nil {
		t.Errorf("the list is %+v, want the one webhook", list)
	}
	if strings.Contains(mine.raw, "canary") {
		t.Errorf("the list shows the URL: %s", mine.raw)
	}
	if theirs.code != http.StatusOK || strings.TrimSpace(theirs.raw) != `{"items":[],"next":null}` {
		t.Errorf("a neighbour's keys answer %d %s, want an empty list", theirs.code, theirs.raw)
	}
	if nobody.code != http.StatusUnauthorized {
		t.Errorf("without keys the answer is %d, want 401", nobody.code)
	}
}
