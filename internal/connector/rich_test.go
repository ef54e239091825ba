package connector_test

import (
	"reflect"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func TestRichMessageHasOneFormThatReadsBackAsItIs(t *testing.T) {
	title, level, empty := "Build <7> & \"more\"", connector.LevelGood, ""
	for name, c := range map[string]struct {
		rich connector.Rich
		body string
	}{
		"all": {
			connector.Rich{
				Text: "a\r\nb\u2028\x01", Title: &title, Level: &level,
				Facts: []connector.Fact{{Name: "Branch", Value: "main"}, {Name: "Note"}},
				Link:  &connector.Link{Text: &title, URL: "https://a.example/?x=1&y=2"},
			},
			`{"text":"a\r\nb\u2028\u0001","title":"Build <7> & \"more\"","level":"good","facts":[{"name":"Branch","value":"main"},{"name":"Note","value":""}],` +
				`"link":{"text":"Build <7> & \"more\"","url":"https://a.example/?x=1&y=2"}}`,
		},
		"empty is not absent": {
			connector.Rich{Text: "x", Title: &empty, Level: &empty, Link: &connector.Link{Text: &empty}},
			`{"text":"x","title":"","level":"","link":{"text":"","url":""}}`,
		},
		"only a link": {connector.Rich{Text: "x", Link: &connector.Link{URL: "https://a"}}, `{"text":"x","link":{"url":"https://a"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := c.rich.Encode()
			if err != nil || string(body) != c.body {
				t.Fatalf("encoded %s, %v\nwant    %s", body, err, c.body)
			}
			if back, err := connector.DecodeRich(body); err != nil || !reflect.DeepEqual(back, c.rich) {
				t.Errorf("decoded %+v, %v; want %+v", back, err, c.rich)
			}
			if c.rich.Plain() {
				t.Error("it counts as plain")
			}
		})
	}
	if r := (connector.Rich{Text: "x"}); !r.Plain() {
		t.Error("a text alone does not count as plain")
	}
}
