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

	"github.com/teamsconnector/teamsconnector/internal/store"
)

// httpGrace is how long requests that are being answered get when the service
// stops. Callers that wait for their message are answered before that.
const httpGrace = 10 * time.Second

func (p process) serveCommand() *cobra.Command {
	var demo bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: "Runs the service until SIGTERM or SIGINT: then it takes no more messages, lets the sends that are under way end\n" +
			"(35 s at most) and exits with 0. A second signal ends it at once; no accepted message is lost either way.\n\n" +
			"With --demo it needs nothing: a temporary data folder, sample keys and webhooks, and a simulated Teams.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd.Flags(), faceServe|faceData|faceTargets)
			if err != nil {
				return err
			}
			if demo {
				return p.serveDemo(cmd.Context(), cmd.Flags(), c)
			}
			return p.serve(cmd.Context(), c)
		},
	}
	addFlags(cmd.Flags(), faceServe|faceData|faceTargets)
	cmd.Flags().BoolVar(&demo, "demo", false, "show it: temporary data, samples and a simulated Teams, nothing to configure")
	return cmd
}

func (p process) serve(ctx context.Context, c config) error {
	log := newLogger(p.err, c.observe)
	slog.SetDefault(log) // net/http says some things only to the standard logger, with bytes of whoever it talks to
	p.warn(ctx, c, log)
	var err error
	if c.observe.traces, err = p.traces(ctx, log); err != nil {
		return err
	}
	defer c.observe.traces.end(ctx)
	s, err := open(ctx, c, log)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "serving", "listen", s.front.address(), "admin_listen", s.back.address(), "data", c.data.place(), "version", readBuild().Version)
	return s.run(ctx, func(ctx context.Context) error { return p.welcome(ctx, s) })
}

// welcome prints the link with which the first person furnishes the installation.
// It goes to the standard output and not to the log, because whoever has it gets in.
func (p process) welcome(ctx context.Context, s *service) error {
	link, err := s.house.auth.OfferSetup(ctx)
	if err != nil {
		s.log.ErrorContext(ctx, "set-up link not made", "error", err)
		err = nil // messages go all the same
	}
	if link != "" {
		_, err = fmt.Fprintf(p.out, "Nobody has an account yet. Make the first one within a day at %s/setup/%s\n", s.front.url(), link)
	}
	if err != nil {
		return fmt.Errorf("print the set-up link: %w", err)
	}
	<-ctx.Done()
	return nil
}

// warn says at the start what an operator should know about the settings.
func (p process) warn(ctx context.Context, c config, log *slog.Logger) {
	for _, target := range c.net.trustTargets {
		log.WarnContext(ctx, "trusted target: messages may go there although it is not Microsoft's", "trust_target", target)
	}
	for _, variable := range p.strangers() {
		log.WarnContext(ctx, "environment variable sets nothing", "variable", variable)
	}
	if !loopback(c.net.adminListen) {
		log.WarnContext(ctx, "metrics and profiles can be reached from other machines; keep admin-listen private", "admin_listen", c.net.adminListen)
	}
	if loopback(c.net.listen) {
		return
	}
	if c.net.publicURL == "" {
		log.WarnContext(ctx, "public-url is not set: links to this service can't be made, and requests are answered whatever host they name", "listen", c.net.listen)
	}
	if c.net.tlsCert == "" && len(c.net.trustedProxies) == 0 {
		log.WarnContext(ctx, "no TLS: license secrets can be read on their way; set tls-cert and tls-key, or trusted-proxies where a proxy does it", "listen", c.net.listen)
	}
}

// service is the house with its doors open.
type service struct {
	house       *house
	front, back *door // the public listener and the operator's
	log         *slog.Logger
	held        *store.Held
}

