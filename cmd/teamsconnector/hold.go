package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
)

// holdCommand is a command that pauses a webhook or lets it go on.
type holdCommand struct {
	use, short, long string
	do               func(ctx context.Context, desk *admin.Admin, h admin.Hold) (now admin.Queue, was admin.Status, err error)
	done, unchanged  string // said with the name
}

func (p process) webhookPauseCommand() *cobra.Command {
	return p.holdCommand(holdCommand{
		use:   "pause (--webhook ID | --name NAME)",
		short: "Hold a webhook's messages until it is resumed",
		long: "Holds a webhook's messages: new ones are still accepted, none goes out, and their clock stands still (at most 14 days).\n" +
			"A running service obeys within one second; a send that is under way may end.",
		do: func(ctx context.Context, desk *admin.Admin, h admin.Hold) (admin.Queue, admin.Status, error) {
			return desk.Pause(ctx, h)
		},
		done: "Paused", unchanged: "was paused already",
	})
}

func (p process) webhookResumeCommand() *cobra.Command {
	return p.holdCommand(holdCommand{
		use:   "resume (--webhook ID | --name NAME)",
		short: "Let a webhook that is paused or stopped go on",
		long: "Lets a webhook that is paused or stopped go on: all that waits goes out in its order, at the pace of Microsoft's limits.\n" +
			"A running service obeys within one second. Where the cause of a stop was not mended, it stops again.",
		do: func(ctx context.Context, desk *admin.Admin, h admin.Hold) (admin.Queue, admin.Status, error) {
			return desk.Resume(ctx, h)
		},
		done: "Resumed", unchanged: "was neither paused nor stopped",
	})
}

func (p process) holdCommand(c holdCommand) *cobra.Command {
	var h admin.Hold
	var asJSON bool
	cmd := &cobra.Command{
		Use: c.use, Short: c.short, Long: c.long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkChoice(h.Webhook); err != nil {
				return err
			}
			h.By, h.Who = shellUser(), shellPerson()
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				now, was, err := c.do(ctx, desk, h)
				switch {
				case err != nil:
					return err
				case asJSON:
					return p.sayJSON(queueAnswer(&now))
				case was == now.Status:
					return p.say("%s (%s) %s; %s.\n", shown(now.Name), now.ID, c.unchanged, waitingFor(&now))
				}
				return p.say("%s %s (%s); %s.\n", c.done, shown(now.Name), now.ID, waitingFor(&now))
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	webhookChoice(cmd.Flags(), &h.Webhook)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func waitingFor(w *admin.Queue) string {
	if w.Waiting == 0 {
		return "nothing waits"
	}
	return counted(w.Waiting, "message") + " waiting"
}
