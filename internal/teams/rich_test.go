package teams_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// rich makes a whole rich message and lets change alter it.
func rich(t testing.TB, change func(*connector.Rich)) connector.Content {
	t.Helper()
	title, level, open := "Deploy of *shop* <4.12>", connector.LevelGood, "Open [it]"
	r := connector.Rich{
		Text: "All 1,284 tests passed\n\n- nothing to do for App_Pool_01", Title: &title, Level: &level,
		Facts: []connector.Fact{{Name: "Branch_name", Value: "feature/_x_"}, {Name: "Hosts", Value: "web-1\r\n\nweb-2\n"}, {Name: "Ticket"}},
		Link:  &connector.Link{Text: &open, URL: "https://build.example/4711?a=1&b=2"},
	}
	if change != nil {
		change(&r)
	}
	body, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return connector.Content{Kind: connector.KindRich, Body: body}
}

func TestRichMessagesLookAsTheirGoldenFiles(t *testing.T) {
	level := func(l string) func(*connector.Rich) {
		return func(r *connector.Rich) { r.Level = &l }
	}
	for name, change := range map[string]func(*connector.Rich){
		"rich-info": level(connector.LevelInfo), "rich-good": level(connector.LevelGood),
		"rich-warning": level(connector.LevelWarning), "rich-error": level(connector.LevelError),
		"rich-title": func(r *connector.Rich) { r.Level, r.Facts, r.Link = nil, nil, nil },
		"rich-level": func(r *connector.Rich) { r.Title, r.Facts, r.Link = nil, nil, nil },
		"rich-link":  func(r *connector.Rich) { r.Title, r.Level, r.Facts, r.Link.Text = nil, nil, nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			content := rich(t, change)
			if err := teams.CheckRich(content.Body); err != nil {
				t.Fatal(err)
			}

			got, err := teams.Envelope(content, connector.PayloadText)
			if err != nil {
				t.Fatal(err)
			}

			golden(t, name, got)
			var made struct {
				Attachments []struct{ Content json.RawMessage }
			}
			if err := json.Unmarshal(got, &made); err != nil || len(made.Attachments) != 1 {
				t.Fatalf("no envelope of one card: %v", err)
			}
			if warnings, err := teams.CheckCard(made.Attachments[0].Content); err != nil || len(warnings) > 0 {
				t.Errorf("our own check of cards says %v, %v", err, warnings)
			}
		})
	}
}

func TestTextOfARichMessageIsDrawnAsAlone(t *testing.T) {
	const text = "App_Pool_01 *x*\r\n\n- <at>a</at>\t{{DATE(x)}}"
	blocks := func(c connector.Content) string {
		t.Helper()
		envelope, err := teams.Envelope(c, connector.PayloadAdaptive)
		if err != nil {
			t.Fatal(err)
		}
		from := strings.Index(string(envelope), `[{"type":"TextBlock"`)
		return string(envelope)[from : strings.Index(string(envelope)[from:], "]")+from]
	}

	alone := blocks(connector.Content{Kind: connector.KindText, Body: []byte(text)})
	beside := blocks(rich(t, func(r *connector.Rich) { *r = connector.Rich{Text: text, Link: r.Link} }))

	if alone != beside {
		t.Errorf("alone  %s\nbeside %s", alone, beside)
	}
}

