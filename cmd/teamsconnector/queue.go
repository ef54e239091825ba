package main

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (p process) webhookListCommand() *cobra.Command {
	var instance string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the webhooks of an instance, their status and what waits",
		Long: "Lists the webhooks of an instance: name, Webhook ID, the URL's host, status, and how many messages wait.\n" +
			"Why a queue is not moving: teamsconnector webhook show --name NAME",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				return p.listWebhooks(ctx, desk, instance, asJSON)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&instance, "instance", "", "instance name or subscription id; not needed where there is only one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func (p process) listWebhooks(ctx context.Context, desk *admin.Admin, instance string, asJSON bool) error {
	sub, err := desk.Choose(ctx, instance)
	if err != nil {
		return err
	}
	list, err := desk.Webhooks(ctx, shellActor(), sub.ID, admin.WebhookFilter{}, connector.Page{Limit: math.MaxInt32})
	if err != nil {
		return err
	}
	all := list.Items
	if asJSON {
		out := listJSON[queueJSON]{Items: []queueJSON{}}
		for i := range all {
			out.Items = append(out.Items, queueAnswer(&all[i]))
		}
		return p.sayJSON(out)
	}
	if len(all) == 0 {
		return p.say("The instance %s has no webhooks yet. Add one with: teamsconnector webhook add --name NAME --url -\n", shown(sub.InstanceName))
	}
	rows := [][]string{{"NAME", "WEBHOOK ID", "HOST", "STATUS", "WAITING"}}
	for i := range all {
		w := &all[i]
		rows = append(rows, []string{shown(w.Name), string(w.ID), shown(w.Host), w.Status.String(), strconv.Itoa(w.Waiting)})
	}
	return p.sayTable(rows)
}

// webhookChoice adds the flags that say which webhook is meant.
func webhookChoice(flags *pflag.FlagSet, choice *admin.WebhookChoice) {
	flags.StringVar((*string)(&choice.ID), "webhook", "", "Webhook ID; it needs no instance")
	flags.StringVar(&choice.Name, "name", "", "webhook name")
	flags.StringVar(&choice.Instance, "instance", "", "instance name or subscription id; not needed where there is only one")
}

func checkChoice(choice admin.WebhookChoice) error {
	if (choice.ID == "") == (choice.Name == "") {
		return usageError(errors.New("say which webhook: --webhook ID or --name NAME, one of them; see: teamsconnector webhook list"))
	}
	return nil
}

