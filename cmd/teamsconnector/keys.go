package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
)

func (p process) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Make, list and delete binding keys", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(p.keysCreateCommand(), p.keysListCommand(), p.keysDeleteCommand())
	return cmd
}

// group is a command that only groups others: called alone it shows them.
func group(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func (p process) keysCreateCommand() *cobra.Command {
	var request admin.KeysRequest
	var instance string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make a pair of binding keys, one per app",
		Long: "Makes a pair of binding keys and prints it. The LicenseSecret is shown this once.\n" +
			"Where the instance has keys of that name already, their LicenseKey is printed and nothing changes, so a script may call it again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				keys, err := createKeys(ctx, desk, request, instance)
				switch {
				case err != nil:
					return err
				case asJSON:
					return p.sayJSON(keysAnswer(keys))
				case keys.LicenseSecret.Empty():
					return p.say("LicenseKey     %s\nLicenseSecret  was shown when these keys were made; where it is lost, create keys with another name\n", keys.LicenseKey)
				}
				return p.say("LicenseKey     %s\nLicenseSecret  %s\n\nKeep the LicenseSecret now: it can't be shown again.\n",
					keys.LicenseKey, keys.LicenseSecret.Reveal())
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&request.Name, "name", "", "a meaningful name, which includes the app's (required)")
	cmd.Flags().StringVar(&instance, "instance", "", "instance name or subscription id; not needed where there is only one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// createKeys makes the keys, or finds those that have the name: then without their secret.
func createKeys(ctx context.Context, desk *admin.Admin, r admin.KeysRequest, instance string) (admin.Keys, error) {
	sub, err := desk.Choose(ctx, instance)
	if err != nil {
		return admin.Keys{}, err
	}
	r.Subscription = sub.ID
	all, err := desk.KeysOf(ctx, shellActor(), sub.ID)
	if err != nil {
		return admin.Keys{}, err
	}
	for _, keys := range all {
		if keys.Name == r.Name {
			return admin.Keys{KeysRow: keys}, nil
		}
	}
	return desk.CreateKeys(ctx, shellActor(), r)
}

// keysJSON has the field names of the management API.
type keysJSON struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	LicenseKey    string `json:"licenseKey"`
	LicenseSecret string `json:"licenseSecret,omitempty"` // absent: it was shown before
}

func keysAnswer(keys admin.Keys) keysJSON {
	return keysJSON{string(keys.ID), keys.Name, keys.LicenseKey, keys.LicenseSecret.Reveal()}
}
