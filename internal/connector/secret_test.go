package connector_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const canary = "canary-7f3a"

type holder struct {
	Name string
	URL  connector.Secret
	Ptr  *connector.Secret
	Many []connector.Secret
	By   map[string]connector.Secret
}

func newHolder() holder {
	s := connector.NewSecret(canary)
	return holder{Name: "x", URL: s, Ptr: &s, Many: []connector.Secret{s}, By: map[string]connector.Secret{"k": s}}
}

func TestSecretLeaksNowhere(t *testing.T) {
	h := newHolder()
	var out bytes.Buffer

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10.3s", "%p", "%t", "%w"} {
		fmt.Fprintf(&out, verb+"\n", h.URL)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	fmt.Fprintln(&out, h, h.URL, &h.URL)
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %w", errors.New(h.URL.String())))
	for _, handler := range []slog.Handler{
		slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}),
		slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}),
	} {
		log := slog.New(handler)
		log.Info("message", "secret", h.URL, "holder", h, "pointer", &h, slog.Group("g", "s", h.URL))
		log.With("s", h).Debug("message", "any", any(h.Many))
	}
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	if err := xml.NewEncoder(&out).Encode(struct {
		XMLName xml.Name `xml:"x"`
		S       connector.Secret
	}{S: h.URL}); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewEncoder(&out).Encode(struct{ S connector.Secret }{h.URL}); err != nil {
		t.Fatal(err)
	}
	if err := template.Must(template.New("t").Parse("{{.URL}} {{.}} {{printf \"%#v\" .}}")).Execute(&out, h); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { fmt.Fprintln(&out, recover()) }()
		panic(h)
	}()

	if strings.Contains(out.String(), canary) {
		t.Errorf("the secret leaked:\n%s", out.String())
	}
	if got := strings.Count(out.String(), "[secret]"); got < 50 {
		t.Errorf("secret shown as [secret] %d times, want at least 50: the test prints less than it should", got)
	}
	if got := h.URL.Reveal(); got != canary {
		t.Errorf("Reveal() = %q, want %q", got, canary)
	}
}
