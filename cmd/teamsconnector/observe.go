package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"

	"github.com/mattn/go-isatty"
)

// newLogger makes the one logger of a process: text for people at a terminal,
// JSON for programs.
func newLogger(w io.Writer, c observeConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.level, ReplaceAttr: redact}
	if c.format == "text" || c.format == "auto" && terminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// secrets finds what must not be in a log although no room should log it: the
// second fence behind connector.Secret. License secrets and tokens by their
// prefix, credentials of HTTP, and of a webhook's URL all behind the host.
var secrets = regexp.MustCompile(`(?i)\btc[st]_[0-9a-z]+` +
	`|\b(?:basic|bearer) +[a-z0-9+/=_.~-]{16,}` +
	`|\bsig=[^&\s"']+` +
	`|/(?:powerautomate/automations|workflows|webhookb2|webhook)/[^\s"']+`)

// redact is slog's hook on every attribute.
func redact(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redacted(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(redacted(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(redacted(v.String()))
		case []string:
			all := make([]string, len(v))
			for i, s := range v {
				all[i] = redacted(s)
			}
			a.Value = slog.AnyValue(all)
		}
	default: // numbers, times and groups, whose attributes come here one by one
	}
	return a
}

func redacted(s string) string { return secrets.ReplaceAllString(s, "[secret]") }
