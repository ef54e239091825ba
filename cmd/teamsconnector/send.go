package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/client"
)

// maxMessage is above the largest body that the service takes (256 KiB), so
// that the service's own words reach the person.
const maxMessage = 1 << 20

// sendFlags are the flags of send, as they were typed.
type sendFlags struct {
	webhook, text, card, key string
	title, level, link       string
	facts                    []string
	expiresIn, wait          time.Duration
	asJSON, acceptOK         bool
}

func (p process) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send --webhook ID (--text TEXT | --card FILE | -)",
		Short: "Send a message to a Teams channel",
		Long: "Sends a message and says how far it has come. With - the text is read from standard input; --card - reads a card from there.\n" +
			"A text may have a title, a level, facts and a link beside it: Teams then shows them as a card.\n\n" +
			"Exit codes: 0 sent; 3 accepted or held: stored, and on its way or waiting (0 with --accept-ok);\n" +
			"4 refused, failed, expired or uncertain; 5 license or quota; 6 not reached (or not a Teams Connector), or too busy after all tries; 2 wrong usage.",
		Example: "  teamsconnector send --webhook wh_... --text 'Backup finished'\n" +
			"  teamsconnector send --webhook wh_... --text 'Disk almost full' --title db-2 --level warning --fact 'Used=91 %' --link 'Open=https://grafana.example.com/db-2'\n" +
			"  df -h | teamsconnector send --webhook wh_... -",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.send(cmd, f, args) },
	}
	addFlags(cmd.Flags(), faceSend)
	flags := cmd.Flags()
	flags.StringVar(&f.webhook, "webhook", "", "Webhook ID (required)")
	flags.StringVar(&f.text, "text", "", "the text")
	flags.StringVar(&f.title, "title", "", "a title above the text")
	flags.StringVar(&f.level, "level", "", "how it is meant: "+strings.Join(levels(), ", ")+"; shown as a color")
	flags.StringArrayVar(&f.facts, "fact", nil, "NAME=VALUE, a line below the text; may be given again")
	flags.StringVar(&f.link, "link", "", "TEXT=URL or just URL: a button that opens a page")
	flags.StringVar(&f.card, "card", "", "file with an Adaptive Card in JSON, or - for standard input")
	flags.StringVar(&f.key, "message-key", "", "makes a repeat safe: the same key and content is the same message")
	flags.DurationVar(&f.expiresIn, "expires-in", 0, "how long the message may wait for Teams, such as 2h (default: the service's, 24h)")
	flags.DurationVar(&f.wait, "wait", 0, "how long to wait for Teams, up to 55s; 0s: only until it is stored (default: the service's, 10s)")
	flags.BoolVar(&f.asJSON, "json", false, "print the answer as JSON, for programs")
	flags.BoolVar(&f.acceptOK, "accept-ok", false, "exit with 0 when the message is stored and still on its way")
	return cmd
}

func (p process) send(cmd *cobra.Command, f sendFlags, args []string) error {
	if err := required(cmd, "webhook"); err != nil {
		return err
	}
	message, err := p.readMessage(cmd, f, args)
	if err != nil {
		return usageError(err)
	}
	c, err := p.loadConfig(cmd.Flags(), faceSend)
	if err != nil {
		return err
	}
	if c.send.licenseKey == "" || c.send.licenseSecret.Empty() {
		return usageError(fmt.Errorf("the app's binding keys are missing: set %s and %s (or %s)",
			client.EnvLicenseKey, client.EnvLicenseSecret, envName("license-secret"+fileSuffix)))
	}
	teams := client.New(c.send.url, c.send.licenseKey, c.send.licenseSecret.Reveal())
	response, err := teams.Send(cmd.Context(), message)
	if err != nil {
		return p.sayNotStored(err, c.send.url, f.asJSON)
	}
	return p.sayStored(response, f)
}

