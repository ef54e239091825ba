package api

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
)

// sendAnswer is the body of every answer that is not an error.
type sendAnswer struct {
	SentMessage bool                `json:"sentMessage" example:"true" doc:"Microsoft accepted the message"`
	Message     string              `json:"message" example:"Microsoft Teams accepted the message." doc:"what happened and what to do, for people"`
	MessageID   connector.MessageID `json:"messageId" example:"msg_01jd0000000000000000000000" doc:"names the message"`
	Status      string              `json:"status" example:"sent" doc:"accepted, held, sent, posted, failed, expired or uncertain"`
	ExpectedAt  string              `json:"expectedAt,omitempty" example:"2026-11-24T14:32:00Z" doc:"when a message that is accepted is expected to go"`
	MaybePosted bool                `json:"maybePosted,omitempty" example:"false" doc:"an attempt ended without an answer: the message may be in the channel"`
	MessageURL  string              `json:"messageUrl" example:"https://connector.example.com/messages/msg_01jd0000000000000000000000" doc:"opens the message's page, for who may sign in"`
	Warnings    []string            `json:"warnings,omitempty" nullable:"false" doc:"what Teams may show differently"`
}

func (a *API) sendMessage(w http.ResponseWriter, r *http.Request) error {
	license, err := a.license(r)
	if err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	m, problem := decodeSend(body, r.Header)
	if problem != nil {
		return problem
	}
	wait, applied := parsePrefer(r.Header.Values("Prefer"))
	answer, err := a.ingest.Accept(r.Context(), license, m, wait)
	if err != nil {
		return err
	}
	if applied != "" {
		w.Header().Set("Preference-Applied", applied)
	}
	status := http.StatusOK
	if wait.Async && answer.Status == connector.StateAccepted.String() {
		status = http.StatusAccepted
		w.Header().Set("Location", "/api/v1/messages/"+string(answer.Message))
	}
	a.writeAnswer(w, r, status, answer)
	return nil
}

func (a *API) writeAnswer(w http.ResponseWriter, r *http.Request, status int, answer ingest.Answer) {
	w.Header().Set("Content-Type", "application/json")
	a.writeJSON(w, r, status, sendAnswer{
		SentMessage: answer.Sent,
		Message:     answer.Text,
		MessageID:   answer.Message,
		Status:      answer.Status,
		ExpectedAt:  stamp(answer.ExpectedAt),
		MaybePosted: answer.MaybePosted,
		MessageURL:  a.address(r) + "/messages/" + string(answer.Message),
		Warnings:    answer.Warnings,
	})
}

// license asks whose binding keys the request carries.
func (a *API) license(r *http.Request) (connector.License, error) {
	key, secret, ok := basicAuth(r)
	if !ok {
		return connector.License{}, connector.Errorf(connector.LicenseInvalid,
			"The request carries no binding keys that can be read. Send LicenseKey and LicenseSecret as user name and password of HTTP Basic authentication.")
	}
	return a.auth.License(r.Context(), key, secret)
}

// who asks who comes with the request: with a token, or, where apps may ask as
// well or only they, with binding keys.
func (a *API) who(r *http.Request, rt *route) (connector.Actor, error) {
	if _, _, basic := r.BasicAuth(); rt.keysOnly || basic && rt.apps {
		license, err := a.license(r)
		return connector.Actor{Name: "keys " + string(license.Keys), Keys: &license}, err
	}
	const prefix = "bearer "
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 || len(headers[0]) <= len(prefix) || !strings.EqualFold(headers[0][:len(prefix)], prefix) {
		return connector.Actor{}, connector.Errorf(connector.TokenInvalid,
			"The request carries no token that can be read. Send it as Authorization: Bearer tct_...; teamsconnector token create makes one.")
	}
	return a.auth.Bearer(r.Context(), connector.NewSecret(strings.TrimSpace(headers[0][len(prefix):])))
}

// basicAuth reads the one Authorization header of the request.
func basicAuth(r *http.Request) (key string, secret connector.Secret, ok bool) {
	if len(r.Header.Values("Authorization")) != 1 {
		return "", connector.Secret{}, false
	}
	user, password, ok := r.BasicAuth()
	if !ok || user == "" || password == "" {
		return "", connector.Secret{}, false
	}
	return user, connector.NewSecret(password), true
}

// readBody reads the whole body as it was sent.
func readBody(r *http.Request) ([]byte, error) {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return nil, connector.Errorf(connector.UnsupportedMedia, "The body must not be compressed. Send the JSON as it is, without Content-Encoding.")
		}
	}
	body := make([]byte, 0, min(max(r.ContentLength, 0), MaxBody)+1)
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, bodyError(err)
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bodyTooLarge()
	}
	return connector.Errorf(connector.InvalidJSON, "The body broke off, or did not arrive in time.")
}
