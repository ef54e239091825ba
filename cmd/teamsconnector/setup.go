package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/client"
	"github.com/teamsconnector/teamsconnector/internal/admin"
)

func (p process) setupCommand() *cobra.Command {
	var request admin.SetupRequest
	var asJSON, asEnv bool
	cmd := &cobra.Command{
		Use:   "setup --name ORGANIZATION",
		Short: "Make an organization, its subscription and a pair of keys",
		Long: "Makes an organization with an active subscription (plan enterprise, no end) and one pair of binding keys,\n" +
			"and prints the keys. The LicenseSecret is shown this once. Works beside a running serve.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			c, err := p.loadConfig(cmd.Flags(), faceData)
			if err != nil {
				return err
			}
			request.By = shellUser()
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, begins: true, do: func(ctx context.Context, desk *admin.Admin) error {
				made, err := desk.Setup(ctx, request)
				if err != nil {
					return err
				}
				if asJSON {
					return p.sayJSON(setupAnswer(made))
				}
				if asEnv {
					return p.say("export %s=%s\nexport %s=%s\n",
						client.EnvLicenseKey, made.Keys.LicenseKey, client.EnvLicenseSecret, made.LicenseSecret.Reveal())
				}
				return p.say("Data           %s\nOrganization   %s  (%s)\nInstance       %s  (%s)\nLicenseKey     %s\nLicenseSecret  %s\n\n"+
					"Keep the LicenseSecret now: it can't be shown again.\n"+
					"Next, add the webhook of a Teams channel: teamsconnector webhook add --name NAME --url -\n",
					c.data.place(), made.Organization.Name, made.Organization.ID, made.Subscription.InstanceName, made.Subscription.ID,
					made.Keys.LicenseKey, made.LicenseSecret.Reveal())
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&request.Name, "name", "", "name of the organization (required)")
	cmd.Flags().StringVar(&request.Email, "email", "", "e-mail address of the Technical Contact")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	cmd.Flags().BoolVar(&asEnv, "env", false, "print the keys as lines for a shell: eval \"$(teamsconnector setup ... --env)\"")
	cmd.MarkFlagsMutuallyExclusive("json", "env")
	return cmd
}

// setupJSON has the field names of the management API.
type setupJSON struct {
	Organization struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"organization"`
	Subscription struct {
		ID           string `json:"id"`
		InstanceName string `json:"instanceName"`
		Plan         string `json:"plan"`
	} `json:"subscription"`
	Keys keysJSON `json:"keys"`
}

func setupAnswer(made admin.SetupResult) setupJSON {
	var a setupJSON
	a.Organization.ID, a.Organization.Name = string(made.Organization.ID), made.Organization.Name
	a.Subscription.ID, a.Subscription.InstanceName = string(made.Subscription.ID), made.Subscription.InstanceName
	a.Subscription.Plan = made.Subscription.Plan
	a.Keys = keysAnswer(admin.Keys{KeysRow: made.Keys, LicenseSecret: made.LicenseSecret})
	return a
}
