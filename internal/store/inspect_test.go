package store_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestInspectionSaysWhatIsThereBesideARunningStore(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		o := h.options
		o.Faults = nil

		in, err := store.Inspect(t.Context(), o)

		if err != nil || !in.KeyFits || in.Schema != in.Newest || in.Schema < 2 || !strings.Contains(in.Database, "SQL") || in.Skew.Abs() > time.Minute {
			t.Errorf("Inspect = %+v, %v", in, err)
		}
		if want := []string{h.webhook.Host}; !slices.Equal(in.Hosts, want) {
			t.Errorf("hosts are %v, want %v", in.Hosts, want)
		}
		other := sha256.Sum256([]byte("another key"))
		if o.Ring, err = keyring.New(other[:]); err != nil {
			t.Fatal(err)
		}
		if in, err := store.Inspect(t.Context(), o); err != nil || in.KeyFits {
			t.Errorf("with another master key: %+v, %v", in, err)
		}
	})
}
