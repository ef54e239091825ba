package teams_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

func TestValidCardsAreTakenUnlessTooLarge(t *testing.T) {
	items := ofSet(t, "cards_valid")
	files, err := os.ReadDir(shared(t, "fixtures/cards_valid"))
	if err != nil {
		t.Fatal(err)
	}

	for _, it := range items {
		raw := readFile(t, shared(t, "fixtures/"+it.File))
		warnings, err := teams.CheckCard(raw)

		envelope, wrong := teams.Envelope(connector.Content{Kind: connector.KindCard, Body: raw}, connector.PayloadAdaptive)
		if wrong != nil {
			t.Errorf("%s: %v", it.ID, wrong)
			continue
		}
		switch size := teams.Counted(envelope); {
		case size > teams.MaxCardBytes:
			if err == nil || err.Code != connector.TooLarge || err.Fields[0].Pointer != "/card" {
				t.Errorf("%s counts %d: got %v, want too_large", it.ID, size, err)
			}
		case err != nil:
			t.Errorf("%s: refused: %v", it.ID, err)
		}
		sameCard(t, it.ID, raw, envelope)
		if strings.Contains(string(raw), `"version": "1.6"`) && !strings.Contains(strings.Join(warnings, " "), "up to version 1.5") {
			t.Errorf("%s: warnings %q don't name the version", it.ID, warnings)
		}
		if strings.Contains(string(raw), `"Action.Submit"`) && err == nil && !strings.Contains(strings.Join(warnings, " "), "Action.Submit") {
			t.Errorf("%s: warnings %q don't name Action.Submit", it.ID, warnings)
		}
	}
	ran(t, "cards_valid", len(items), len(files))
}

// sameCard fails unless the envelope holds the card as it was handed in.
func sameCard(t *testing.T, name string, raw, envelope []byte) {
	t.Helper()
	var post struct {
		Attachments []struct{ Content any }
	}
	var want any
	if err := json.Unmarshal(envelope, &post); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(post.Attachments) != 1 || !cmp.Equal(post.Attachments[0].Content, want) {
		t.Errorf("%s: the envelope holds another card", name)
	}
}

func TestInvalidCardsAreRefusedAndLenientOnesWarned(t *testing.T) {
	items := ofSet(t, "cards_invalid")
	files, err := os.ReadDir(shared(t, "fixtures/cards_invalid"))
	if err != nil {
		t.Fatal(err)
	}

	for _, it := range items {
		raw := readFile(t, shared(t, "fixtures/"+it.File))
		warnings, err := teams.CheckCard(raw)

		switch {
		case strings.HasPrefix(it.Expected, "lenient"):
			if err != nil || len(warnings) == 0 {
				t.Errorf("%s: got %v, warnings %q; want it taken with a warning", it.ID, err, warnings)
			}
		case it.Expected != "invalid":
			t.Errorf("%s: unknown verdict %q", it.ID, it.Expected)
		case !it.JSON:
			if err == nil || err.Code != connector.InvalidJSON {
				t.Errorf("%s: got %v, want invalid_json", it.ID, err)
			}
		case err == nil || err.Code != connector.InvalidField || !strings.HasPrefix(err.Fields[0].Pointer, "/card"):
			t.Errorf("%s: got %v, want invalid_field under /card", it.ID, err)
		}
	}
	ran(t, "cards_invalid", len(items), len(files))
}

func TestPayloadsOfOtherToolsAreUnwrappedOrExplained(t *testing.T) {
	items := ofSet(t, "payloads")
	files, err := os.ReadDir(shared(t, "fixtures/payloads"))
	if err != nil {
		t.Fatal(err)
	}

	for _, it := range items {
		raw := readFile(t, shared(t, "fixtures/"+it.File))
		var outside struct {
			Attachments []struct{ ContentType string }
		}
		_ = json.Unmarshal(raw, &outside) // a list stays without attachments
		one := len(outside.Attachments) == 1 && outside.Attachments[0].ContentType == "application/vnd.microsoft.card.adaptive"
		_, err := teams.CheckCard(raw)

		if one && err != nil {
			t.Errorf("%s: refused: %v", it.ID, err)
		}
		if !one && (err == nil || err.Code != connector.InvalidField || len(err.Message) < 40) {
			t.Errorf("%s: got %v, want it refused with an explanation", it.ID, err)
		}
		if strings.Contains(string(raw), `"MessageCard"`) && (err == nil || !strings.Contains(err.Message, "MessageCard")) {
			t.Errorf("%s: got %v, want it to name the MessageCard", it.ID, err)
		}
	}
	ran(t, "payloads", len(items), len(files))
}

