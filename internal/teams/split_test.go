package teams_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// partsOf splits a text and checks what must hold of every split: each part fits,
// is marked, and all together are the text.
func partsOf(t rapid.TB, text string) (parts []string) {
	weight, n := teams.Measure([]byte(text))
	if n == 1 {
		envelope, err := teams.EnvelopeOf(connector.Parcel{Content: connector.Content{Kind: connector.KindText, Body: []byte(text)}, Card: []connector.CardText{
			{Body: []byte(text), At: time.Unix(0, 0)}, {Body: []byte(text), At: time.Unix(0, 0)},
		}})
		if size := teams.Counted(envelope); err != nil || size > 2*weight+teams.PartBytes-teams.CardRoom || size < 2*weight {
			t.Fatalf("two texts of weight %d make a card that counts %d, %v", weight, size, err)
		}
		return []string{text}
	}
	if weight != 0 {
		t.Fatalf("a text of %d parts weighs %d", n, weight)
	}
	for k := 1; k <= n; k++ {
		p := connector.Parcel{Content: connector.Content{Kind: connector.KindText, Body: []byte(text)}, Part: k, Parts: n}
		envelope, err := teams.EnvelopeOf(p)
		if size := teams.Counted(envelope); err != nil || size > teams.PartBytes {
			t.Fatalf("part %d of %d counts %d, %v", k, n, size, err)
		}
		part, err := teams.Part([]byte(text), k, n)
		mark := fmt.Sprintf("(%d/%d)\n", k, n)
		if err != nil || !bytes.HasPrefix(part, []byte(mark)) || !utf8.Valid(part) {
			t.Fatalf("part %d begins %.20q, %v", k, part, err)
		}
		parts = append(parts, strings.TrimPrefix(string(part), mark))
	}
	return parts
}

func withoutSpace(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\t' }), "")
}

func TestPartsFitAndLoseNothing(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"word ", "* _x_ ", "\n", "\r\n", "\"\\", "\u00e9", "\U0001f469\u200d\U0001f680", "- ", "1. ", "~~", "[a](https://x)", "\x01", "&amp;", strings.Repeat("a", 700), strings.Repeat("\u6f22", 300), strings.Repeat("*", 200)})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 1, 400).Draw(t, "text"), "")

		parts := partsOf(t, text)

		if got, want := withoutSpace(strings.Join(parts, "")), withoutSpace(text); got != want {
			t.Fatalf("the parts are not the text: %d bytes, want %d", len(got), len(want))
		}
	})
}

func TestATextIsCutBetweenLinesElseBetweenWords(t *testing.T) {
	line := strings.Repeat("x", 900) + "\n"
	for i, part := range partsOf(t, strings.Repeat(line, 60)) {
		if strings.Trim(part, "x\n") != "" || len(part)%901 != 900 && i < 2 {
			t.Errorf("part %d has %d bytes, want whole lines", i+1, len(part))
		}
	}
	for i, part := range partsOf(t, strings.Repeat("seven77 ", 6000)) {
		if strings.Trim(part, " ")[:7] != "seven77" || !strings.HasSuffix(strings.TrimRight(part, " "), "seven77") {
			t.Errorf("part %d is cut inside a word: %.20q", i+1, part)
		}
	}
}

func TestNeitherGraphemeNorLinkIsCut(t *testing.T) {
	family := "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
	text := strings.Repeat(family, 1500)
	whole := uniseg.GraphemeClusterCount(text)
	sum := 0
	for _, part := range partsOf(t, text) {
		sum += uniseg.GraphemeClusterCount(part)
	}
	if sum != whole {
		t.Errorf("the parts have %d graphemes, the text has %d", sum, whole)
	}

	link := "[all that is to know](https://example.com/a/long/path)"
	for i, part := range partsOf(t, strings.Repeat(link, 900)) {
		if strings.Count(part, "[") != strings.Count(part, ")") || !strings.HasPrefix(part, "[") {
			t.Errorf("part %d is cut inside a link: it begins %.30q", i+1, part)
		}
	}
}

func TestMoreThanSixPartsAreRefused(t *testing.T) {
	if err := teams.CheckText([]byte(strings.Repeat("a", 99_000))); err != nil {
		t.Errorf("99,000 letters: %v", err)
	}
	err := teams.CheckText([]byte(strings.Repeat("*", 30_000)))
	if err == nil || err.Code != connector.TooLarge || !strings.Contains(err.Message, "the limit is 6") {
		t.Errorf("30,000 stars: %v", err)
	}
}

func BenchmarkMeasure(b *testing.B) {
	text := []byte(strings.Repeat("An ordinary line of a log: user_name = \"x\"\n", 7))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		teams.Measure(text)
	}
}

func BenchmarkEnvelope(b *testing.B) {
	text := connector.Content{Kind: connector.KindText, Body: []byte(strings.Repeat("Build 7 of main failed, see log. ", 9) + "\n- x_y\nok")}
	for b.Loop() {
		if _, err := teams.Envelope(text, connector.PayloadAdaptive); err != nil {
			b.Fatal(err)
		}
	}
}
