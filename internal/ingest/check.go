package ingest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// The limits of what a call may ask for.
const (
	MaxKeyRunes     = 255 // of a message key, in code points
	MinExpiresIn    = time.Second
	MaxExpiresIn    = 14 * 24 * time.Hour
	maxWebhookBytes = 64 // a Webhook ID has 29; what is longer is something else
)

// checkAll is Check for a message that must be whole.
func checkAll(m connector.Message) (warnings []string, problem *connector.Error) {
	switch {
	case m.Webhook == "":
		return nil, connector.Invalid("/webhookId", "webhookId is missing.")
	case m.Content.Kind == 0:
		return nil, connector.Invalid("/textMessage", "There is nothing to send: textMessage or card is missing.")
	}
	return Check(m)
}

// Check says everything that is wrong with a message before it is stored, all
// fields at once. Fields that are absent are not looked at, so that a half-read
// message can be checked as well.
func Check(m connector.Message) (warnings []string, problem *connector.Error) {
	var all []*connector.Error
	if m.Webhook != "" {
		all = append(all, checkWebhook(m.Webhook))
	}
	switch m.Content.Kind {
	case connector.KindText:
		all = append(all, teams.CheckText(m.Content.Body))
	case connector.KindRich:
		all = append(all, teams.CheckRich(m.Content.Body))
	case connector.KindCard:
		w, err := teams.CheckCard(m.Content.Body)
		warnings = w
		all = append(all, err)
	case connector.KindMail: // the service's own
	}
	if m.Key != "" {
		all = append(all, checkKey(m.Key))
	}
	if m.ExpiresIn != 0 && (m.ExpiresIn < MinExpiresIn || m.ExpiresIn > MaxExpiresIn) {
		all = append(all, connector.Invalid("/expiresIn", "expiresIn must be between %d and %d seconds (14 days).",
			int(MinExpiresIn.Seconds()), int(MaxExpiresIn.Seconds())))
	}
	return warnings, Join(all...)
}

// checkWebhook refuses what can't be a Webhook ID. Whether one exists is the
// store's answer, after the message key and the subscription.
func checkWebhook(id connector.WebhookID) *connector.Error {
	strange := strings.ContainsFunc(string(id), func(r rune) bool {
		return r != '_' && r != '-' && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z') && !('0' <= r && r <= '9')
	})
	if strange || len(id) > maxWebhookBytes {
		return connector.Invalid("/webhookId",
			"webhookId is not a Webhook ID: one begins with %s and has only letters and digits. Copy it as it was given when the webhook was added.", connector.WebhookPrefix)
	}
	return nil
}

func checkKey(key string) *connector.Error {
	const pointer = "/messageKey"
	switch {
	case !utf8.ValidString(key):
		return connector.Invalid(pointer, "messageKey is not valid UTF-8.")
	case strings.ContainsFunc(key, unicode.IsControl):
		return connector.Invalid(pointer, "messageKey must not contain control characters.")
	case !connector.Visible(key):
		return connector.Invalid(pointer, "messageKey is blank. Give it a visible character, or leave it out.")
	case utf8.RuneCountInString(key) > MaxKeyRunes:
		return connector.Invalid(pointer, "messageKey has %d characters; the limit is %d.", utf8.RuneCountInString(key), MaxKeyRunes)
	}
	return nil
}

// Join makes one error of several: a single one stays as it is, and several
// become one that names all their fields. Of the codes the first that is not
// about size wins: what is wrong stays wrong when it is made shorter.
func Join(all ...*connector.Error) *connector.Error {
	all = slices.DeleteFunc(all, func(e *connector.Error) bool { return e == nil })
	if len(all) == 0 {
		return nil
	}
	if len(all) == 1 {
		return all[0]
	}
	joined := &connector.Error{Code: all[0].Code}
	for _, e := range all {
		if joined.Code == connector.TooLarge {
			joined.Code = e.Code
		}
		joined.Fields = append(joined.Fields, e.Fields...)
	}
	details := make([]string, 0, len(joined.Fields))
	for _, f := range joined.Fields {
		details = append(details, sentence(strings.TrimPrefix(f.Pointer, "/")+": "+f.Detail))
	}
	joined.Message = fmt.Sprintf("%d fields are wrong. %s", len(joined.Fields), strings.Join(details, " "))
	return joined
}
