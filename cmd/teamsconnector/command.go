package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// process is what a command has of the world.
type process struct {
	in       io.Reader
	out, err io.Writer
	lookup   func(name string) (string, bool) // the environment
	environ  []string
	program  string // as it was called
}

// The exit codes that programs may rely on.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2 // wrong flags, settings or arguments
	exitWaiting = 3 // send: accepted or held
	exitEnded   = 4 // send: refused, failed, expired or uncertain
	exitLicense = 5 // send: license or quota
	exitAway    = 6 // send: not reached, or 429 or 503 after all tries
)

// exitError ends the command with a code; its err may be nil where everything is said.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

func usageError(err error) error { return exitError{exitUsage, err} }

// run runs the command of a command line and returns its exit code.
func (p process) run(ctx context.Context, args []string) int {
	started := false
	root := &cobra.Command{
		Use:   "teamsconnector",
		Short: "Post messages to Microsoft Teams channels, and trust the answer",
		Long: "An app posts a message to a Microsoft Teams channel by Webhook ID, under a license, and can trust the answer.\n" +
			"See it work in a minute, without any configuration: teamsconnector serve --demo",
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { started = true },
	}
	//nolint:contextcheck // each command gets its context from ExecuteContext
	root.AddCommand(p.serveCommand(), p.setupCommand(), p.webhookCommand(), p.keysCommand(), p.sendCommand(),
		p.tokenCommand(), p.userCommand(), p.simulatorCommand(), p.mendixModuleCommand(), p.backupCommand(), p.restoreCommand(),
		p.resumeCommand(), p.migrateCommand(), p.versionCommand(),
		p.configCommand(), p.manCommand(), p.rotateKeysCommand(), p.doctorCommand())
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if said := explain(err); said != "" {
		p.complain("teamsconnector: %s\n", said)
	}
	var exit exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case !started: // cobra's own: an unknown command, a wrong flag
		p.complain("See: teamsconnector --help\n")
		return exitUsage
	}
	return exitFailed
}

// explain says an error to a person at a shell: a rule's own words without its
// code, else everything.
func explain(err error) string {
	var rule *connector.Error
	if errors.As(err, &rule) {
		return rule.Message
	}
	return err.Error()
}

// say writes a command's answer; where it can't be written the command has failed.
func (p process) say(format string, args ...any) error {
	if _, err := fmt.Fprintf(p.out, format, args...); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// complain writes beside the answer. What was typed into the wrong place, such as
// a webhook's URL for a name, is not echoed where it looks like a secret.
func (p process) complain(format string, args ...any) {
	_, _ = io.WriteString(p.err, redacted(fmt.Sprintf(format, args...))) // there is nowhere left to say it
}

// sayJSON writes a command's answer for programs.
func (p process) sayJSON(v any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// required makes sure that flags which must be given were given.
func required(cmd *cobra.Command, names ...string) error {
	var missing []string
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f != nil && !f.Changed {
			missing = append(missing, "--"+name)
		}
	}
	if len(missing) > 0 {
		return usageError(fmt.Errorf("missing: %s; see: %s --help", strings.Join(missing, ", "), cmd.CommandPath()))
	}
	return nil
}
