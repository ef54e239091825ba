package keyring_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

var (
	at    = keyring.Place{Table: "webhook", Column: "url", Owner: "sub_1", ID: "wh_1"}
	month = time.Date(2026, time.November, 24, 6, 0, 0, 0, time.UTC)
	plain = []byte("https://prod-01.westeurope.logic.azure.com/workflows/?sig=secret")
)

func newKey(t testing.TB) []byte {
	t.Helper()
	key, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRing(t testing.TB, primary []byte, older ...[]byte) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New(primary, older...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestSealedValueOpensInItsPlace(t *testing.T) {
	ring := newRing(t, newKey(t))
	for _, text := range [][]byte{plain, {}, nil, bytes.Repeat([]byte{0}, 100_000)} {
		sealed := ring.Seal(at, month, text)

		got, err := ring.Open(at, sealed)

		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes came back as %d bytes, %v", len(text), len(got), err)
		}
		if len(sealed) != len(text)+keyring.Overhead {
			t.Errorf("sealed %d bytes are %d, want %d more", len(text), len(sealed), keyring.Overhead)
		}
	}
}

func TestSealedValueHidesTextAndDiffersEachTime(t *testing.T) {
	ring := newRing(t, newKey(t))

	a, b := ring.Seal(at, month, plain), ring.Seal(at, month, plain)

	if bytes.Contains(a, []byte("secret")) {
		t.Error("the text shows")
	}
	if bytes.Equal(a, b) {
		t.Error("the same text was sealed alike twice")
	}
}

func TestSealedValueIsRefusedElsewhere(t *testing.T) {
	ring := newRing(t, newKey(t))
	sealed := ring.Seal(at, month, plain)

	for claim, change := range map[string]func(*keyring.Place){
		"another row":          func(p *keyring.Place) { p.ID = "wh_2" },
		"another subscription": func(p *keyring.Place) { p.Owner = "sub_2" },
		"the installation":     func(p *keyring.Place) { p.Owner = "" },
		"another column":       func(p *keyring.Place) { p.Column = "name" },
		"another table":        func(p *keyring.Place) { p.Table = "message" },
		"a shifted border":     func(p *keyring.Place) { p.Column, p.ID = "urlw", "h_1" },
		"a shifted owner":      func(p *keyring.Place) { p.Table, p.Owner = "webhooks", "ub_1" },
	} {
		elsewhere := at
		change(&elsewhere)
		if got, err := ring.Open(elsewhere, sealed); !errors.Is(err, keyring.ErrSealed) || got != nil {
			t.Errorf("in %s: got %d bytes, %v", claim, len(got), err)
		}
	}
}

func TestChangedValueIsRefused(t *testing.T) {
	ring := newRing(t, newKey(t))
	sealed := ring.Seal(at, month, plain)

	for i := range sealed {
		for _, mask := range []byte{1, 128, 255} {
			changed := bytes.Clone(sealed)
			changed[i] ^= mask
			if _, err := ring.Open(at, changed); !errors.Is(err, keyring.ErrSealed) {
				t.Fatalf("byte %d changed by %#x: %v", i, mask, err)
			}
		}
	}
	for i := range sealed {
		if _, err := ring.Open(at, sealed[:i]); !errors.Is(err, keyring.ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := ring.Open(at, append(bytes.Clone(sealed), 0)); !errors.Is(err, keyring.ErrSealed) {
		t.Fatalf("one byte more: %v", err)
	}
}

func TestOlderKeyOpensAndPrimarySeals(t *testing.T) {
	first, second := newKey(t), newKey(t)
	before := newRing(t, first).Seal(at, month, plain)
	rotated := newRing(t, second, first)

	if got, err := rotated.Open(at, before); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("what the older key sealed: got %q, %v", got, err)
	}
	after := rotated.Seal(at, month, plain)
	if got, err := newRing(t, second).Open(at, after); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the primary alone can't open what was sealed after the rotation: %v", err)
	}
	if _, err := newRing(t, first).Open(at, after); !errors.Is(err, keyring.ErrSealed) {
		t.Errorf("the older key still seals: %v", err)
	}
	if bytes.Equal(before[1:5], after[1:5]) {
		t.Error("two master keys have the same key id")
	}
}

func TestHeaderHoldsVersionAndMonth(t *testing.T) {
	ring := newRing(t, newKey(t))
	for when, want := range map[time.Time]uint16{
		month: 82,
		time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC):                     0,
		time.Date(2027, time.January, 1, 0, 30, 0, 0, time.FixedZone("CET", 3600)): 83,
		{}: 0,
		time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC): 65535,
	} {
		sealed := ring.Seal(at, when, plain)

		if got := binary.BigEndian.Uint16(sealed[5:7]); sealed[0] != 1 || got != want {
			t.Errorf("%v: version %d month %d, want version 1 month %d", when, sealed[0], got, want)
		}
		if got, err := ring.Open(at, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%v: opens as %q, %v", when, got, err)
		}
	}
}