func (p process) webhookShowCommand() *cobra.Command {
	var choice admin.WebhookChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show (--webhook ID | --name NAME)",
		Short: "Show a webhook, and why its queue is not moving",
		Long: "Shows all of a webhook but its URL: its status with the cause, what waits and since when, until when Teams asked to wait,\n" +
			"until when Microsoft's limit is used up, the last attempt and the next. It is told from what is on disk: beside a running\n" +
			"service and without one.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkChoice(choice); err != nil {
				return err
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				w, err := desk.Queue(ctx, choice)
				switch {
				case err != nil:
					return err
				case asJSON:
					return p.sayJSON(queueAnswer(&w))
				}
				return p.sayQueue(&w)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	webhookChoice(cmd.Flags(), &choice)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// queueJSON has the field names of the management API. Times that are absent are null.
type queueJSON struct {
	settingsJSON

	CreatedAt   time.Time    `json:"createdAt"`
	Status      string       `json:"status"`
	Cause       string       `json:"cause,omitempty"`
	HeldSince   *time.Time   `json:"heldSince"`
	Waiting     int          `json:"waiting"`
	OldestAt    *time.Time   `json:"oldestWaitingSince"`
	AskedUntil  *time.Time   `json:"teamsAskedToWaitUntil"`
	WindowUntil *time.Time   `json:"limitUsedUpUntil"`
	NextAttempt *time.Time   `json:"nextAttemptAt"`
	EmptyAt     *time.Time   `json:"queueEmptyAt"`
	WaitsFor    string       `json:"waitsFor,omitempty"`
	Why         string       `json:"why,omitempty"`
	Warnings    []string     `json:"warnings"`
	Failures    int          `json:"failuresInARow"`
	Sent        int          `json:"sentThisMonth"`
	Last        *attemptJSON `json:"lastAttempt,omitempty"`
}

// attemptJSON is the last attempt at any of its messages.
type attemptJSON struct {
	MessageID  string    `json:"messageId"`
	N          int       `json:"n"`
	At         time.Time `json:"at"`
	Verdict    string    `json:"verdict"`
	Reason     string    `json:"reason"`
	Detail     string    `json:"detail"`
	HTTPStatus int       `json:"httpStatus,omitempty"`
	Answer     string    `json:"answer,omitempty"`
	RunID      string    `json:"runId,omitempty"`
}

func queueAnswer(w *admin.Queue) queueJSON {
	a := queueJSON{
		settingsJSON: settingsOf(&w.WebhookRow), Sent: w.Sent,
		CreatedAt: w.Created, Status: w.Status.String(), Cause: w.Cause, HeldSince: timeJSON(w.LaneRow.HeldSince),
		Waiting: w.Waiting, OldestAt: timeJSON(w.Oldest), AskedUntil: timeJSON(w.AskedUntil), WindowUntil: timeJSON(w.WindowUntil),
		NextAttempt: timeJSON(w.Next), Failures: w.LaneRow.Failures,
		EmptyAt: timeJSON(w.Empty), Why: w.Why, Warnings: append([]string{}, w.Warnings()...),
	}
	if w.WaitsFor != 0 {
		a.WaitsFor = w.WaitsFor.String()
	}
	if l := w.Last; l != nil {
		o := &l.Outcome
		a.Last = &attemptJSON{string(l.Message), l.N, l.At, o.Verdict.String(), string(o.Reason), o.Detail, o.HTTPStatus, o.Answer, o.RunID}
	}
	return a
}

// sayQueue shows a webhook to a person who wants to know why it does not move.
func (p process) sayQueue(w *admin.Queue) error {
	var text strings.Builder
	line := func(name, value string) {
		if value != "" {
			text.WriteString(name + strings.Repeat(" ", max(2, 16-len(name))) + value + "\n")
		}
	}
	line("Webhook ID", string(w.ID))
	line("Name", shown(w.Name))
	line("Host", shown(w.Host))
	line("Flow owner", shown(w.FlowOwner))
	line("Profile", w.Profile.String())
	line("Payload", w.Payload.String())
	line("Combine", yesNo(w.Combine))
	line("Order", w.Order.String())
	line("On unclear", w.OnUnclear.String())
	line("Urgent", yesNo(w.Urgent))
	line("Message life", lifeWords(w.MessageLife))
	line("Created", when(w.Created, ""))
	line("Status", w.Status.String())
	line("Cause", shown(w.Cause))
	line("Held since", when(w.LaneRow.HeldSince, ""))
	line("Sent", counted(w.Sent, "message")+" this month (UTC)")
	line("Waiting", waitingWords(w))
	line("Asked to wait", until(w.AskedUntil, ": Teams asked for it"))
	line("Limit used up", until(w.WindowUntil, ": all that Microsoft allows the flow owner's webhooks (profile "+w.Profile.String()+") was sent"))
	line("Last attempt", lastWords(w))
	line("Next attempt", nextWords(w))
	line("Queue empty", when(w.Empty, ""))
	for _, warning := range w.Warnings() {
		line("Warning", warning)
	}
	line("To do", todo(w))
	return p.say("%s", text.String())
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func lifeWords(life time.Duration) string {
	if life == 0 {
		return "24h0m0s, unless the app says otherwise"
	}
	return life.String() + ", unless the app says otherwise"
}

func waitingWords(w *admin.Queue) string {
	if w.Waiting == 0 {
		return "nothing"
	}
	return counted(w.Waiting, "message") + ", the oldest since " + when(w.Oldest, "")
}

func until(t time.Time, why string) string {
	if t.IsZero() {
		return ""
	}
	return "until " + when(t, "") + why
}

// lastWords says what came of the last attempt.
func lastWords(w *admin.Queue) string {
	if w.Last == nil {
		return ""
	}
	o := w.Last.Outcome
	text := when(w.Last.At, "") + ": " + string(o.Reason)
	if o.HTTPStatus > 0 {
		text += " (HTTP " + strconv.Itoa(o.HTTPStatus) + ")"
	}
	if o.Detail != "" {
		text += ". " + shown(o.Detail)
	}
	if o.Answer != "" {
		text += " Teams said: " + shown(o.Answer)
	}
	return text
}

func nextWords(w *admin.Queue) string {
	switch {
	case w.Waiting == 0:
		return ""
	case w.State.Held():
		return "none until it goes on"
	case w.Next.IsZero():
		return "none"
	case w.AskedUntil.IsZero() && w.WindowUntil.IsZero() && w.RetryAt.IsZero():
		return "due now: a running service makes it at once"
	case w.LaneRow.Failures > 0:
		return when(w.Next, "") + ", after " + counted(w.LaneRow.Failures, "attempt") + " in a row that came to nothing"
	}
	return when(w.Next, "")
}

// todo is the next step of a person.
func todo(w *admin.Queue) string {
	switch w.Status {
	case admin.StatusStopped:
		return "mend the cause, then: teamsconnector webhook resume --webhook " + string(w.ID)
	case admin.StatusPaused:
		return "to let it go on: teamsconnector webhook resume --webhook " + string(w.ID)
	case admin.StatusNotUsed:
		return "send to it: teamsconnector send --webhook " + string(w.ID) + " --text Hello"
	case admin.StatusDelivering, admin.StatusWaiting, admin.StatusRetrying, admin.StatusRetired:
	}
	return ""
}
