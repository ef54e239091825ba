package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
)

func (p process) webhookEditCommand() *cobra.Command {
	var r admin.Replacement
	var f webhookFlags
	cmd := &cobra.Command{
		Use:   "edit (--webhook ID | --name NAME) (--url - | --url-file FILE | --url URL)",
		Short: "Put a new URL behind a Webhook ID",
		Long: "Replaces a webhook's URL; its Webhook ID, name and queue stay. A webhook that was stopped goes on with all that waits, in its order;\n" +
			"a paused one stays paused. A running service obeys within one second. About giving a URL see: webhook add --help.",
		Example: "  teamsconnector webhook edit --name Builds --url - < url.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkChoice(r.Webhook); err != nil {
				return err
			}
			var err error
			if r.URL, err = p.readURL(f); err != nil {
				return usageError(err)
			}
			r.By = shellUser()
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData | faceTargets, do: func(ctx context.Context, desk *admin.Admin) error {
				made, err := desk.ReplaceURL(ctx, r)
				if err != nil {
					return err
				}
				return p.sayWebhook(made, f.asJSON)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData|faceTargets)
	webhookChoice(cmd.Flags(), &r.Webhook)
	cmd.Flags().StringVar(&f.url, "url", "", "the new URL as copied from Teams, or - to read it from standard input")
	cmd.Flags().StringVar(&f.urlFile, "url-file", "", "file with the new URL")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "for programs")
	cmd.MarkFlagsMutuallyExclusive("url", "url-file")
	return cmd
}
