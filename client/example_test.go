package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

// service stands in for a Teams Connector: it answers every call alike.
func service(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
}

func ExampleClient_Send() {
	srv := service(200, `{"sentMessage":true,"message":"Microsoft Teams accepted the message.","messageId":"msg_1","status":"sent"}`)
	defer srv.Close()

	teams := client.New(srv.URL, "tck_...", "tcs_...")
	response, err := teams.Send(context.Background(), client.Message{
		WebhookID: "wh_01jd8m6q2rfkb9p3tzv5xw7h4c",
		Text:      "Backup finished",
	})
	if err != nil {
		fmt.Println("not stored:", err)
		return
	}
	fmt.Println(response.Status, response.Sent)
	// Output: sent true
}

func ExampleClient_Send_card() {
	srv := service(200, `{"sentMessage":false,"message":"The message is stored and on its way.","messageId":"msg_1","status":"accepted"}`)
	defer srv.Close()

	teams := client.New(srv.URL, "tck_...", "tcs_...")
	response, err := teams.Send(context.Background(), client.Message{
		WebhookID: "wh_01jd8m6q2rfkb9p3tzv5xw7h4c",
		Card:      json.RawMessage(`{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"Hello"}]}`),
		Key:       "order-4711-shipped", // a second call with it sends nothing again
		ExpiresIn: time.Hour,
		Wait:      client.NoWait,
	})
	if err != nil {
		fmt.Println("not stored:", err)
		return
	}
	fmt.Println(response.Status)
	// Output: accepted
}

func ExampleClient_Send_rich() {
	srv := service(200, `{"sentMessage":true,"message":"Microsoft Teams accepted the message.","messageId":"msg_1","status":"sent"}`)
	defer srv.Close()

	teams := client.New(srv.URL, "tck_...", "tcs_...")
	response, err := teams.Send(context.Background(), client.Message{
		WebhookID: "wh_01jd8m6q2rfkb9p3tzv5xw7h4c",
		Title:     "Deploy of shop failed",
		Level:     client.LevelError,
		Text:      "The health check did not answer within 30 s. The last version runs again.",
		Facts:     []client.Fact{{Name: "Version", Value: "4.12.1"}, {Name: "Host", Value: "web-2"}},
		Link:      &client.Link{Text: "Open the log", URL: "https://build.example.com/4711"},
	})
	if err != nil {
		fmt.Println("not stored:", err)
		return
	}
	fmt.Println(response.Status)
	// Output: sent
}

func ExampleError() {
	srv := service(401, `{"code":"license_invalid","message":"Create a new pair of keys."}`)
	defer srv.Close()

	_, err := client.New(srv.URL, "tck_...", "tcs_...").Send(context.Background(), client.Message{WebhookID: "wh_1", Text: "Hello"})

	var e *client.Error
	switch {
	case errors.Is(err, client.ErrLicenseInvalid):
		fmt.Println("check the keys")
	case errors.Is(err, client.ErrUnknown):
		fmt.Println("repeat with the same Key: it may be stored")
	case errors.Is(err, client.ErrNotReached), errors.Is(err, client.ErrRateLimited), errors.Is(err, client.ErrBacklogFull):
		fmt.Println("not stored; try later")
	case errors.As(err, &e):
		fmt.Println(e.Code, e.Status, e.Message)
	}
	// Output: check the keys
}

func ExampleNewFromEnv() {
	srv := service(200, `{"sentMessage":true,"message":"Microsoft Teams accepted the message.","messageId":"msg_1","status":"sent"}`)
	defer srv.Close()
	for name, value := range map[string]string{client.EnvURL: srv.URL, client.EnvLicenseKey: "tck_...", client.EnvLicenseSecret: "tcs_..."} {
		_ = os.Setenv(name, value) // a real program finds them set
	}

	teams, err := client.NewFromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := teams.Send(context.Background(), client.Message{WebhookID: "wh_01jd8m6q2rfkb9p3tzv5xw7h4c", Text: "Hello"})
	fmt.Println(response.Status, err)
	// Output: sent <nil>
}
