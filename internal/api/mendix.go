package api

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/teamsconnector/teamsconnector/internal/mendix"
)

// mendixDocument answers with one of the two documents from which Studio Pro
// makes a consumed REST service. It is read without keys.
func (a *API) mendixDocument(write func(mendix.Operation) ([]byte, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		document, err := write(sendOperation(a.address(r)))
		if err != nil {
			return fmt.Errorf("write the document for Mendix: %w", err)
		}
		a.file(w, r, "application/json", document)
		return nil
	}
}

// mendixModule answers with the module package, this installation's address in it.
func (a *API) mendixModule(w http.ResponseWriter, r *http.Request) error {
	module, err := mendix.Package(r.Context(), mendix.Options{ServiceURL: a.address(r)})
	if err != nil {
		return fmt.Errorf("write the module for Mendix: %w", err)
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+mendix.FileName+`"`)
	a.file(w, r, "application/octet-stream", module)
	return nil
}

func (a *API) file(w http.ResponseWriter, r *http.Request, mediaType string, content []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(content); err != nil {
		a.log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// address is where this installation is reached: as its operator said, else as
// the request did.
func (a *API) address(r *http.Request) string {
	if a.publicURL != "" {
		return a.publicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// sendOperation describes sendMessage as far as Mendix can map it: flat fields,
// and the one answer 200.
func sendOperation(server string) mendix.Operation {
	const (
		text  = "string"
		truth = "boolean"
	)
	return mendix.Operation{
		ServerURL: server, Title: "Teams Connector", Version: "1",
		Description: "Posts messages to Microsoft Teams channels by Webhook ID, and says honestly what is known of them.",
		Method:      http.MethodPost, Path: "/api/v1/messages", ID: "sendMessage", Tag: "Messages",
		Summary:     "Send a message to a channel",
		Details:     "Answers when Microsoft accepted the message, or after 10 s. The message is on disk when there is an answer 200.",
		Credentials: "LicenseKey as user name, LicenseSecret as password",
		Request: []mendix.Field{
			{Name: "webhookId", Type: text, Required: true, Example: "wh_01jd0000000000000000000000", Description: "the Webhook ID of the channel"},
			{Name: "textMessage", Type: text, Required: true, Example: "Ticket 4711 was raised.", Description: "the text"},
			{Name: "title", Type: text, Example: "Support", Description: "a title over the text"},
			{Name: "level", Type: text, Example: "info", Description: "info, good, warning or error"},
			{Name: "messageKey", Type: text, Example: "ticket-4711", Description: "makes a repeat of the call safe: the same key and content is the same message"},
			{Name: "expiresIn", Type: "integer", Example: 86400, Description: "seconds that the message may wait"},
		},
		Response: []mendix.Field{
			{Name: "sentMessage", Type: truth, Required: true, Example: true, Description: "Microsoft accepted the message"},
			{Name: "message", Type: text, Required: true, Example: "Microsoft Teams accepted the message.", Description: "what happened and what to do, for people"},
			{Name: "messageId", Type: text, Required: true, Example: "msg_01jd0000000000000000000000", Description: "names the message"},
			{Name: "status", Type: text, Required: true, Example: "sent", Description: "accepted, held, sent, posted, failed, expired or uncertain"},
			{Name: "expectedAt", Type: text, Example: "2026-11-24T14:32:00Z", Description: "when a message that is accepted is expected to go"},
			{Name: "maybePosted", Type: truth, Example: false, Description: "an attempt ended without an answer: the message may be in the channel"},
		},
		Answered: "The message is on disk; status says how far it has come.",
		Refusals: []mendix.Refusal{
			{Status: http.StatusBadRequest, Description: "the body is not JSON"},
			{Status: http.StatusUnauthorized, Description: "license_invalid: wrong, deleted or missing keys"},
			{Status: http.StatusForbidden, Description: "subscription_expired or message_quota_exhausted"},
			{Status: http.StatusNotFound, Description: "webhook_not_found: no such Webhook ID in this subscription"},
			{Status: http.StatusConflict, Description: "message_key_reused: the same key with other content"},
			{Status: http.StatusRequestEntityTooLarge, Description: "larger than Teams takes"},
			{Status: http.StatusUnprocessableEntity, Description: "a field is wrong"},
			{Status: http.StatusServiceUnavailable, Description: "not_accepted or accept_unknown: try again with the same messageKey"},
		},
	}
}
