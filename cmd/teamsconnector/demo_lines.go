package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/teamsconnector/teamsconnector/client"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// curlLine sends to a webhook when it is pasted into a shell.
func (d *demo) curlLine(webhook connector.WebhookID) string {
	body, err := json.Marshal(struct {
		WebhookID   connector.WebhookID `json:"webhookId"`
		TextMessage string              `json:"textMessage"`
	}{webhook, "Hello from curl"})
	if err != nil {
		body = []byte("{}") // two texts always make JSON
	}
	return fmt.Sprintf("curl -u %s:%s -H 'Content-Type: application/json' -d %s %s",
		d.keys.Keys.LicenseKey, d.keys.LicenseSecret.Reveal(), quote(string(body)), d.api())
}

// sendLine does the same with this program.
func (d *demo) sendLine(webhook connector.WebhookID) string {
	return fmt.Sprintf("%s=%s %s=%s %s=%s %s send --webhook %s --text 'Hello from the command line'",
		client.EnvURL, d.service.front.url(), client.EnvLicenseKey, d.keys.Keys.LicenseKey,
		client.EnvLicenseSecret, d.keys.LicenseSecret.Reveal(), d.again(), webhook)
}

// burstLine sends 200 texts at once.
func (d *demo) burstLine(webhook connector.WebhookID) string {
	return fmt.Sprintf("seq 200 | xargs -P 8 -I N curl -s -o /dev/null -u %s:%s -H 'Prefer: respond-async' -H 'Content-Type: application/json' -d %s %s",
		d.keys.Keys.LicenseKey, d.keys.LicenseSecret.Reveal(), quote(fmt.Sprintf(`{"webhookId":"%s","textMessage":"Alarm N of 200"}`, webhook)), d.api())
}

// askLine asks when the last of them will be there: queueEmptyAt.
func (d *demo) askLine(webhook connector.WebhookID) string {
	return fmt.Sprintf("curl -s -H 'Authorization: Bearer %s' %s/api/v1/webhooks/%s", d.token.Reveal(), d.service.front.url(), webhook)
}

func (d *demo) api() string { return d.service.front.url() + "/api/v1/messages" }

// hint shows each channel's lines on the page.
func (d *demo) hint() {
	for _, c := range d.channels {
		d.teams.SetHints(c.flow,
			simulator.Hint{Label: "Send a message here with curl", Line: d.curlLine(c.webhook)},
			simulator.Hint{Label: "Or with the command line tool", Line: d.sendLine(c.webhook)},
			simulator.Hint{Label: "Send 200 at once: they share cards", Line: d.burstLine(c.webhook)},
			simulator.Hint{Label: "Ask when the last will be there", Line: d.askLine(c.webhook)})
	}
}

// again is how this program is called once more: by go run where go run made it.
func (p process) again() string {
	self, err := os.Executable()
	if err == nil && p.madeByGoRun(self) {
		if _, err := os.Stat(filepath.Join("cmd", "teamsconnector", "main.go")); err == nil {
			return "go run ./cmd/teamsconnector"
		}
		if _, err := os.Stat("main.go"); err == nil {
			return "go run ."
		}
	}
	if strings.ContainsRune(p.program, filepath.Separator) && err == nil {
		return quote(p.program)
	}
	return p.program
}

// madeByGoRun recognises the two places where go run keeps what it built: its
// work folder, and since Go 1.24 the build cache.
func (p process) madeByGoRun(self string) bool {
	if cache, ok := p.lookup("GOCACHE"); ok && cache != "" && strings.HasPrefix(self, filepath.Clean(cache)+string(filepath.Separator)) {
		return true
	}
	for _, part := range strings.Split(self, string(filepath.Separator)) {
		if strings.HasPrefix(part, "go-build") {
			return true
		}
	}
	return false
}

// quote makes one word of a text for a POSIX shell, and leaves plain words as they are.
func quote(s string) string {
	plain := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:@%+=,", r))
	}
	if s != "" && !strings.ContainsFunc(s, plain) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// block is what is printed: all that a newcomer needs.
func (d *demo) block() string {
	bold, link, dim, off := "", "", "", ""
	if _, plain := d.lookup("NO_COLOR"); terminal(d.out) && !plain {
		bold, link, dim, off = "\x1b[1m", "\x1b[36m", "\x1b[2m", "\x1b[0m"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %sTeams Connector%s  demo\n\n", bold, off)
	fmt.Fprintf(&b, "  Watch the messages arrive   %s%s/%s\n", link, d.page.url(), off)
	fmt.Fprintf(&b, "  The console                 %s%s/%s   sign in as %s with %s\n", link, d.service.front.url(), off, demoEmail, d.password)
	fmt.Fprintf(&b, "  Apps send to                %s%s%s\n\n", link, d.api(), off)
	fmt.Fprintf(&b, "  %sSend one with curl%s\n\n%s\n\n", bold, off, d.curlLine(d.channels[0].webhook))
	fmt.Fprintf(&b, "  %sOr with the command line tool%s\n\n%s\n\n", bold, off, d.sendLine(d.channels[0].webhook))
	busy := d.channels[len(d.channels)-1].webhook
	fmt.Fprintf(&b, "  %sSend 200 at once, and ask when the last will be there (queueEmptyAt); the page says it too%s\n\n%s\n%s\n\n",
		bold, off, d.burstLine(busy), d.askLine(busy))
	for _, sentence := range d.moved {
		fmt.Fprintf(&b, "  %s%s%s\n", dim, sentence, off)
	}
	fmt.Fprintf(&b, "  %sMicrosoft Teams is simulated here. The data lives in %s until you stop: Ctrl-C%s\n\n", dim, d.data, off)
	return b.String()
}
