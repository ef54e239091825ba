package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
)

func (p process) keysListCommand() *cobra.Command {
	var instance string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the binding keys of an instance, without their secrets",
		Long: "Lists the binding keys of an instance: name, LicenseKey, who made them and when, and when they were last used (to a minute).\n" +
			"A LicenseSecret can't be shown again; where one is lost, create keys with another name and delete the old ones.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				return p.listKeys(ctx, desk, instance, asJSON)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&instance, "instance", "", "instance name or subscription id; not needed where there is only one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// keysRowJSON has the field names of the management API.
type keysRowJSON struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	LicenseKey string     `json:"licenseKey"`
	CreatedBy  string     `json:"createdBy"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsed   *time.Time `json:"lastUsed"` // null: never
}

func (p process) listKeys(ctx context.Context, desk *admin.Admin, instance string, asJSON bool) error {
	sub, err := desk.Choose(ctx, instance)
	if err != nil {
		return err
	}
	all, err := desk.KeysOf(ctx, shellActor(), sub.ID)
	if err != nil {
		return err
	}
	if asJSON {
		list := listJSON[keysRowJSON]{Items: []keysRowJSON{}}
		for _, k := range all {
			list.Items = append(list.Items, keysRowJSON{string(k.ID), k.Name, k.LicenseKey, k.CreatedBy, k.Created, timeJSON(k.LastUsed)})
		}
		return p.sayJSON(list)
	}
	if len(all) == 0 {
		return p.say("The instance %s has no keys. Make a pair with: teamsconnector keys create --name NAME\n", shown(sub.InstanceName))
	}
	rows := [][]string{{"NAME", "LICENSEKEY", "CREATED BY", "CREATED AT", "LAST USED"}}
	for _, k := range all {
		rows = append(rows, []string{shown(k.Name), k.LicenseKey, shown(k.CreatedBy), when(k.Created, ""), when(k.LastUsed, "never")})
	}
	return p.sayTable(rows)
}

func (p process) keysDeleteCommand() *cobra.Command {
	var r admin.KeysDeletion
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "delete (--name NAME | --key LICENSEKEY)",
		Short: "Delete a pair of binding keys; it is refused within one second",
		Long: "Deletes a pair of binding keys for good: a running service refuses it within one second. What was accepted under it still\n" +
			"goes out, and is named. Keys that were deleted before are said to be gone, so a script may call it again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (r.Name == "") == (r.LicenseKey == "") {
				return usageError(errors.New("say which keys: --name NAME or --key LICENSEKEY, one of them; see: teamsconnector keys list"))
			}
			r.By = shellUser()
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				deleted, err := desk.DeleteKeys(ctx, r)
				if err != nil {
					return err
				}
				return p.sayDeleted(deleted, asJSON)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&r.Name, "name", "", "name of the keys")
	cmd.Flags().StringVar(&r.LicenseKey, "key", "", "their LicenseKey; it needs no instance")
	cmd.Flags().StringVar(&r.Instance, "instance", "", "instance name or subscription id; not needed where there is only one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

type deletedKeysJSON struct {
	ID             string        `json:"id"`
	Name           string        `json:"name"`
	LicenseKey     string        `json:"licenseKey"`
	AlreadyDeleted bool          `json:"alreadyDeleted"`
	Waiting        []waitingJSON `json:"waiting"` // null: it could not be counted
}

// waitingJSON is what waits for one webhook.
type waitingJSON struct {
	WebhookID string `json:"webhookId"`
	Name      string `json:"name"`
	Waiting   int    `json:"waiting"`
}

func (p process) sayDeleted(d admin.DeletedKeys, asJSON bool) error {
	if d.Uncounted != nil {
		p.complain("warning: what still waits under these keys can't be told: %s\n", explain(d.Uncounted))
	}
	if asJSON {
		answer := deletedKeysJSON{ID: string(d.ID), Name: d.Name, LicenseKey: d.LicenseKey, AlreadyDeleted: !d.Before.IsZero()}
		if d.Uncounted == nil {
			answer.Waiting = []waitingJSON{}
		}
		for _, w := range d.Waiting {
			answer.Waiting = append(answer.Waiting, waitingJSON{string(w.Webhook), w.Name, w.Waiting})
		}
		return p.sayJSON(answer)
	}
	text := fmt.Sprintf("Deleted %s (%s). Whoever still uses it is refused within one second.\n", shown(d.Name), d.LicenseKey)
	if !d.Before.IsZero() {
		text = fmt.Sprintf("%s (%s) is gone: it was deleted at %s.\n", shown(d.Name), d.LicenseKey, when(d.Before, ""))
	}
	if len(d.Waiting) > 0 {
		text += "What was accepted under these keys still goes out:\n"
	}
	for _, w := range d.Waiting {
		text += fmt.Sprintf("  %s waiting for %s (%s)\n", counted(w.Waiting, "message"), shown(w.Name), w.Webhook)
	}
	return p.say("%s", text)
}