// open locks the data, furnishes the rooms and listens. Whatever was
// opened is closed again when a later step fails.
func open(ctx context.Context, c config, log *slog.Logger) (s *service, err error) {
	var undo []func()
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- {
			undo[i]()
		}
	}()
	if err := c.data.make(); err != nil {
		return nil, err
	}
	held, err := store.LockToServe(ctx, c.data.options())
	if err != nil {
		return nil, err
	}
	undo = append(undo, held.Unlock)
	front, err := listen(ctx, c.net.listen)
	if err != nil {
		return nil, fmt.Errorf("setting listen: %w", err)
	}
	undo = append(undo, front.close)
	front.tlsCert, front.tlsKey = c.net.tlsCert, c.net.tlsKey
	back, err := listen(ctx, c.net.adminListen)
	if err != nil {
		return nil, fmt.Errorf("setting admin-listen: %w", err)
	}
	undo = append(undo, back.close)
	registry := newRegistry()
	rooms, err := build(ctx, c, log, registry, held.Hints)
	if err != nil {
		return nil, err
	}
	front.serve(c.observe.traces.handler(frontMux(rooms)), log)
	back.serve(backMux(rooms.api, registry), log)
	return &service{house: rooms, front: front, back: back, log: log, held: held}, nil
}

// part is one thing that runs until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// run runs the service until a signal, or until it can't go on. Beside it runs
// guest, if there is one, which ends with its context; its error ends the service.
func (s *service) run(ctx context.Context, guest func(ctx context.Context) error) error {
	stopped, rest := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer rest()
	lasting := context.WithoutCancel(ctx) // who ends when is said below
	cellar, closeCellar := s.start(lasting, part{"store", s.house.store.Run})
	engine, stopEngine := s.start(lasting, part{"dispatch", s.house.move})
	front, _ := s.start(lasting, part{"listener", s.front.run})
	back, _ := s.start(lasting, part{"admin listener", s.back.run})
	beside := make(chan error, 1)
	go func() {
		if guest != nil {
			beside <- guest(stopped)
			return
		}
		<-stopped.Done()
		beside <- nil
	}()

	var failed error
	select {
	case <-stopped.Done():
		s.log.InfoContext(ctx, "stopping: sends under way may end")
	case <-s.house.store.Done():
		failed = fmt.Errorf("stopped, because nothing can be stored safely any more; no accepted message is lost: %w", s.house.store.Err())
	case failed = <-s.held.Lost():
	case failed = <-cellar:
	case failed = <-engine:
	case failed = <-front:
	case failed = <-back:
	case failed = <-beside:
		beside <- nil // it has ended, and is waited for below
	}
	if failed != nil {
		s.log.ErrorContext(ctx, "stopping: it can't go on", "error", failed)
	}
	rest() // a second signal now ends the process at once

	s.house.ingest.Drain() // readyz says so, and waiting callers get their answer
	stopEngine()
	s.front.stop(lasting)
	failed = errors.Join(failed, s.settled(engine))
	closeCellar()
	failed = errors.Join(failed, <-cellar, s.house.store.Close(), <-beside)
	s.back.stop(lasting)
	s.held.Unlock()
	if failed == nil {
		s.log.InfoContext(ctx, "stopped")
	}
	return failed
}

// start runs a part. The channel gets how it ended, once, and is closed after it.
func (s *service) start(ctx context.Context, p part) (ended <-chan error, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(ctx)
	c := make(chan error, 1)
	go func() {
		defer close(c)
		err := p.run(ctx)
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)), errors.Is(err, http.ErrServerClosed):
			return // it was asked to
		case err == nil:
			err = errors.New("it ended by itself")
		}
		c <- fmt.Errorf("%s: %w", p.name, err)
	}()
	return c, stop
}

// settled waits for the end of the sends under way, unless nothing can be
// stored any more: then what they bring can't be kept, and they are made again.
func (s *service) settled(engine <-chan error) error {
	select {
	case err := <-engine:
		return err
	case <-s.house.store.Done():
		return nil
	}
}
