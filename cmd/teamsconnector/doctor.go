package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/store"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// The words for how a check ended.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "fail"
)

// finding is one line of what doctor says.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warn or fail
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty"` // what to do
}

// doctor looks at everything that a service needs, and changes nothing.
type doctor struct {
	p     process
	c     config
	found []finding
	hosts []string // of webhooks, or Microsoft's
	date  time.Duration
	dated string // whose clock date was compared with; empty: nobody's
}

func (d *doctor) say(check, status, detail, next string) {
	d.found = append(d.found, finding{check, status, detail, next})
}

func (p process) doctorCommand() *cobra.Command {
	const of = faceServe | faceData | faceTargets
	var rawURL string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what the service needs: data, keys, disk, clock, ports, the way to Microsoft",
		Long: "Checks with the settings of serve, beside a running service or without one, and changes nothing. Each line says ok, warn or fail, and what to do.\n" +
			"With --url a webhook's URL is explained and its host called, without posting; the URL itself is never shown.\n\n" +
			"Exit codes: 0 nothing failed; 1 something did.",
		Example: "  teamsconnector doctor\n  teamsconnector doctor --url - < url.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.loadConfig(cmd.Flags(), of)
			if err != nil {
				return err
			}
			d := &doctor{p: p, c: c}
			if err := d.takeURL(rawURL); err != nil {
				return err
			}
			d.examine(cmd.Context())
			return d.report(asJSON)
		},
	}
	addFlags(cmd.Flags(), of)
	cmd.Flags().StringVar(&rawURL, "url", "", "a webhook's URL to look at, or - to read it from standard input")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// takeURL explains a webhook's URL; its host is called later.
func (d *doctor) takeURL(raw string) error {
	if raw == "-" {
		text, err := io.ReadAll(io.LimitReader(d.p.in, maxURLBytes))
		if err != nil {
			return fmt.Errorf("read the URL from standard input: %w", err)
		}
		raw = string(text)
	}
	if raw = strings.TrimSpace(raw); raw == "" {
		return nil
	}
	address, refused := teams.ParseURL(raw, d.c.net.trustTargets)
	if refused != nil {
		d.say("url", checkFail, "this URL can't be a webhook's", refused.Message)
		return nil //nolint:nilerr // it is a finding
	}
	d.hosts = []string{address.Host}
	detail := fmt.Sprintf("a webhook of kind %s on %s", address.Kind, address.Host)
	if len(address.Warnings) > 0 {
		d.say("url", checkWarn, detail, strings.Join(address.Warnings, " "))
		return nil
	}
	d.say("url", checkOK, detail, "")
	return nil
}

// examineFor bounds all checks together.
const examineFor = time.Minute

func (d *doctor) examine(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, examineFor)
	defer cancel()
	if d.c.data.database.Empty() {
		d.folder()
	}
	in, ok := d.database(ctx)
	if len(d.hosts) == 0 && ok {
		d.hosts = in.Hosts
	}
	if len(d.hosts) == 0 {
		d.hosts = []string{"api.powerplatform.com"} // what the flows' own hosts end with
	}
	d.port(ctx, "listen", d.c.net.listen)
	d.port(ctx, "admin-listen", d.c.net.adminListen)
	d.names(ctx)
	d.egress(ctx)
	d.signIn(ctx)
	d.clock(in)
	d.mail(ctx)
}

func (d *doctor) report(asJSON bool) error {
	failed := 0
	rows := [][]string{}
	for _, f := range d.found {
		if f.Status == checkFail {
			failed++
		}
		rows = append(rows, []string{f.Status, f.Check, f.Detail})
		if f.Next != "" {
			rows = append(rows, []string{"", "", "-> " + f.Next})
		}
	}
	var err error
	if asJSON {
		err = d.p.sayJSON(listJSON[finding]{Items: d.found})
	} else {
		err = d.p.sayTable(rows)
	}
	if err == nil && failed > 0 {
		err = exitError{exitFailed, nil}
	}
	return err
}

// clock compares this machine's clock with whoever's was seen.
func (d *doctor) clock(in store.Inspection) {
	skew, whose := d.date, d.dated
	if !d.c.data.database.Empty() && in.Database != "" {
		skew, whose = in.Skew, "the database"
	}
	const next = "let the machine keep its time (chrony, systemd-timesyncd): waits that Microsoft asks for and the ends of messages go by it"
	detail := fmt.Sprintf("%v from that of %s", skew.Abs().Round(time.Second), whose)
	switch {
	case whose == "":
		d.say("clock", checkWarn, "nothing was reached to compare it with", "")
	case skew.Abs() > 5*time.Minute:
		d.say("clock", checkFail, detail, next)
	case skew.Abs() > 10*time.Second:
		d.say("clock", checkWarn, detail, next)
	default:
		d.say("clock", checkOK, "agrees with that of "+whose, "")
	}
}
