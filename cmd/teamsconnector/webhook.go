package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (p process) webhookCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Configure webhooks, and see why one does not move", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(p.webhookAddCommand(), p.webhookListCommand(), p.webhookShowCommand(), p.webhookPauseCommand(), p.webhookResumeCommand(),
		p.webhookEditCommand(), p.webhookTestCommand(), p.webhookDeleteCommand())
	return cmd
}

func (p process) webhookAddCommand() *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{
		Use:   "add --name NAME (--url - | --url-file FILE | --url URL)",
		Short: "Save the webhook of a Teams channel; prints its Webhook ID",
		Long: "Saves the webhook of a Teams channel and prints its Webhook ID, which apps send to. It works at once, beside a running serve too.\n\n" +
			"The URL is a secret: whoever has it can post to the channel. Given as --url URL it can be seen by others on this machine\n" +
			"(ps) and stays in the shell's history; --url - reads it from standard input and --url-file from a file.",
		Example: "  teamsconnector webhook add --name Builds --url - < url.txt",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.addWebhook(cmd, f) },
	}
	addFlags(cmd.Flags(), faceData|faceTargets)
	f.add(cmd.Flags(), "name", "webhook name, unique in its instance (required)")
	cmd.Flags().StringVar(&f.instance, "instance", "", "instance name or subscription id; not needed where there is only one")
	cmd.Flags().BoolVar(&f.onlyID, "id", false, "print the Webhook ID and nothing else")
	cmd.MarkFlagsMutuallyExclusive("json", "id")
	return cmd
}

func (p process) addWebhook(cmd *cobra.Command, f webhookFlags) error {
	if err := required(cmd, "name"); err != nil {
		return err
	}
	fields, err := f.fields(cmd.Flags(), "name")
	if err != nil {
		return err
	}
	if fields.URL, err = p.readURL(f); err != nil {
		return usageError(err)
	}
	return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData | faceTargets, do: func(ctx context.Context, desk *admin.Admin) error {
		sub, err := desk.Choose(ctx, f.instance)
		if err != nil {
			return err
		}
		made, err := desk.AddWebhook(ctx, shellActor(), admin.WebhookRequest{Subscription: sub.ID, WebhookFields: fields})
		if err != nil {
			return err
		}
		if f.onlyID {
			return p.say("%s\n", made.ID)
		}
		return p.sayWebhook(made, f.asJSON)
	}})
}

// maxURLBytes is above any webhook URL; the rule about its length is the door's.
const maxURLBytes = 64 << 10

// readURL reads the URL from where the flags say. Lines and spaces around it
// come from pasting and mean nothing.
func (p process) readURL(f webhookFlags) (connector.Secret, error) {
	text := f.url
	switch {
	case f.url != "" && f.urlFile != "":
		return connector.Secret{}, errors.New("give one of --url and --url-file, not both")
	case f.url == "-":
		raw, err := io.ReadAll(io.LimitReader(p.in, maxURLBytes))
		if err != nil {
			return connector.Secret{}, fmt.Errorf("read the URL from standard input: %w", err)
		}
		text = string(raw)
	case f.urlFile != "":
		file, err := os.Open(f.urlFile)
		if err != nil {
			return connector.Secret{}, fmt.Errorf("read --url-file: %w", err)
		}
		raw, err := io.ReadAll(io.LimitReader(file, maxURLBytes))
		if err = errors.Join(err, file.Close()); err != nil {
			return connector.Secret{}, fmt.Errorf("read --url-file: %w", err)
		}
		text = string(raw)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return connector.Secret{}, errors.New("there is no URL: give it with --url - (standard input), --url-file FILE or --url URL")
	}
	return connector.NewSecret(text), nil
}

// settingsJSON are a webhook's own, with the field names of the management API.
type settingsJSON struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Host        string `json:"host"`
	FlowOwner   string `json:"flowOwner,omitempty"`
	Profile     string `json:"profile"`
	Payload     string `json:"payload"`
	Combine     bool   `json:"combine"`
	Order       string `json:"order"`
	OnUnclear   string `json:"onUnclear"`
	Urgent      bool   `json:"urgent"`
	MessageLife int    `json:"messageLife"`
}

func settingsOf(w *admin.WebhookRow) settingsJSON {
	return settingsJSON{
		ID: string(w.ID), Name: w.Name, Host: w.Host, FlowOwner: w.FlowOwner, Profile: w.Profile.String(), Payload: w.Payload.String(),
		Combine: w.Combine, Order: w.Order.String(), OnUnclear: w.OnUnclear.String(), Urgent: w.Urgent, MessageLife: int(w.MessageLife.Seconds()),
	}
}

type webhookJSON struct {
	settingsJSON

	Warnings []string `json:"warnings"`
}

func (p process) sayWebhook(w admin.Webhook, asJSON bool) error {
	if asJSON {
		return p.sayJSON(webhookJSON{settingsOf(&w.WebhookRow), append([]string{}, w.Warnings...)})
	}
	for _, warning := range w.Warnings {
		p.complain("warning: %s\n", warning)
	}
	return p.say("Webhook ID  %s\n", w.ID)
}
