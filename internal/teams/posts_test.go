package teams_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

func TestPostsSayWhatTeamsShows(t *testing.T) {
	title := "Disk space"
	rich, err := connector.Rich{Text: "3 % free on app_srv_02", Title: &title, Facts: []connector.Fact{{Name: "Server", Value: "srv_02"}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	card := `{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"Release 4.2"},` +
		`{"type":"ColumnSet","columns":[{"items":[{"type":"Image","url":"https://contoso.example/a.png","altText":"Rocket"}]}]},` +
		`{"type":"RichTextBlock","inlines":["by ",{"type":"TextRun","text":"Alex"}]},` +
		`{"type":"FactSet","facts":[{"title":"Took","value":"4 min"}]}],"actions":[{"type":"Action.OpenUrl","title":"Notes","url":"https://contoso.example"}]}`
	for name, c := range map[string]struct {
		content connector.Content
		payload connector.Payload
		posts   int
		says    string // of the first
		card    bool
	}{
		"a text":                       {connector.Content{Kind: connector.KindText, Body: []byte("App_Pool_01\nis *up*")}, connector.PayloadAdaptive, 1, "App_Pool_01\nis *up*", true},
		"a text to a template of text": {connector.Content{Kind: connector.KindText, Body: []byte("up")}, connector.PayloadText, 1, "up", false},
		"a long text":                  {connector.Content{Kind: connector.KindText, Body: []byte(strings.Repeat("A line of it.\n", 1000))}, connector.PayloadAdaptive, 5, "(1/5)", true},
		"a rich message":               {connector.Content{Kind: connector.KindRich, Body: rich}, connector.PayloadText, 1, "Disk space\n\n3 % free on app_srv_02\nServer: srv_02", true},
		"a card":                       {connector.Content{Kind: connector.KindCard, Body: []byte(card)}, connector.PayloadAdaptive, 1, "Release 4.2\n[Rocket]\nby Alex\nTook: 4 min\n[Notes]", true},
	} {
		t.Run(name, func(t *testing.T) {
			posts, err := teams.Posts(c.content, c.payload)
			if err != nil {
				t.Fatal(err)
			}

			if len(posts) != c.posts {
				t.Fatalf("%d posts, want %d", len(posts), c.posts)
			}
			if got := posts[0].Text; got != c.says && (c.posts == 1 || !strings.Contains(got, c.says)) {
				t.Errorf("the first says %q, want %q", got, c.says)
			}
			if got := posts[0].Card != nil; got != c.card || c.card && !json.Valid(posts[0].Card) {
				t.Errorf("a card: %v, want %v", got, c.card)
			}
			if posts[0].Size < len(c.says) || posts[0].Size > teams.TeamsPostBytes {
				t.Errorf("size %d", posts[0].Size)
			}
		})
	}
}