func TestRichMessageThatCantBePostedNamesItsFields(t *testing.T) {
	title := func(s string) func(*connector.Rich) { return func(r *connector.Rich) { r.Title = &s } }
	link := func(url string) func(*connector.Rich) { return func(r *connector.Rich) { r.Link.URL = url } }
	fact := func(name, value string) func(*connector.Rich) {
		return func(r *connector.Rich) { r.Facts[1] = connector.Fact{Name: name, Value: value} }
	}
	facts := func(n, size int) func(*connector.Rich) {
		return func(r *connector.Rich) {
			r.Facts = make([]connector.Fact, n)
			for i := range r.Facts {
				r.Facts[i] = connector.Fact{Name: "n", Value: strings.Repeat("v", size)}
			}
		}
	}
	for name, c := range map[string]struct {
		change  func(*connector.Rich)
		code    connector.Code // empty: it is taken
		pointer string
	}{
		"200 characters":      {change: title(strings.Repeat("é", teams.MaxTitleRunes))},
		"201 characters":      {title(strings.Repeat("é", teams.MaxTitleRunes+1)), connector.InvalidField, "/title"},
		"empty title":         {title(""), connector.InvalidField, "/title"},
		"blank title":         {title(" \u200b\n"), connector.InvalidField, "/title"},
		"unknown level":       {func(r *connector.Rich) { *r.Level = "Error" }, connector.InvalidField, "/level"},
		"empty level":         {func(r *connector.Rich) { *r.Level = "" }, connector.InvalidField, "/level"},
		"20 facts":            {change: facts(teams.MaxFacts, 1)},
		"21 facts":            {facts(teams.MaxFacts+1, 1), connector.InvalidField, "/facts"},
		"facts over a post":   {facts(teams.MaxFacts, teams.MaxFactRunes), connector.TooLarge, "/textMessage"},
		"longest fact":        {change: fact(strings.Repeat("é", teams.MaxFactNameRunes), strings.Repeat("é", teams.MaxFactRunes))},
		"long name":           {fact(strings.Repeat("é", teams.MaxFactNameRunes+1), ""), connector.InvalidField, "/facts/1/name"},
		"blank name":          {fact("\t", "v"), connector.InvalidField, "/facts/1/name"},
		"long value":          {fact("n", strings.Repeat("é", teams.MaxFactRunes+1)), connector.InvalidField, "/facts/1/value"},
		"blank link text":     {func(r *connector.Rich) { *r.Link.Text = " " }, connector.InvalidField, "/link/text"},
		"long link text":      {func(r *connector.Rich) { *r.Link.Text = strings.Repeat("é", teams.MaxLinkTextRunes+1) }, connector.InvalidField, "/link/text"},
		"http":                {change: link("HTTP://localhost:8080/a?b#c")},
		"longest URL":         {change: link("https://a/" + strings.Repeat("x", teams.MaxLinkBytes-10))},
		"long URL":            {link("https://a/" + strings.Repeat("x", teams.MaxLinkBytes-9)), connector.InvalidField, "/link/url"},
		"no URL":              {link(""), connector.InvalidField, "/link/url"},
		"relative":            {link("/builds/4711"), connector.InvalidField, "/link/url"},
		"no host":             {link("https:///builds"), connector.InvalidField, "/link/url"},
		"script":              {link("javascript:alert(1)"), connector.InvalidField, "/link/url"},
		"file":                {link("file://host/canary"), connector.InvalidField, "/link/url"},
		"user":                {link("https://ann:canary@a.example"), connector.InvalidField, "/link/url"},
		"line break":          {link("https://a.example/\ncanary"), connector.InvalidField, "/link/url"},
		"space":               {link("https://a.example/a canary"), connector.InvalidField, "/link/url"},
		"blank text":          {func(r *connector.Rich) { r.Text = " " }, connector.InvalidField, "/textMessage"},
		"text over a post":    {func(r *connector.Rich) { r.Text = strings.Repeat("a", teams.PartBytes) }, connector.TooLarge, "/textMessage"},
		"text and facts over": {func(r *connector.Rich) { r.Text = strings.Repeat("a", teams.PartBytes-700) }, connector.TooLarge, "/textMessage"},
	} {
		t.Run(name, func(t *testing.T) {
			err := teams.CheckRich(rich(t, c.change).Body)

			switch {
			case c.code == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.code == "":
			case err == nil || err.Code != c.code || len(err.Fields) != 1 || err.Fields[0].Pointer != c.pointer:
				t.Fatalf("got %+v, want %s about %s", err, c.code, c.pointer)
			case strings.Contains(err.Message, "canary"):
				t.Errorf("the error quotes the URL: %s", err.Message)
			}
		})
	}
}

func TestAllFaultsOfARichMessageAreNamedAtOnce(t *testing.T) {
	err := teams.CheckRich(rich(t, func(r *connector.Rich) {
		*r.Title, *r.Level, r.Link.URL, r.Text = "", "x", "", strings.Repeat("a", teams.MaxTextBytes+1)
	}).Body)

	if err == nil || err.Code != connector.InvalidField || len(err.Fields) != 4 {
		t.Errorf("got %+v, want four fields, and what stays wrong in a shorter text first of all", err)
	}
	for _, body := range []string{"", "{", "\xff", `{"text":7}`} {
		if err := teams.CheckRich([]byte(body)); err == nil || err.Code != connector.InvalidJSON {
			t.Errorf("%q: %v, want %s", body, err, connector.InvalidJSON)
		}
	}
}
