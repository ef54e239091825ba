package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// onlySQLite refuses what PostgreSQL has better tools for.
func onlySQLite(c config, what string) error {
	if c.data.database.Empty() {
		return nil
	}
	return fmt.Errorf("%s is for the database in a data folder; for PostgreSQL use pg_dump, as docs/operate/postgres.md says", what)
}

func (p process) backupCommand() *cobra.Command {
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:   "backup --out FILE",
		Short: "Back the data up into one file, while the service runs",
		Long: "Writes one state of the database into a file, while the service runs and sends. The file is checked and on disk before it\n" +
			"gets its name. The master key is not inside: keep a copy of it in another place.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "out"); err != nil {
				return err
			}
			c, err := p.loadConfig(cmd.Flags(), faceData)
			if err != nil {
				return err
			}
			if err := onlySQLite(c, "backup"); err != nil {
				return err
			}
			made, err := store.Backup(cmd.Context(), c.data.dir, out, force)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s exists already; name another file, or replace it with --force", out)
			}
			if err != nil {
				return err
			}
			info, err := os.Stat(out)
			if err != nil {
				return err
			}
			return p.say("%s: %d bytes, %s, %s waiting.\nThe master key is not inside: without it no URL in the backup can be read.\n",
				out, info.Size(), counted(made.Messages, "message"), counted(made.Waiting, "message"))
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&out, "out", "", "file to write (required)")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return cmd
}

func (p process) restoreCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "restore --from FILE",
		Short: "Put a backup in the place of the data, with nothing sent until you say so",
		Long: "Puts a backup in the place of the data. The service must be stopped; the database that was there is moved aside, not deleted.\n" +
			"Nothing is sent until \"teamsconnector resume\": what waits in the backup may have been sent after it was made.\n" +
			"Messages that were accepted after the backup are not in it: their ids answer 404, and their message keys post again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "from"); err != nil {
				return err
			}
			return p.locked(cmd.Context(), cmd.Flags(), func(ctx context.Context, c config, o store.Options) error {
				if err := onlySQLite(c, "restore"); err != nil {
					return err
				}
				done, err := store.Restore(ctx, o, from)
				if err != nil {
					return explainSeal(err, o)
				}
				aside := ""
				if done.Aside != "" {
					aside = "\nThe data that was there is now in " + done.Aside + "; remove it when it is not needed any more."
				}
				return p.say("Restored: %s, of which %s waiting. These may have been sent after the backup was made, and would go twice.%s\n"+
					"Start the service, look, and let it send with: teamsconnector resume\n",
					counted(done.Messages, "message"), counted(done.Waiting, "message"), aside)
			})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&from, "from", "", "the backup (required)")
	return cmd
}

// locked does something for which no service may run on the data.
func (p process) locked(ctx context.Context, flags *pflag.FlagSet, do func(ctx context.Context, c config, o store.Options) error) error {
	c, err := p.loadConfig(flags, faceData)
	if err != nil {
		return err
	}
	folder := c.data // the data is in it, whichever database a command names beside it
	folder.database = connector.Secret{}
	if err := folder.make(); err != nil {
		return err
	}
	held, err := store.Lock(ctx, store.Options{Dir: c.data.dir})
	if err != nil {
		return err
	}
	defer held.Unlock()
	key := filepath.Join(c.data.dir, masterKeyFile)
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) && len(c.data.masterKeys) == 0 {
		return fmt.Errorf("the master key that the data was sealed with is needed first: put its file back as %s, or give it as %s", key, envName("master-key"))
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: redact}))
	ring, err := openRing(ctx, folder, log)
	if err != nil {
		return err
	}
	return do(ctx, c, store.Options{Dir: c.data.dir, Ring: ring, Logger: log})
}

func (p process) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Let a restored installation send again",
		Long:  "Lets an installation send again that was restored from a backup: a running service goes on within one second.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.inStore(cmd.Context(), cmd.Flags(), func(ctx context.Context, st *store.Store) error {
				hold, err := st.Hold(ctx)
				switch {
				case err != nil:
					return err
				case hold.Since.IsZero():
					return p.say("This installation is not paused; webhooks are resumed one by one with: teamsconnector webhook resume\n")
				}
				if err := st.EndHold(ctx, shellUser()); err != nil {
					return err
				}
				return p.say("Sending goes on. %s may go twice.\n", counted(hold.MaybeTwice, "message"))
			})
		},
	}
	addFlags(cmd.Flags(), faceData)
	return cmd
}

func (p process) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate --data DIR --database URL",
		Short: "Move the data from a data folder into an empty PostgreSQL database",
		Long: "Copies everything from a data folder into an empty PostgreSQL database, compares both, and marks the folder as moved. The service\n" +
			"must be stopped. It is one transaction: interrupted, nothing has happened, and it may be started again.\n" +
			"Afterwards start the service with --database and the same master key.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.locked(cmd.Context(), cmd.Flags(), func(ctx context.Context, c config, from store.Options) error {
				if c.data.database.Empty() {
					return usageError(errors.New("name the PostgreSQL database with --database, or " + envName("database")))
				}
				if _, err := os.Stat(filepath.Join(from.Dir, store.FileName)); err != nil {
					return fmt.Errorf("there is no data in %s; name the data folder with --data DIR", from.Dir)
				}
				to := store.Options{Database: c.data.database, Ring: from.Ring, Logger: from.Logger}
				held, err := store.Lock(ctx, to)
				if err != nil {
					return err
				}
				defer held.Unlock()
				done, err := store.Move(ctx, from, to)
				if err != nil {
					return explainSeal(err, from)
				}
				return p.say("Moved %d rows, each compared with the original: %s, of which %s waiting.\n"+
					"The data folder is marked as moved and can't be used any more. Start the service with --database %s and the same master key.\n",
					done.Rows, counted(done.Messages, "message"), counted(done.Waiting, "message"), c.data.place())
			})
		},
	}
	addFlags(cmd.Flags(), faceData)
	return cmd
}
