package store_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestWhatWasSealedAnewNeedsTheOldKeyNoMore(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("waits"))
		newer := sha256.Sum256([]byte("a newer master key"))
		both, err := keyring.New(newer[:], testKey())
		if err != nil {
			t.Fatal(err)
		}
		rotating := h.withRing(both)
		if done, err := rotating.Rotated(t.Context()); err != nil || done {
			t.Errorf("before it, Rotated says %v, %v", done, err)
		}

		n, err := rotating.Reseal(t.Context(), "test")

		if err != nil || n.Webhooks != 1 || n.Messages != 1 || n.Unreadable != 0 {
			t.Errorf("Reseal = %+v, %v; want one webhook and one message", n, err)
		}
		if done, err := rotating.Rotated(t.Context()); err != nil || !done {
			t.Errorf("after it, Rotated says %v, %v", done, err)
		}
		if n, err := rotating.Reseal(t.Context(), "test"); err != nil || n != (store.Resealed{}) {
			t.Errorf("a second Reseal = %+v, %v; want nothing to do", n, err)
		}
		alone, err := keyring.New(newer[:])
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := h.withRing(alone).Fetch(t.Context(), []connector.FetchRequest{{Lane: h.webhook.Lane}})
		if err != nil || len(loaded) != 1 || len(loaded[0].Head) != 1 || string(loaded[0].Head[0].Parcel.Content.Body) != "waits" || loaded[0].Head[0].Parcel.Target.URL.Reveal() != secretURL {
			t.Errorf("with the new key alone: %+v, %v", loaded, err)
		}
		o := h.options
		o.Faults = nil
		if _, err := store.Open(t.Context(), o); !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("with the old key alone: %v, want ErrSealed", err)
		}
	})
}

// withRing opens the same data beside the first, with another ring.
func (h *house) withRing(ring *keyring.Ring) *store.Store {
	h.t.Helper()
	o := h.options
	o.Ring, o.Faults = ring, nil
	s, err := store.Open(h.t.Context(), o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close() })
	return s
}