// readMessage reads what is to be sent from where the flags say. Every byte is kept.
func (p process) readMessage(cmd *cobra.Command, f sendFlags, args []string) (client.Message, error) {
	m := client.Message{WebhookID: f.webhook, Key: f.key, ExpiresIn: f.expiresIn, Wait: f.wait}
	given := 0
	for _, name := range []string{"text", "card"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	if cmd.Flags().Changed("wait") && f.wait <= 0 { // -1s is how it was written before
		m.Wait = client.NoWait
	}
	if err := errors.Join(f.checkTimes(cmd), f.addRich(&m)); err != nil {
		return m, err
	}
	fromInput := len(args) == 1 && args[0] == "-"
	switch {
	case len(args) == 1 && !fromInput:
		return m, fmt.Errorf("unexpected argument %q: give the text with --text, or - to read it from standard input", args[0])
	case given+len(args) == 0:
		return m, errors.New("there is nothing to send: give --text TEXT, --card FILE, or - to read a text from standard input")
	case given+len(args) > 1:
		return m, errors.New("give one of --text, --card and -, not several")
	case cmd.Flags().Changed("card") && f.beside():
		return m, errors.New("--title, --level, --fact and --link go with a text: put them into the card itself")
	case cmd.Flags().Changed("card"):
		raw, err := p.readCard(f.card)
		m.Card = raw
		return m, err
	case fromInput:
		raw, err := readAtMost(p.in, "standard input")
		m.Text = string(raw)
		return m, err
	}
	m.Text = f.text
	return m, nil
}

// The longest times that the service takes.
const (
	longestWait = 55 * time.Second
	longestLife = 14 * 24 * time.Hour
)

// checkTimes refuses times that would be rounded or cut without a word.
func (f sendFlags) checkTimes(cmd *cobra.Command) error {
	if cmd.Flags().Changed("expires-in") && (f.expiresIn < time.Second || f.expiresIn > longestLife || f.expiresIn%time.Second != 0) {
		return fmt.Errorf("--expires-in is %v: it is how long the message may wait, in whole seconds from 1s to 336h (14 days), such as 2h", f.expiresIn)
	}
	if f.wait != -time.Second && (f.wait < 0 || f.wait > longestWait || f.wait%time.Second != 0) {
		return fmt.Errorf("--wait is %v: it is a whole number of seconds from 0s (only until the message is stored) to 55s", f.wait)
	}
	return nil
}

func (p process) readCard(path string) (json.RawMessage, error) {
	if path == "-" {
		return checkCard(readAtMost(p.in, "standard input"))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read --card: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return checkCard(readAtMost(file, path))
}

func checkCard(raw []byte, err error) (json.RawMessage, error) {
	if err == nil && !json.Valid(raw) {
		err = errors.New("--card is not JSON: give an Adaptive Card, as the designer at adaptivecards.microsoft.com exports it")
	}
	return raw, err
}

func readAtMost(r io.Reader, name string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(raw) > maxMessage {
		return nil, fmt.Errorf("%s holds more than %d bytes, far more than a message may have", name, maxMessage)
	}
	return raw, nil
}

// sentJSON is the service's answer with the field names of its API.
type sentJSON struct {
	Sent        bool                `json:"sentMessage"`
	Message     string              `json:"message"`
	MessageID   string              `json:"messageId,omitempty"`
	Status      string              `json:"status,omitempty"`
	ExpectedAt  time.Time           `json:"expectedAt,omitzero"`
	MaybePosted bool                `json:"maybePosted,omitempty"`
	Warnings    []string            `json:"warnings,omitempty"`
	Code        string              `json:"code,omitempty"` // of an error
	Errors      []client.FieldError `json:"errors,omitempty"`
	RequestID   string              `json:"requestId,omitempty"`
}

// sayStored says how far a stored message has come, also by exit code.
func (p process) sayStored(r client.Response, f sendFlags) error {
	var err error
	if f.asJSON {
		err = p.sayJSON(sentJSON{
			Sent: r.Sent, Message: r.Message, MessageID: r.MessageID, Status: r.Status,
			ExpectedAt: r.Expected, MaybePosted: r.MaybePosted, Warnings: r.Warnings,
		})
	} else {
		for _, warning := range r.Warnings {
			p.complain("warning: %s\n", warning)
		}
		err = p.say("%s: %s (%s)\n", r.Status, r.Message, r.MessageID)
	}
	if err != nil {
		return err
	}
	switch r.Status {
	case client.StatusSent, client.StatusPosted:
		return nil
	case client.StatusAccepted, client.StatusHeld:
		if f.acceptOK {
			return nil
		}
		return exitError{code: exitWaiting}
	}
	return exitError{code: exitEnded}
}

// sayNotStored says why a message was not stored, also by exit code.
func (p process) sayNotStored(err error, url string, asJSON bool) error {
	code := exitEnded
	answer := sentJSON{Message: err.Error()}
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		switch {
		case errors.Is(err, client.ErrLicenseInvalid), errors.Is(err, client.ErrSubscriptionExpired), errors.Is(err, client.ErrQuotaExhausted):
			code = exitLicense
		case errors.Is(err, client.ErrNotReached), refused.Status == http.StatusTooManyRequests, refused.Status >= http.StatusInternalServerError:
			code = exitAway
		}
		if errors.Is(err, client.ErrUnknown) && refused.Code != "accept_unknown" { // whose own words say it
			refused.Message += " An earlier try may have been stored."
		}
		answer = sentJSON{Message: refused.Message, Code: refused.Code, Errors: refused.Fields, RequestID: refused.RequestID}
	case errors.Is(err, client.ErrUnknown):
		code = exitAway
		answer.Message = fmt.Sprintf("%s did not answer, so it is not known whether the message was stored (%s). A --message-key makes a repeat safe.", url, err)
	case errors.Is(err, client.ErrNotReached):
		code = exitAway
		answer.Message = fmt.Sprintf("%s was not reached, so nothing was stored (%s). Is the service running? Its address is set with --url or %s.", url, err, client.EnvURL)
	}
	if asJSON {
		return errors.Join(exitError{code: code}, p.sayJSON(answer))
	}
	if refused != nil {
		answer.Message = refusal(refused)
	}
	return exitError{code, errors.New(answer.Message)}
}

// refusal is the service's sentence, with the fields that it names and the
// request's id where only an operator can find out more.
func refusal(e *client.Error) string {
	text := e.Message
	for _, f := range e.Fields {
		if f.Detail != e.Message {
			text += fmt.Sprintf("\n  %s: %s", f.Pointer, f.Detail)
		}
	}
	if e.Status >= http.StatusInternalServerError && e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}
