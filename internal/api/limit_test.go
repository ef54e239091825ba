package api_test

import (
	"strconv"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

func TestWrongSecretsAreToldWhenToComeBack(t *testing.T) {
	h := newHouse(t, api.Options{})
	_, wrong, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	const here = "203.0.113.7"
	for range 10 {
		if a := h.post(h.body(), "Authorization", basic(h.key, wrong), "+X-Forwarded-For", here); a.code != 401 {
			t.Fatalf("answers %d %s", a.code, a.raw)
		}
	}

	a := h.post(h.body(), "Authorization", basic(h.key, wrong), "+X-Forwarded-For", here)
	elsewhere := h.post(h.body(), "Prefer", "respond-async")

	if after, err := strconv.Atoi(a.header.Get("Retry-After")); a.code != 429 || a.Code != "rate_limited" || err != nil || after < 1 || after > 60 {
		t.Errorf("the 11th answers %d %s, Retry-After %q", a.code, a.raw, a.header.Get("Retry-After"))
	}
	if elsewhere.code != 202 {
		t.Errorf("a good app elsewhere gets %d %s", elsewhere.code, elsewhere.raw)
	}
}