func TestKeyOfWrongLengthIsRefused(t *testing.T) {
	good := newKey(t)
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := keyring.New(make([]byte, n)); err == nil || !strings.Contains(err.Error(), "32") {
			t.Errorf("a primary key of %d bytes: %v", n, err)
		}
		if _, err := keyring.New(good, make([]byte, n)); err == nil || !strings.Contains(err.Error(), "key 2") {
			t.Errorf("an older key of %d bytes: %v", n, err)
		}
	}
}

func TestErrorNamesPlaceWithoutText(t *testing.T) {
	_, err := newRing(t, newKey(t)).Open(at, plain)

	if err == nil || !strings.Contains(err.Error(), "webhook.url") || strings.Contains(err.Error(), "sig") {
		t.Errorf("got %v", err)
	}
}

func TestRingServesManyAtOnce(t *testing.T) {
	ring := newRing(t, newKey(t), newKey(t))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				p := keyring.Place{Table: "message", Column: "body", Owner: fmt.Sprint("sub_", i%37), ID: fmt.Sprint(g, "-", i)}
				got, err := ring.Open(p, ring.Seal(p, month.AddDate(0, i%5, 0), plain))
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%v: %q, %v", p, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestDerivedKeysStayBounded(t *testing.T) {
	ring := newRing(t, newKey(t))
	busy := ring.Seal(at, month, plain)
	for i := range 3 * keyring.MaxDerived {
		p := keyring.Place{Table: "message", Owner: fmt.Sprint("sub_", i)}
		if _, err := ring.Open(p, ring.Seal(p, month, nil)); err != nil {
			t.Fatal(err)
		}
		if n := ring.Derived(); n > keyring.MaxDerived {
			t.Fatalf("%d derived keys are kept, the bound is %d", n, keyring.MaxDerived)
		}
	}
	if got, err := ring.Open(at, busy); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("a value whose key was forgotten opens as %q, %v", got, err)
	}
}

func FuzzOpen(f *testing.F) {
	key := bytes.Repeat([]byte{7}, keyring.KeySize)
	ring := newRing(f, key)
	good := ring.Seal(at, month, plain)
	f.Add("webhook", "url", "sub_1", "wh_1", good)
	f.Add("", "", "", "", []byte{})
	f.Add("webhook", "url", "sub_1", "wh_1", good[:keyring.Overhead])
	f.Fuzz(func(t *testing.T, table, column, owner, id string, data []byte) {
		p := keyring.Place{Table: table, Column: column, Owner: owner, ID: id}
		got, err := ring.Open(p, data)
		if err != nil && (!errors.Is(err, keyring.ErrSealed) || got != nil) {
			t.Fatalf("got %d bytes and %v", len(got), err)
		}
		if err == nil && (p != at || !bytes.Equal(got, plain)) {
			t.Fatalf("opened what was never sealed, in %v", p)
		}
		back, err := ring.Open(p, ring.Seal(p, month, data))
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("round trip in %v: %v", p, err)
		}
	})
}

func BenchmarkSealOpen(b *testing.B) {
	ring := newRing(b, newKey(b))
	body := bytes.Repeat([]byte("x"), 320)
	for b.Loop() {
		if _, err := ring.Open(at, ring.Seal(at, month, body)); err != nil {
			b.Fatal(err)
		}
	}
}