func TestJSONOfAnyKindGetsAVerdict(t *testing.T) {
	files, err := os.ReadDir(shared(t, "badinput/json"))
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		cases++
		_, err := teams.CheckCard(readFile(t, shared(t, "badinput/json/"+f.Name())))

		if err == nil || strings.HasPrefix(f.Name(), "n_") && err.Code != connector.InvalidJSON {
			t.Errorf("%s: got %v, want it refused", f.Name(), err)
		}
	}
	ran(t, "json", cases, 1)
}

// card makes a card with a body and whatever else.
func card(rest string) string {
	return `{"type":"AdaptiveCard","version":"1.4",` + rest + `}`
}

func TestCardThatMicrosoftsParsersRefuseIsRefused(t *testing.T) {
	cases := map[string]struct{ card, pointer, says string }{
		"no type":                {`{"version":"1.4","body":[]}`, "/card/type", "AdaptiveCard"},
		"another type":           {`{"type":"Hello","version":"1.4","body":[]}`, "/card/type", "AdaptiveCard"},
		"type of another kind":   {`{"type":7,"version":"1.4","body":[]}`, "/card/type", "AdaptiveCard"},
		"no version":             {`{"type":"AdaptiveCard","body":[]}`, "/card/version", "missing"},
		"version as a number":    {`{"type":"AdaptiveCard","version":1.4}`, "/card/version", "must be a text"},
		"version of the future":  {`{"type":"AdaptiveCard","version":"2.0"}`, "/card/version", "1.6"},
		"version of words":       {`{"type":"AdaptiveCard","version":"1.tacos"}`, "/card/version", "1.6"},
		"body is no list":        {card(`"body":{"type":"TextBlock"}`), "/card/body", "list"},
		"body of texts":          {card(`"body":["hi"]`), "/card/body/0", "object"},
		"element without a type": {card(`"body":[{"type":"TextBlock","text":"a"},{"text":"What am I?"}]`), "/card/body/1/type", "missing"},
		"type as a number":       {card(`"body":[{"type":1}]`), "/card/body/0/type", "text"},
		"empty element":          {card(`"body":[{}]`), "/card/body/0/type", "missing"},
		"deep element":           {card(`"body":[{"type":"ColumnSet","columns":[{"items":[{"type":"Container","items":[{"text":"x"}]}]}]}]`), "/card/body/0/columns/0/items/0/items/0/type", "missing"},
		"items are no list":      {card(`"body":[{"type":"Container","items":{}}]`), "/card/body/0/items", "list"},
		"column of another type": {card(`"body":[{"type":"ColumnSet","columns":[{"type":"Elephant"}]}]`), "/card/body/0/columns/0/type", "Column"},
		"image of another type":  {card(`"body":[{"type":"ImageSet","images":[{"type":"Elephant","url":"https://x.test"}]}]`), "/card/body/0/images/0/type", "Image"},
		"run of another type":    {card(`"body":[{"type":"RichTextBlock","inlines":["a",{"type":"who cares???","text":"b"}]}]`), "/card/body/0/inlines/1/type", "TextRun"},
		"input without an id":    {card(`"body":[{"type":"Input.Text"}]`), "/card/body/0/id", "missing"},
		"image without a url":    {card(`"body":[{"type":"Image"}]`), "/card/body/0/url", "missing"},
		"link without a url":     {card(`"actions":[{"type":"Action.OpenUrl","title":"a"}]`), "/card/actions/0/url", "missing"},
		"action without a type":  {card(`"actions":[{"title":"a"}]`), "/card/actions/0/type", "missing"},
		"same id twice":          {card(`"body":[{"type":"TextBlock","text":"a","id":"x"},{"type":"Container","items":[{"type":"TextBlock","text":"a","id":"x"}]}]`), "/card/body/1/items/0/id", "/card/body/0"},
		"fallback of a word":     {card(`"body":[{"type":"TextBlock","text":"a","fallback":"steve"}]`), "/card/body/0/fallback", "drop"},
		"fallback of a list":     {card(`"body":[{"type":"TextBlock","text":"a","fallback":[{"a":"2"}]}]`), "/card/body/0/fallback", "object"},
		"fault in a fallback":    {card(`"body":[{"type":"Graph","fallback":{"text":"a"}}]`), "/card/body/0/fallback/type", "missing"},
		"fault in a shown card":  {card(`"actions":[{"type":"Action.ShowCard","card":{"body":[{"text":"a"}]}}]`), "/card/actions/0/card/body/0/type", "missing"},
		"no object":              {`"card"`, "/card", "JSON object"},
		"a number":               {`7`, "/card", "JSON object"},
		"null":                   {`null`, "/card", "JSON object"},
		"a list":                 {`[{"type":"AdaptiveCard"}]`, "/card", "one message per card"},
		"a text":                 {`{"text":"hi"}`, "/card", "textMessage"},
		"a MessageCard":          {`{"@type":"MessageCard","@context":"http://schema.org/extensions","text":"hi"}`, "/card", "MessageCard"},
		"two attachments":        {`{"type":"message","attachments":[{"content":{}},{"content":{}}]}`, "/card/attachments", "one message per card"},
		"no attachment":          {`{"type":"message","attachments":[]}`, "/card/attachments", "no card"},
		"attachments no list":    {`{"type":"message","attachments":{}}`, "/card/attachments", "list"},
		"one attachment":         {`{"type":"message","attachment":{"content":{}}}`, "/card/attachment", "attachments"},
		"attachment no object":   {`{"type":"message","attachments":["x"]}`, "/card/attachments/0", "object"},
		"hero card":              {`{"attachments":[{"contentType":"application/vnd.microsoft.card.hero","content":{}}]}`, "/card/attachments/0/contentType", "Adaptive"},
		"card in quotes":         {`{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":"{}"}]}`, "/card/attachments/0/content", "in quotes"},
		"fault in an envelope":   {`{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.4","body":[{"text":"a"}]}}]}`, "/card/attachments/0/content/body/0/type", "missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := teams.CheckCard([]byte(c.card))

			if err == nil || err.Code != connector.InvalidField || !strings.Contains(err.Message, c.says) {
				t.Fatalf("got %v, want invalid_field that says %q", err, c.says)
			}
			if err.Fields[0].Pointer != c.pointer {
				t.Errorf("pointer %s, want %s", err.Fields[0].Pointer, c.pointer)
			}
		})
	}
}

