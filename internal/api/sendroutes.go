package api

import (
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// sendRoutes are what an app needs: it sends, and reads how far a message has come.
func (a *API) sendRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: sendPath, id: "sendMessage", summary: "Send a message to a channel",
			details:  "Answers when Microsoft accepted the message, or after 10 s. The message is on disk when there is an answer 200.",
			keysOnly: true, typed: described[sendInput, one[sendAnswer]](a.sendMessage),
			answered: "The message is on disk; status says how far it has come.", later: true,
			refusals: []refusal{
				{http.StatusBadRequest, "the body is not JSON"},
				{http.StatusUnauthorized, "license_invalid: wrong, deleted or missing keys"},
				{http.StatusForbidden, "subscription_expired or message_quota_exhausted"},
				{http.StatusNotFound, "webhook_not_found: no such Webhook ID in this subscription"},
				{http.StatusConflict, "message_key_reused: the same key with other content"},
				{http.StatusRequestEntityTooLarge, "larger than Teams takes"},
				{http.StatusUnprocessableEntity, "a field is wrong"},
				{http.StatusTooManyRequests, "rate_limited or backlog_full: wait as Retry-After says, then repeat it with the same messageKey"},
				{http.StatusServiceUnavailable, "not_accepted or accept_unknown: try again with the same messageKey"},
			},
		},
	}
}

const sendPath = "/api/v1/messages"

// sendInput describes what decodeSend reads.
type sendInput struct {
	Prefer         string `header:"Prefer" doc:"wait=N: answer after at most N seconds, 0 to 55 (10 when absent); respond-async: answer as soon as the message is stored"`
	IdempotencyKey string `header:"Idempotency-Key" doc:"stands for messageKey"`
	Body           sendFields
}

type sendFields struct {
	WebhookID   connector.WebhookID `json:"webhookId" example:"wh_01jd0000000000000000000000" doc:"the Webhook ID of the channel"`
	TextMessage string              `json:"textMessage,omitempty" example:"Ticket 4711 was raised." doc:"the text; this or card is needed"`
	Title       string              `json:"title,omitempty" example:"Support" doc:"a title over the text"`
	Level       string              `json:"level,omitempty" enum:"info,good,warning,error" example:"info" doc:"info, good, warning or error"`
	Facts       []sendFact          `json:"facts,omitempty" nullable:"false" doc:"names and values below the text"`
	Link        *sendLink           `json:"link,omitempty" doc:"a button below the text"`
	Card        map[string]any      `json:"card,omitempty" doc:"an Adaptive Card instead of the text"`
	MessageKey  string              `json:"messageKey,omitempty" example:"ticket-4711" doc:"makes a repeat of the call safe: the same key and content is the same message"`
	ExpiresIn   int                 `json:"expiresIn,omitempty" example:"86400" doc:"seconds that the message may wait"`
}

type sendFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type sendLink struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}
