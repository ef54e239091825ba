package api_test

import (
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
)

func TestNullCountsAsAbsentAtEveryDepthAndAllElseIsKept(t *testing.T) {
	known := []string{"name", "contact", "list"}
	for body, want := range map[string]string{
		`{"name":null}`: `{}`,
		`{"contact":{"email":null,"name":"Ann","at":{"x":null}}}`: `{"contact":{"name":"Ann","at":{}}}`,
		`{"list":[null,{"a":null},[null]]}`:                       `{"list":[null,{},[null]]}`,
		`{"name":123456789012345678901234567890.50}`:              `{"name":123456789012345678901234567890.50}`,
		"{\"name\":\"\u2028 \\u0041 <b>\"}":                       "{\"name\":\"\u2028 A <b>\"}",
		"\ufeff{ }":                                               `{}`,
	} {
		got, err := api.CleanObject([]byte(body), known)
		if err != nil || string(trim(got)) != want {
			t.Errorf("%s becomes %s (%v), want %s", body, got, err, want)
		}
	}
	for _, body := range []string{`{"contact":{"a":1,"a":2}}`, `{"contact":{"a":null,"a":2,"b":[{"c":1,"c":1}]}}`, `{"name":1,"name":null}`, `{"list":[1}`, `{"name":"\ud800"}`} {
		if got, err := api.CleanObject([]byte(body), known); err == nil {
			t.Errorf("%s becomes %s, want a refusal", body, got)
		}
	}
}

func trim(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return b
}
