package teams_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// postedCard is the card of an envelope as Teams reads it.
type postedCard struct {
	Type    string `json:"type"`
	Version string `json:"version"`
	Body    []struct {
		Type, Text, Spacing string
		Wrap                bool
	} `json:"body"`
}

// render makes the envelope of a text and reads its card as Teams would.
func render(t *testing.T, text string) (envelope []byte, card postedCard) {
	t.Helper()
	envelope, err := teams.Envelope(connector.Content{Kind: connector.KindText, Body: []byte(text)}, connector.PayloadAdaptive)
	if err != nil {
		t.Fatal(err)
	}
	var post struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     postedCard
		}
	}
	d := json.NewDecoder(bytes.NewReader(envelope))
	if err := d.Decode(&post); err != nil || d.More() {
		t.Fatalf("the envelope is not one JSON value: %v", err)
	}
	if post.Type != "message" || len(post.Attachments) != 1 || post.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		t.Fatalf("the envelope is not a message of one card: %+v", post)
	}
	card = post.Attachments[0].Content
	if card.Type != "AdaptiveCard" || card.Version != "1.4" {
		t.Fatalf("the card is a %s %s", card.Type, card.Version)
	}
	return envelope, card
}

// shown is the text that a rendered card shows: one line per block, backslashes
// before punctuation taken off, a block of a no-break space as an empty line.
func shown(t *testing.T, card postedCard) string {
	t.Helper()
	lines := make([]string, len(card.Body))
	for i, b := range card.Body {
		if b.Type != "TextBlock" || b.Text == "" || !b.Wrap || b.Spacing != "None" {
			t.Fatalf("block %d is %+v", i, b)
		}
		if b.Text != "\u00a0" {
			lines[i] = unescape(b.Text)
		}
	}
	return strings.Join(lines, "\n")
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

type textFixture struct {
	ID, Text string
	Escaped  string `json:"expected_escaped"`
	Generate *struct {
		Repeat string
		Count  int
	}
}

func TestTextsThatBrokeOthersComeBackByteForByte(t *testing.T) {
	cases := readShared[[]textFixture](t, "fixtures/texts.json")

	for _, f := range cases {
		text := f.Text
		if f.Generate != nil {
			text = strings.Repeat(f.Generate.Repeat, f.Generate.Count)
		}
		comesBack(t, f.ID, text)
		_, card := render(t, text)
		if f.Escaped != "" && card.Body[0].Text != f.Escaped {
			t.Errorf("%s: written as %q, want %q", f.ID, card.Body[0].Text, f.Escaped)
		}
	}
	ran(t, "texts", len(cases), len(ofSet(t, "texts")))
}

func TestNaughtyStringsComeBackByteForByte(t *testing.T) {
	cases := readShared[[]string](t, "badinput/naughty.json")

	for _, text := range cases {
		comesBack(t, "naughty", text)
	}
	ran(t, "naughty", len(cases), 1)
}

// comesBack fails unless a text is refused for being blank or too large, or
// shows again what was sent.
func comesBack(t *testing.T, name, text string) {
	t.Helper()
	envelope, card := render(t, text)
	size := teams.Counted(envelope)
	err := teams.CheckText([]byte(text))
	switch {
	case !connector.Visible(text):
		if err == nil || err.Code != connector.InvalidField {
			t.Errorf("%s: a blank text %q got %v", name, text, err)
		}
	case size > teams.PartBytes && size < 5*teams.PartBytes:
		if parts := partsOf(t, text); len(parts) < 2 || err != nil {
			t.Errorf("%s: a text of %d counted bytes makes %d parts, %v", name, size, len(parts), err)
		}
	case err != nil:
		t.Errorf("%s: %q was refused: %v", name, text, err)
	}
	if got, want := shown(t, card), strings.ReplaceAll(text, "\r\n", "\n"); got != want {
		t.Errorf("%s: %q came back as %q", name, want, got)
	}
}

func TestTextIsEscapedWhereMarkdownWouldReadIt(t *testing.T) {
	cases := map[string]string{
		// Marks within a line.
		`App_Pool_01`:                    `App\_Pool\_01`,
		`**b** [x](y)`:                   `\*\*b\*\* \[x\](y)`,
		`C:\temp\_x`:                     `C:\\temp\\\_x`,
		"`code`":                         "\\`code\\`",
		`~~out~~ ~/home`:                 `\~\~out\~\~ ~/home`,
		`hello <at>Bob</at>`:             `hello \<at\>Bob\</at\>`,
		`map<string,string> a->b`:        `map\<string,string\> a->b`,
		`1 < 2 > 0 <- <3`:                `1 < 2 > 0 <- <3`,
		`<https://x.test>`:               `\<https://x.test\>`,
		`<!-- x --> <?y ?>`:              `\<!-- x --\> \<?y ?\>`,
		`a&nbsp;b &#38; &#x26; AT&T; &;`: `a\&nbsp;b \&#38; \&#x26; AT\&T; &;`,
		`?a=1&b=2`:                       `?a=1&b=2`,
		`{{DATE(2017-02-14T06:08:39Z)}}`: `{\{DATE(2017-02-14T06:08:39Z)}}`,
		`{{TIME(x)}} {{other}}`:          `{\{TIME(x)}} {{other}}`,
		// Marks at the start of a line.
		`- item`:     `\- item`,
		`  + item`:   `  \+ item`,
		`* item`:     `\* item`,
		`-1E2 +x`:    `-1E2 +x`,
		`-`:          `\-`,
		`---`:        `\---`,
		`- - -`:      `\- - -`,
		`--flag`:     `--flag`,
		`# title`:    `\# title`,
		`### title`:  `\### title`,
		`#123 is up`: `#123 is up`,
		`a # b - c`:  `a # b - c`,
		`1. one`:     `1\. one`,
		`12) one`:    `12\) one`,
		`1.`:         `1\.`,
		`1.00 (2)`:   `1.00 (2)`,
		`v 1. x`:     `v 1. x`,
		`1 2. x`:     `1 2. x`,
		`> quoted`:   `\> quoted`,
		`a > b`:      `a > b`,
		// A lone carriage return stays, but starts a line for Markdown.
		"a\r- b\r1. c": "a\r\\- b\r1\\. c",
	}
	for text, want := range cases {
		_, card := render(t, text)
		if len(card.Body) != 1 || card.Body[0].Text != want {
			t.Errorf("%q is written as %+v, want %q", text, card.Body, want)
		}
	}
}

func TestTextHasOneBlockPerLine(t *testing.T) {
	_, card := render(t, "one\r\ntwo\n\nfour\n")

	var got []string
	for _, b := range card.Body {
		got = append(got, b.Text)
	}
	if want := []string{"one", "two", "\u00a0", "four", "\u00a0"}; !cmp.Equal(got, want) {
		t.Errorf("blocks %q, want %q", got, want)
	}
}

func TestTextThatCantBePostedIsRefused(t *testing.T) {
	cases := map[string]struct {
		text string
		code connector.Code
		says string
	}{
		"empty":             {"", connector.InvalidField, "blank"},
		"white space":       {" \n\t\u200b\u00a0", connector.InvalidField, "blank"},
		"not UTF-8":         {"a\xff", connector.InvalidJSON, "UTF-8"},
		"over the limit":    {strings.Repeat("a", teams.MaxTextBytes+1), connector.TooLarge, "limit is 100000"},
		"too many lines":    {strings.Repeat("a\n", 1700), connector.TooLarge, "the limit is 6"},
		"too many to quote": {strings.Repeat(`"`, 30_000), connector.TooLarge, "the limit is 6"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := teams.CheckText([]byte(c.text))

			if err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says) {
				t.Fatalf("got %v, want %s that says %q", err, c.code, c.says)
			}
			if len(err.Fields) != 1 || err.Fields[0].Pointer != "/textMessage" {
				t.Errorf("fields %+v, want /textMessage", err.Fields)
			}
		})
	}
}