func TestCardThatIsNotUTF8IsNotJSON(t *testing.T) {
	_, err := teams.CheckCard([]byte(card(`"body":[{"type":"TextBlock","text":"a` + "\xff" + `"}]`)))

	if err == nil || err.Code != connector.InvalidJSON {
		t.Errorf("got %v, want invalid_json", err)
	}
}

func TestCardNamesAllItsFaults(t *testing.T) {
	_, err := teams.CheckCard([]byte(card(`"body":[` + strings.Repeat(`{"type":"Input.Text"},`, 30) + `{"text":"a"}]`)))

	if err == nil || len(err.Fields) != 10 || !strings.Contains(err.Message, "and 9 more") {
		t.Errorf("got %+v, want the first ten", err)
	}
}

func TestCardIsTakenWithAWarning(t *testing.T) {
	row := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"type":"Action.OpenUrl","url":"https://x.test"},`, n), ",")
	}
	cases := map[string]struct{ card, says string }{
		"newer than 1.5":         {`{"type":"AdaptiveCard","version":"1.6","body":[{"type":"TextBlock","text":"a"}]}`, "up to version 1.5"},
		"submit":                 {card(`"actions":[{"type":"Action.Submit"}]`), "nobody who answers"},
		"execute":                {card(`"body":[{"type":"TextBlock","text":"a"}],"selectAction":{"type":"Action.Execute"}`), "(/card/selectAction)"},
		"seven actions":          {card(`"actions":[` + row(7) + `]`), "at most 6 actions"},
		"seven actions in a set": {card(`"body":[{"type":"ActionSet","actions":[` + row(7) + `]}]`), "(/card/body/0/actions)"},
		"media":                  {card(`"body":[{"type":"Media","sources":[]}]`), "doesn't play Media"},
		"unknown element":        {card(`"body":[{"type":"IDunno"}]`), `"IDunno"`},
		"unknown action":         {card(`"actions":[{"type":"Action.IDunno"}]`), `"Action.IDunno"`},
		"action as an element":   {card(`"body":[{"type":"Action.OpenUrl","url":"https://x.test"}]`), "doesn't belong here"},
		"text block of nothing":  {card(`"body":[{"type":"TextBlock"}]`), `TextBlock without "text"`},
		"text as a number":       {card(`"body":[{"type":"TextBlock","text":7}]`), `"text" of TextBlock`},
		"no facts":               {card(`"body":[{"type":"FactSet"}]`), `FactSet without "facts"`},
		"width":                  {card(`"body":[{"type":"ColumnSet","columns":[{"width":"automatic"}]}]`), `"width" of Column`},
		"size":                   {card(`"body":[{"type":"TextBlock","text":"a","size":"huge"}]`), "extraLarge"},
		"broken picture":         {card(`"body":[{"type":"Image","url":"data:image/png;base64,a!b"}]`), "base64"},
		"empty picture":          {card(`"body":[{"type":"Image","url":"data:image/png;base64,"}]`), "base64"},
		"nothing at all":         {`{"type":"AdaptiveCard","version":"1.0"}`, "shows nothing"},
		"null as an element":     {card(`"body":[null,{"type":"TextBlock","text":"a"}]`), "empty entry"},
		"text beside the card":   {`{"text":"hi","attachments":[{"content":` + card(`"body":[{"type":"TextBlock","text":"a"}]`) + `}]}`, "own text"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			warnings, err := teams.CheckCard([]byte(c.card))
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], c.says) {
				t.Errorf("warnings %q, want one that says %q", warnings, c.says)
			}
		})
	}
}

func TestCardIsTakenWithoutAWarning(t *testing.T) {
	cases := map[string]string{
		"text":           card(`"body":[{"type":"TextBlock","text":"a","size":"LARGE","color":null}],"actions":null`),
		"widths":         card(`"body":[{"type":"ColumnSet","columns":[{"width":"auto"},{"width":2},{"width":"50px"},{"width":"35"},{"type":"Column","width":"Stretch"}]}]`),
		"template":       card(`"body":[{"type":"TextBlock","text":"${a}","size":"${b}"}]`),
		"implied types":  card(`"body":[{"type":"Table","columns":[{"width":1}],"rows":[{"cells":[{"items":[{"type":"TextBlock","text":"a"}]}]}]},{"type":"ImageSet","images":[{"url":"https://x.test/a.png"}]},{"type":"RichTextBlock","inlines":["a",{"type":"TextRun","text":"b"}]}]`),
		"same fallback":  card(`"body":[{"type":"TextBlock","text":"a","id":"x","fallback":{"type":"TextBlock","text":"b","id":"x","fallback":{"type":"TextBlock","text":"c","id":"x"}}},{"type":"TextBlock","text":"d","fallback":"drop"}]`),
		"empty action":   card(`"body":[{"type":"TextBlock","text":"a"}],"selectAction":{}`),
		"six actions":    card(`"actions":[` + strings.Repeat(`{"type":"Action.OpenUrl","url":"https://x.test"},`, 5) + `{"type":"Action.ToggleVisibility","targetElements":["a"]}]`),
		"picture":        card(`"body":[{"type":"Image","url":"data:image/png;base64,iVBORw0KGgo="}]`),
		"version 1":      `{"type":"AdaptiveCard","version":"1","body":[{"type":"TextBlock","text":"a"}]}`,
		"version 1.5.0":  `{"type":"AdaptiveCard","version":"1.5.0","body":[{"type":"TextBlock","text":"a"}]}`,
		"bare attached":  `{"contentType":"application/vnd.microsoft.card.adaptive","content":` + card(`"body":[{"type":"TextBlock","text":"a"}]`) + `}`,
		"null for a key": card(`"body":[{"type":"TextBlock","text":"a","style":null,"id":null,"fallback":null}]`),
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if warnings, err := teams.CheckCard([]byte(c)); err != nil || len(warnings) > 0 {
				t.Errorf("got %v, warnings %q", err, warnings)
			}
		})
	}
}

func TestCardWarnsOnceOfTheSameThing(t *testing.T) {
	warnings, err := teams.CheckCard([]byte(card(`"actions":[{"type":"Action.Submit"},{"type":"Action.Submit"},{"type":"Action.Execute"}]`)))

	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "/card/actions/0 and 2 more places") {
		t.Errorf("got %v, %q", err, warnings)
	}
}

func TestCardOverTheBudgetIsTooLarge(t *testing.T) {
	with := func(n int) []byte {
		return []byte(card(fmt.Sprintf(`"body":[{"type":"TextBlock","text":"%s"}]`, strings.Repeat("a", n))))
	}
	envelope, err := teams.Envelope(connector.Content{Kind: connector.KindCard, Body: with(0)}, connector.PayloadAdaptive)
	if err != nil {
		t.Fatal(err)
	}
	free := teams.MaxCardBytes - teams.Counted(envelope)

	if _, err := teams.CheckCard(with(free)); err != nil {
		t.Errorf("a card that fills the budget: %v", err)
	}
	if _, err := teams.CheckCard(with(free + 1)); err == nil || err.Code != connector.TooLarge || !strings.Contains(err.Message, "26001") {
		t.Errorf("one byte over the budget: %v", err)
	}
}
