package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// holdCommand is a command that pauses a webhook or lets it go on.
type holdCommand struct {
	cmd             *cobra.Command
	do              func(ctx context.Context, desk *admin.Admin, id connector.WebhookID) (admin.Held, error)
	done, unchanged string // said with the name
}

func (p process) webhookPauseCommand() *cobra.Command {
	return p.holdCommand(holdCommand{
		cmd: &cobra.Command{
			Use:   "pause (--webhook ID | --name NAME)",
			Short: "Hold a webhook's messages until it is resumed",
			Long: "Holds a webhook's messages: new ones are still accepted, none goes out, and their clock stands still (at most 14 days).\n" +
				"A running service obeys within one second; a send that is under way may end.",
		},
		do: func(ctx context.Context, desk *admin.Admin, id connector.WebhookID) (admin.Held, error) {
			return desk.Pause(ctx, shellActor(), id)
		},
		done: "Paused", unchanged: "was paused already",
	})
}

func (p process) webhookResumeCommand() *cobra.Command {
	var send, newerThan string
	cmd := &cobra.Command{
		Use:   "resume (--webhook ID | --name NAME) [--send all|newer|none] [--newer-than TIME]",
		Short: "Let a webhook that is paused or stopped go on",
		Long: "Lets a webhook that is paused or stopped go on: what waits goes out in its order, at the pace of Microsoft's limits. With --send none\n" +
			"or newer, what is left out ends failed (reason cancelled) first. A running service obeys within one second. Where the cause of a\n" +
			"stop was not mended, it stops again.",
	}
	cmd.Flags().StringVar(&send, "send", "all", "what goes out of that which waits: all, newer (than --newer-than) or none")
	cmd.Flags().StringVar(&newerThan, "newer-than", "", "with --send newer: messages accepted after this time (RFC 3339, such as 2027-01-31T08:00:00Z) go out, or a span back from now, such as 2h")
	return p.holdCommand(holdCommand{
		cmd: cmd,
		do: func(ctx context.Context, desk *admin.Admin, id connector.WebhookID) (admin.Held, error) {
			r := admin.Resumption{Webhook: id}
			var ok bool
			if r.Send, ok = admin.ParseChoice(send); !ok {
				return admin.Held{}, usageError(fmt.Errorf("--send is %q: it should be all, newer or none", send))
			}
			var err error
			if r.NewerThan, err = timeBack(newerThan); err != nil {
				return admin.Held{}, usageError(err)
			}
			return desk.Resume(ctx, shellActor(), r)
		},
		done: "Resumed", unchanged: "was neither paused nor stopped",
	})
}

// timeBack reads a time, or a span back from now.
func timeBack(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if span, err := time.ParseDuration(text); err == nil && span > 0 {
		return time.Now().Add(-span), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, errors.New("--newer-than is neither a time such as 2027-01-31T08:00:00Z nor a span such as 2h")
	}
	return t, nil
}

func (p process) holdCommand(c holdCommand) *cobra.Command {
	var choice admin.WebhookChoice
	var asJSON bool
	c.cmd.Args = cobra.NoArgs
	c.cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkChoice(choice); err != nil {
			return err
		}
		return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
			id, err := desk.FindWebhook(ctx, choice)
			if err != nil {
				return err
			}
			h, err := c.do(ctx, desk, id)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.sayJSON(heldJSON{queueAnswer(&h.Queue), h.Cancelled})
			case h.Was == h.Status:
				return p.say("%s (%s) %s; %s.\n", shown(h.Name), h.ID, c.unchanged, waitingFor(&h.Queue))
			case h.Cancelled > 0:
				return p.say("%s %s (%s); %s left out, %s.\n", c.done, shown(h.Name), h.ID, counted(h.Cancelled, "message"), waitingFor(&h.Queue))
			}
			return p.say("%s %s (%s); %s.\n", c.done, shown(h.Name), h.ID, waitingFor(&h.Queue))
		}})
	}
	addFlags(c.cmd.Flags(), faceData)
	webhookChoice(c.cmd.Flags(), &choice)
	c.cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return c.cmd
}

type heldJSON struct {
	queueJSON

	Cancelled int `json:"cancelled"`
}

func waitingFor(w *admin.Queue) string {
	if w.Waiting == 0 {
		return "nothing waits"
	}
	return counted(w.Waiting, "message") + " waiting"
}
