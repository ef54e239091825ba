package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/lane"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// dataCommand is a command that changes the data, beside a running serve or without one.
type dataCommand struct {
	of face
	// begins: the folder may be made by this command.
	begins bool
	do     func(ctx context.Context, desk *admin.Admin) error
}

// atDesk opens the data for one change and closes it again.
func (p process) atDesk(ctx context.Context, flags *pflag.FlagSet, d dataCommand) (err error) {
	return p.withStore(ctx, flags, d, func(ctx context.Context, c config, st *store.Store) error {
		return d.do(ctx, admin.New(st, admin.Options{TrustedTargets: c.net.trustTargets, FreeAt: lane.FreeAt, Reckon: lane.Reckon, Send: sendBeside(st)}))
	})
}

// sendBeside stores a message for a running service to send, and does not wait.
func sendBeside(st *store.Store) admin.Send {
	in := ingest.New(st, st.Ring(), elsewhere{}, ingest.Options{})
	return func(ctx context.Context, of connector.License, m connector.Message, _ time.Duration) (connector.MessageID, error) {
		return in.Send(ctx, of, m, 0)
	}
}

// elsewhere is the engine of another process: it hears of changes by itself, and tells nothing here.
type elsewhere struct{}

// Wake has nobody to wake.
func (elsewhere) Wake(connector.LaneID, int) {}

// Forecast knows nothing.
func (elsewhere) Forecast(connector.LaneID) connector.Forecast { return connector.Forecast{Waiting: 1} }

// inStore opens the data that is there already for what concerns the installation and nobody in it.
func (p process) inStore(ctx context.Context, flags *pflag.FlagSet, do func(ctx context.Context, st *store.Store) error) error {
	return p.withStore(ctx, flags, dataCommand{of: faceData}, func(ctx context.Context, _ config, st *store.Store) error { return do(ctx, st) })
}

func (p process) withStore(ctx context.Context, flags *pflag.FlagSet, d dataCommand, do func(ctx context.Context, c config, st *store.Store) error) (err error) {
	c, err := p.loadConfig(flags, d.of)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.data.dir); !d.begins && c.data.database.Empty() && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no data in %s; name the data folder with --data DIR, or begin one with: teamsconnector setup --name ORGANIZATION", c.data.dir)
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: redact}))
	if err := c.data.make(); err != nil {
		return err
	}
	ring, err := openRing(ctx, c.data, log)
	if err != nil {
		return err
	}
	o := c.data.options()
	o.Ring, o.Logger = ring, log
	st, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return do(ctx, c, st)
}

// openStore opens the data and says plainly when the master key does not fit.
func openStore(ctx context.Context, o store.Options) (*store.Store, error) {
	file := filepath.Join(o.Dir, store.FileName)
	if o.Database.Empty() && staysEmpty(ctx, file) {
		return nil, fmt.Errorf("%s is empty (0 bytes): restore the data from a backup; or, if this was its very first start, remove that file and start again", file)
	}
	st, err := store.Open(ctx, o)
	return st, explainSeal(err, o)
}

// explainSeal says what to do where data can't be opened.
func explainSeal(err error, o store.Options) error {
	file := filepath.Join(o.Dir, store.FileName)
	switch {
	case errors.Is(err, keyring.ErrSealed) && !o.Database.Empty():
		return fmt.Errorf("the data in this database is sealed with another master key: give the one that it was made with (%s): %w", envName("master-key"), err)
	case errors.Is(err, keyring.ErrSealed):
		return fmt.Errorf("the data in %s is sealed with another master key: give the one that it was made with (%s, or %s): %w",
			o.Dir, envName("master-key"), filepath.Join(o.Dir, masterKeyFile), err)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%s is damaged: end every process that uses it, keep a copy, and restore the data from a backup: %w", file, err)
	}
	return err
}

// staysEmpty reports whether a file exists and is empty, and not because another
// command makes it at this moment.
func staysEmpty(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if info, err := os.Stat(path); err != nil || info.Size() > 0 {
			return false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return true
		}
	}
}

// shellUser is who works at this shell, for the audit.
func shellUser() string {
	who, err := user.Current()
	if err != nil {
		return "command line"
	}
	return "command line: " + who.Username
}

// shellActor is who works at this shell: who holds the data may do everything with it.
func shellActor() connector.Actor { return connector.Actor{Name: shellUser(), Shell: true} }
