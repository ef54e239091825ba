package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is what a client is told.
type answer struct {
	status int
	header http.Header
	body   string
	// until is the moment that the answer asks to wait for; zero: it asks for nothing.
	until time.Time
}

const (
	jsonType = "application/json; charset=utf-8"
	textType = "text/plain; charset=utf-8"
)

// refusal is the JSON error that the workflow service answers with: [obs] in
// many public issues, always {"error":{"code","message"}}.
func refusal(status int, code, message string) *answer {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = code, message
	text, err := json.Marshal(body)
	if err != nil { // two strings always marshal
		text = []byte(code)
	}
	return &answer{status: status, header: http.Header{"Content-Type": {jsonType}}, body: string(text)}
}

// legacy is the old connector's way to err: 200 with the error as text. [obs]
// MicrosoftDocs/msteams-docs issues 4145, 8539, 10178.
func legacy(status string) *answer {
	return plain(http.StatusOK, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error "+
		status+" with ContextId tcid=0,server=msgapi-simulated,cv=0000000000000000.0..")
}

func plain(status int, body string) *answer {
	return &answer{status: status, header: http.Header{"Content-Type": {textType}}, body: body}
}

func (a *answer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	//nolint:gosec // plain text or JSON, for programs; only the path of the request is in it
	_, _ = w.Write([]byte(a.body)) // a client that left needs no answer
}

// said is the answer in a few words, for people.
func (a *answer) said() string {
	words := strconv.Itoa(a.status) + " " + http.StatusText(a.status)
	if wait := a.header.Get("Retry-After"); wait != "" {
		words += ", Retry-After " + wait
	}
	if a.status == http.StatusOK && a.body != "" {
		words += ", with an error in its text"
	}
	return strings.TrimSpace(words)
}
