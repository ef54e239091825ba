package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// How long webhook test waits for a running service, and how often it looks.
const (
	testPatience = 15 * time.Second
	testPoll     = 200 * time.Millisecond
)

func (p process) webhookTestCommand() *cobra.Command {
	var choice admin.WebhookChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test (--webhook ID | --name NAME)",
		Short: "Send a small text before all that waits, and say what Teams answered",
		Long: "Sends a small text before all that waits, also to a webhook that is stopped, which goes on when Teams accepts it. A running service\n" +
			"sends it; without one it is stored and goes when the service runs. It counts as a message. Exit code 0: Teams accepted it, 3: it is on\n" +
			"its way or held, 4: it did not arrive.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkChoice(choice); err != nil {
				return err
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				id, err := desk.FindWebhook(ctx, choice)
				if err != nil {
					return err
				}
				m, err := desk.TestWebhook(ctx, shellActor(), id)
				if err == nil {
					m, err = ended(ctx, desk, m)
				}
				if err != nil {
					return err
				}
				return p.sayTest(m, asJSON)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	webhookChoice(cmd.Flags(), &choice)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// ended waits for the end of a message, as long as it makes sense to.
func ended(ctx context.Context, desk *admin.Admin, m admin.Message) (admin.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	tick := time.NewTicker(testPoll)
	defer tick.Stop()
	for !m.State.Final() {
		select {
		case <-ctx.Done():
			return m, nil
		case <-tick.C:
		}
		now, err := desk.Message(context.WithoutCancel(ctx), shellActor(), m.ID)
		if err != nil {
			return m, err
		}
		m = now
	}
	return m, nil
}

// testJSON has the field names of the management API.
type testJSON struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
	Answer string `json:"answer,omitempty"`
}

func (p process) sayTest(m admin.Message, asJSON bool) error {
	out := testJSON{ID: string(m.ID), Status: admin.MessageStatus(&m.MessageEntry), Detail: m.Detail}
	if n := len(m.Attempts); n > 0 {
		last := m.Attempts[n-1].Outcome
		out.Answer = last.Answer
		if out.Detail == "" {
			out.Detail = last.Detail
		}
	}
	said, code := "Teams accepted the test.", exitOK
	switch m.State {
	case connector.StateSent, connector.StatePosted:
	case connector.StateAccepted:
		said, code = "The test is stored and has not gone yet. Without a running service it goes when one runs; see: teamsconnector webhook show", exitWaiting
	default:
		said, code = "The test did not arrive.", exitEnded
	}
	if asJSON {
		if err := p.sayJSON(out); err != nil {
			return err
		}
	} else if err := p.say("%s %s\n", said, out.Detail); err != nil {
		return err
	}
	if code == exitOK {
		return nil
	}
	return exitError{code: code}
}
