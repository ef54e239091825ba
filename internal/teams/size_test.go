package teams_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/teams"
)

func TestSizeIsCountedAsTeamsCounts(t *testing.T) {
	cases := map[string]int{
		`{}`:                         len(`"{}"`),
		` { "a" : [ 1 , 2 ] } `:      len(`"{\"a\":[1,2]}"`),
		`"a b"`:                      len(`"\"a b\""`),
		`"\""`:                       len(`"\"\\\"\""`),
		`"\\"`:                       len(`"\"\\\\\""`),
		`"\n"`:                       len(`"\"\\n\""`),
		`"\u000a"`:                   len(`"\"\\n\""`),
		`"\u0001"`:                   len(`"\"\\u0001\""`),
		`"\/"`:                       len(`"\"/\""`),
		`"\u0041"`:                   len(`"\"A\""`),
		`"\u0022\u005c"`:             len(`"\"\\\"\\\\\""`),
		`"é漢😀"`:                      len(`"\"é漢😀\""`),
		`"\u00e9\u6f22\ud83d\ude00"`: len(`"\"é漢😀\""`),
		`"\ud83d"`:                   len(`"\"\\ud83d\""`),
		`"\ud83dx"`:                  len(`"\"\\ud83dx\""`),
	}
	for body, want := range cases {
		if got := teams.Counted([]byte(body)); got != want {
			t.Errorf("%s counts %d, want %d", body, got, want)
		}
	}
}

func TestSizeOfRealCardsIsThatOfTheirTextEscapedOnceMore(t *testing.T) {
	compared := 0
	for _, it := range ofSet(t, "cards_valid") {
		raw := readFile(t, shared(t, "fixtures/"+it.File))
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(`\u`)) || bytes.Contains(raw, []byte(`\/`)) {
			continue // these escapes are counted as the characters that they stand for
		}
		compared++
		want := len(unescaped(t, compact.String()))

		if got := teams.Counted(raw); got != want {
			t.Errorf("%s counts %d, want %d", it.ID, got, want)
		}
	}
	if compared == 0 {
		t.Error("no card was compared")
	}
}

// unescaped writes v as compact JSON with < > & and all beyond ASCII as they are.
func unescaped(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
