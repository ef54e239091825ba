package keyring_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

func TestARingLearnsANewKeyWhenItMeetsIt(t *testing.T) {
	older, newer := newKey(t), newKey(t)
	keys := [][]byte{older}
	ring := newRing(t, older)
	ring.Watch(func() ([][]byte, error) { return keys, nil })
	was := ring.Seal(at, month, plain)
	keys = [][]byte{newer, older} // as another process has it
	theirs := newRing(t, newer).Seal(at, month, plain)
	if ring.Current(theirs) || !ring.Current(was) {
		t.Error("before, the older key is not the primary one")
	}

	for name, sealed := range map[string][]byte{"of the newer key": theirs, "of the older key": was} {
		if got, err := ring.Open(at, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("a value %s: %v", name, err)
		}
	}

	if !ring.Current(ring.Seal(at, month, plain)) || !ring.Current(theirs) || ring.Current(was) {
		t.Error("after it, the newer key is not the primary one")
	}
	keys = [][]byte{newer}
	if err := ring.Refresh(); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Open(at, was); err != nil {
		t.Errorf("a key that is gone from the file opens no more: %v", err)
	}
}

func TestARingTakesNoKeysWithoutTheOneInUse(t *testing.T) {
	mine, wrong := newKey(t), newKey(t)
	ring := newRing(t, mine)
	trouble := errors.New("unreadable")
	for name, source := range map[string]func() ([][]byte, error){
		"another key":   func() ([][]byte, error) { return [][]byte{wrong}, nil },
		"none":          func() ([][]byte, error) { return nil, nil },
		"trouble":       func() ([][]byte, error) { return nil, trouble },
		"a cut-off one": func() ([][]byte, error) { return [][]byte{wrong[:9], mine}, nil },
	} {
		ring.Watch(source)

		if err := ring.Refresh(); err == nil {
			t.Errorf("%s: no error", name)
		}

		if sealed := ring.Seal(at, month, plain); !newRing(t, mine).Current(sealed) {
			t.Errorf("%s: values are sealed with another key now", name)
		}
		if _, err := ring.Open(at, newRing(t, wrong).Seal(at, month, plain)); !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("%s: a foreign value opens with %v", name, err)
		}
	}
}
