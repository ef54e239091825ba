package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

const defaultSimulatorListen = "127.0.0.1:9911"

func (p process) simulatorCommand() *cobra.Command {
	var asJSON bool
	var urlFile string
	cmd := &cobra.Command{
		Use:   "simulator",
		Short: "Run a simulated Microsoft Teams, with a page that shows its channels",
		Long: "Runs a simulated Microsoft Teams for tests and demonstrations: webhooks that answer as Microsoft's do, its limits and its\n" +
			"faults, and a page that shows the channels live and what happened behind them.\n\n" +
			"A webhook of it is not Microsoft's, so it is not paced unless you say so: webhook add ... --profile flow-bot",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd.Flags(), faceSimulator)
			if err != nil {
				return err
			}
			return p.simulate(cmd.Context(), c, func(found simulatorJSON) error { return p.sayTeams(found, urlFile, asJSON) })
		},
	}
	addFlags(cmd.Flags(), faceSimulator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the addresses as JSON, for programs")
	cmd.Flags().StringVar(&urlFile, "url-file", "", "file to write the first channel's webhook URL to, for: webhook add --url-file")
	return cmd
}

// simulatorJSON is what a program needs to use a simulated Teams.
type simulatorJSON struct {
	Page        string          `json:"page"`
	TrustTarget string          `json:"trustTarget"`
	Webhooks    []simulatorHook `json:"webhooks"`
}

type simulatorHook struct {
	Channel string `json:"channel"`
	URL     string `json:"url"`
}

func (p process) simulate(ctx context.Context, c config, say func(simulatorJSON) error) error {
	log := newLogger(p.err, c.observe)
	c.simulator.options.Logger = log
	teams, err := simulator.New(c.simulator.options)
	if err != nil {
		return err
	}
	page, err := listen(ctx, c.simulator.listen)
	if err != nil {
		return fmt.Errorf("setting simulator-listen: %w", err)
	}
	page.server = simulatorServer(teams, log)
	found := simulatorJSON{Page: page.url() + "/", TrustTarget: page.url()}
	for n := range c.simulator.channels {
		name := fmt.Sprintf("Channel %d", n+1)
		_, target := teams.AddFlow(simulator.Flow{Channel: name})
		found.Webhooks = append(found.Webhooks, simulatorHook{name, page.url() + target})
	}

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- page.run(ctx) }()
	if err := say(found); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err := <-served:
		return err
	}
	stop() // a second signal now ends the process at once
	teams.Close()
	page.stop(context.WithoutCancel(ctx))
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (p process) sayTeams(found simulatorJSON, urlFile string, asJSON bool) error {
	if urlFile != "" && len(found.Webhooks) > 0 {
		if err := os.WriteFile(urlFile, []byte(found.Webhooks[0].URL+"\n"), 0o600); err != nil {
			return fmt.Errorf("write --url-file: %w", err)
		}
	}
	if asJSON {
		return p.sayJSON(found)
	}
	text := fmt.Sprintf("Page          %s\nTrust it      teamsconnector serve --trust-target %s\n", found.Page, found.TrustTarget)
	for _, hook := range found.Webhooks {
		text += fmt.Sprintf("%-12s  %s\n", hook.Channel, hook.URL)
	}
	return p.say("%s", text)
}

// simulatorServer has no limit on how long an answer takes: the page's stream
// never ends, and slow answers are what a simulated Teams is for.
func simulatorServer(handler http.Handler, log *slog.Logger) *http.Server {
	const headers, idle = 10 * time.Second, 2 * time.Minute
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headers, IdleTimeout: idle,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