func TestATextThatFillsOnePartExactlyIsNotSplit(t *testing.T) {
	envelope, _ := render(t, "")
	free := teams.PartBytes - teams.Counted(envelope) + utf8.RuneLen('\u00a0')

	if _, parts := teams.Measure([]byte(strings.Repeat("a", free))); parts != 1 {
		t.Errorf("a text that fills one part has %d", parts)
	}
	if _, parts := teams.Measure([]byte(strings.Repeat("a", free+1))); parts != 2 {
		t.Errorf("one byte more than a part makes %d parts", parts)
	}
}

func TestEnvelopesLookAsTheirGoldenFiles(t *testing.T) {
	cases := map[string]struct {
		content connector.Content
		payload connector.Payload
	}{
		"text":         {connector.Content{Kind: connector.KindText, Body: []byte("Build #7 of *main* failed\n\n- see <log>\n\tüñî \u2028 \"quoted\" \x01")}, connector.PayloadAdaptive},
		"text-payload": {connector.Content{Kind: connector.KindText, Body: []byte("one *line*\r\n<b>two</b>")}, connector.PayloadText},
		"card":         {connector.Content{Kind: connector.KindCard, Body: []byte(" { \"type\": \"AdaptiveCard\",\n \"version\": \"1.5\", \"body\": [ {\"type\":\"TextBlock\",\"text\":\"a < b \\u0026 é\"} ], \"n\": 1.50 } ")}, connector.PayloadText},
		"envelope": {connector.Content{Kind: connector.KindCard, Body: []byte(`{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":
			{"type":"AdaptiveCard","version":"1.2","body":[]}}]}`)}, connector.PayloadAdaptive},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := teams.Envelope(c.content, c.payload)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, got)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "envelopes", name+".json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := bytes.TrimSuffix(readFile(t, path), []byte("\n")); !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEnvelopeOfNothingIsAnError(t *testing.T) {
	for _, c := range []connector.Content{{}, {Kind: connector.KindCard}, {Kind: connector.KindCard, Body: []byte(`[]`)}} {
		if got, err := teams.Envelope(c, connector.PayloadAdaptive); err == nil {
			t.Errorf("%+v became %s", c, got)
		}
	}
}

func TestTextOfMarksIsWrittenInLinearTime(t *testing.T) {
	took := func(text string) time.Duration {
		start := time.Now()
		render(t, text)
		return time.Since(start)
	}
	for _, mark := range []string{"--\r", "-\r", "#\r", "1.\r", "<a ", "&a", "~", "{{DATE(", "- ", "9"} {
		if d := took(strings.Repeat(mark, teams.MaxTextBytes/len(mark))); d > time.Second {
			t.Errorf("%d bytes of %q took %v", teams.MaxTextBytes, mark, d)
		}
	}
}
