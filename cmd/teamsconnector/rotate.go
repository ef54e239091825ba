package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// keysPoll is how often a service looks for new master keys. Values that another
// process seals with a new one open before that: the ring then looks by itself.
const keysPoll = time.Second

// watchKeys takes new master keys as they come, until ctx ends.
func watchKeys(ctx context.Context, ring *keyring.Ring, log *slog.Logger) {
	tick := time.NewTicker(keysPoll)
	defer tick.Stop()
	for blind := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := ring.Refresh()
		if err != nil && !blind {
			log.WarnContext(ctx, "master keys can't be read anew; the service goes on with those that it has", "error", err)
		}
		blind = err != nil
	}
}

func (p process) rotateKeysCommand() *cobra.Command {
	var forget, asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Seal everything with a new master key",
		Long: "Makes a new master key in front of the data folder's " + masterKeyFile + " and seals everything with it anew, beside a running service or without one.\n" +
			"After an interruption it goes on where it was. The old key stays in the file, because backups made before need it; --forget-old takes it out.\n" +
			"Where the key is given (" + envName("master-key") + "), put the new one in front of the old one there first; see docs/operate/keys.md.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd.Flags(), faceData)
			if err != nil {
				return err
			}
			r := rotation{p: p, data: c.data, forget: forget}
			if err := r.run(cmd.Context()); err != nil {
				return err
			}
			return r.say(asJSON)
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().BoolVar(&forget, "forget-old", false, "make no new key; take the old ones out of "+masterKeyFile+" once nothing is sealed with them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// rotation is one change of the master key.
type rotation struct {
	p      process
	data   dataConfig
	forget bool

	made     bool // a new key
	resealed store.Resealed
	took     time.Duration
	older    int // keys that stay behind the first
}

func (r *rotation) run(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(r.p.err, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: redact}))
	if _, err := readMasterKeys(r.data); err != nil {
		return err
	}
	if len(r.data.masterKeys) == 0 {
		unlock, err := store.LockKeys(r.data.dir) //nolint:contextcheck // it does not wait
		if err != nil {
			return err
		}
		defer unlock()
	}
	keys, err := readMasterKeys(r.data)
	if err != nil {
		return err
	}
	ring, err := openRing(ctx, r.data, log)
	if err != nil {
		return err
	}
	o := r.data.options()
	o.Ring, o.Logger = ring, log
	st, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if keys, err = r.renew(ctx, keys, ring, st); err != nil {
		return err
	}
	began := time.Now()
	if r.resealed, err = st.Reseal(ctx, shellUser()); err != nil {
		return err
	}
	r.took, r.older = time.Since(began), len(keys)-1
	if r.forget && r.older > 0 {
		r.older = 0
		return r.write(keys[:1])
	}
	return nil
}

// renew puts a new key in front, unless the last change of it has not come to its end.
func (r *rotation) renew(ctx context.Context, keys [][]byte, ring *keyring.Ring, st *store.Store) ([][]byte, error) {
	done, err := st.Rotated(ctx)
	if err != nil || !done {
		return keys, err
	}
	given := len(r.data.masterKeys) > 0
	switch {
	case given && r.forget:
		return nil, usageError(fmt.Errorf("the master keys are given by %s: take the old ones out there", envName("master-key")))
	case given:
		return nil, usageError(fmt.Errorf("everything is sealed with the first key of %s: put a new one in front of it, there and for every running service, then call this again", envName("master-key")))
	case r.forget:
		return keys, nil
	}
	key, err := keyring.NewKey()
	if err != nil {
		return nil, err
	}
	keys = slices.Insert(keys, 0, key)
	if err := r.write(keys); err != nil {
		return nil, err
	}
	r.made = true
	return keys, ring.Refresh()
}

// write replaces the data folder's file in one step.
func (r *rotation) write(keys [][]byte) error {
	path := filepath.Join(r.data.dir, masterKeyFile)
	var text strings.Builder
	for _, key := range keys {
		text.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	next := path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) { // of a command that was cut off
		return fmt.Errorf("write the master key: %w", err)
	}
	err := writeDurably(next, []byte(text.String()))
	if err == nil {
		err = os.Rename(next, path)
	}
	if err == nil {
		err = syncDir(r.data.dir)
	}
	if err != nil {
		return fmt.Errorf("write the master key: %w", err)
	}
	return nil
}

func (r *rotation) say(asJSON bool) error {
	if asJSON {
		return r.p.sayJSON(struct {
			Made       bool    `json:"made"`
			Webhooks   int     `json:"webhooks"`
			Messages   int     `json:"messages"`
			Unreadable int     `json:"unreadable"`
			OlderKeys  int     `json:"olderKeys"`
			Seconds    float64 `json:"seconds"`
		}{r.made, r.resealed.Webhooks, r.resealed.Messages, r.resealed.Unreadable, r.older, r.took.Seconds()})
	}
	text := fmt.Sprintf("Sealed anew: %s and %s, in %.1f s.\n",
		counted(r.resealed.Webhooks, "webhook URL"), counted(r.resealed.Messages, "message"), r.took.Seconds())
	if r.resealed.Unreadable > 0 {
		text += counted(r.resealed.Unreadable, "value") + " can't be opened by any key that is known here, and stayed as they were.\n"
	}
	if r.made {
		text = "A new master key stands first in " + filepath.Join(r.data.dir, masterKeyFile) + ": back the file up now, apart from the data.\n" + text
	}
	if r.older > 0 {
		text += "Backups that were made before need an older key; it stays behind the new one until: teamsconnector rotate-keys --forget-old\n"
	}
	return r.p.say("%s", text)
}
