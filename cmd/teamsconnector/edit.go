package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
)

func (p process) webhookEditCommand() *cobra.Command {
	var choice admin.WebhookChoice
	var f webhookFlags
	cmd := &cobra.Command{
		Use:   "edit (--webhook ID | --name NAME) [--new-name NAME] [--url - | --url-file FILE] [settings]",
		Short: "Change a webhook's name, URL or settings under the same Webhook ID",
		Long: "Changes what is given of a webhook and leaves all else; its Webhook ID and queue stay. With a new URL a webhook that was stopped\n" +
			"goes on with all that waits, in its order; a paused one stays paused. A running service obeys within one second.\n" +
			"About giving a URL see: webhook add --help.",
		Example: "  teamsconnector webhook edit --name Builds --url - < url.txt\n  teamsconnector webhook edit --name Builds --flow-owner Ada --combine=false",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkChoice(choice); err != nil {
				return err
			}
			r := admin.WebhookChange{}
			var err error
			if r.WebhookFields, err = f.fields(cmd.Flags(), "new-name"); err != nil {
				return err
			}
			if f.url != "" || f.urlFile != "" {
				if r.URL, err = p.readURL(f); err != nil {
					return usageError(err)
				}
			}
			if !f.any(cmd.Flags()) {
				return usageError(errors.New("there is nothing to change: give --url -, --new-name or a setting"))
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData | faceTargets, do: func(ctx context.Context, desk *admin.Admin) error {
				if r.Webhook, err = desk.FindWebhook(ctx, choice); err != nil {
					return err
				}
				made, err := desk.ChangeWebhook(ctx, shellActor(), r)
				if err != nil {
					return err
				}
				return p.sayWebhook(made, f.asJSON)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData|faceTargets)
	webhookChoice(cmd.Flags(), &choice)
	f.add(cmd.Flags(), "new-name", "the webhook's new name, unique in its instance")
	cmd.MarkFlagsMutuallyExclusive("url", "url-file")
	return cmd
}

func (p process) webhookDeleteCommand() *cobra.Command {
	var choice admin.WebhookChoice
	cmd := &cobra.Command{
		Use:   "delete (--webhook ID | --name NAME)",
		Short: "Delete a webhook; what waits for it ends failed",
		Long: "Deletes a webhook at once: its Webhook ID is not known any more, its URL is erased, what waits for it ends failed, and its place\n" +
			"in the plan is free again. Its name and usage stay in the log. A running service obeys within one second.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkChoice(choice); err != nil {
				return err
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				q, err := desk.Queue(ctx, choice)
				if err != nil {
					return err
				}
				if err := desk.DeleteWebhook(ctx, shellActor(), q.ID); err != nil {
					return err
				}
				return p.say("Deleted %s (%s); %s.\n", shown(q.Name), q.ID, waitingFor(&q))
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	webhookChoice(cmd.Flags(), &choice)
	return cmd
}
