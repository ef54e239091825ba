package teams_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

type responseFixture struct {
	ID      string
	Kind    string `json:"url_kind"`
	Status  *int
	Headers map[string]string
	Body    string

	Expected string
	Maybe    bool  `json:"maybe_delivered"`
	Seconds  int   `json:"retry_after_s"`
	Visible  *bool `json:"visible_to_client"`
}

// verdict is what the words of a fixture mean here.
func (f responseFixture) verdict(t *testing.T) connector.Verdict {
	t.Helper()
	if f.Maybe {
		return connector.VerdictUncertain
	}
	v, ok := map[string]connector.Verdict{
		"sent": connector.VerdictSent, "throttled": connector.VerdictThrottled, "retry": connector.VerdictRetry,
		"permanent-failure": connector.VerdictRefused, "webhook-gone": connector.VerdictGone,
	}[f.Expected]
	if !ok {
		t.Fatalf("%s: unknown verdict %q", f.ID, f.Expected)
	}
	return v
}

// failure reads the words of a transport error; nil: there was an answer.
func (f responseFixture) failure() *teams.NetError {
	if f.Status != nil {
		return nil
	}
	words := strings.ToLower(f.ID + " " + f.Body)
	for _, k := range []struct {
		word string
		kind teams.NetErrorKind
	}{
		{"ssrf", teams.NetBlocked},
		{"dns", teams.NetDNS},
		{"no such host", teams.NetDNS},
		{"tls", teams.NetTLS},
		{"certificate", teams.NetTLS},
		{"connect deadline", teams.NetConnect},
		{"refused", teams.NetConnect},
		{"timeout", teams.NetTimeout},
		{"reset", teams.NetBroken},
		{"eof", teams.NetBroken},
	} {
		if strings.Contains(words, k.word) {
			return &teams.NetError{Kind: k.kind, Wrote: f.Maybe}
		}
	}
	return &teams.NetError{Wrote: f.Maybe}
}

func TestAnswersGetTheirLabelledVerdict(t *testing.T) {
	cases := readShared[[]responseFixture](t, "fixtures/responses.json")
	kinds := map[string]teams.URLKind{"o365": teams.KindOffice365, "workflows": teams.KindWorkflows}
	unseen := 0

	for _, f := range cases {
		if f.Visible != nil && !*f.Visible {
			unseen++ // happens inside the flow's run and never reaches us
			continue
		}
		var got connector.Outcome
		if e := f.failure(); e != nil {
			got = teams.ClassifyError(*e)
		} else {
			header := http.Header{}
			for k, v := range f.Headers {
				header.Set(k, v)
			}
			got = teams.Classify(kinds[f.Kind], teams.Answer{Status: *f.Status, Header: header, Body: []byte(f.Body), Now: noon})
			if got.RunID != header.Get("x-ms-workflow-run-id") {
				t.Errorf("%s: run id %q", f.ID, got.RunID)
			}
		}

		if want := f.verdict(t); got.Verdict != want {
			t.Errorf("%s: %v (%s), want %v", f.ID, got.Verdict, got.Reason, want)
		}
		if want := time.Duration(f.Seconds) * time.Second; got.RetryAfter != want {
			t.Errorf("%s: retry after %v, want %v", f.ID, got.RetryAfter, want)
		}
		if got.Reason == "" || got.Detail == "" || strings.Contains(got.Detail+got.Answer, "://") {
			t.Errorf("%s: %+v has no reason or detail, or an address", f.ID, got)
		}
	}
	t.Logf("fixtures: %d responses happen inside a flow's run and are the simulator's", unseen)
	ran(t, "responses", len(cases), len(ofSet(t, "responses")))
}

const coded = `{"error":{"code":%q,"message":"Could not execute workflow 'x' trigger 'manual' with state 'Disabled': trigger is not enabled."}}`

func TestEachCauseHasItsOwnAdvice(t *testing.T) {
	notEnabled := func(state string) string {
		return strings.Replace(fmt.Sprintf(coded, "WorkflowTriggerIsNotEnabled"), "Disabled", state, 1)
	}
	sas := `{"error":{"code":"DirectApiInvalidAuthorizationScheme","message":"The request has SAS authentication scheme while it is disabled under your access control policy."}}`
	cases := []struct {
		status int
		body   string
		says   string
		reason connector.Reason
	}{
		{400, notEnabled("Disabled"), "turned off", connector.ReasonDisabled},
		{400, notEnabled("Deleted"), "was deleted", connector.ReasonDisabled},
		{400, notEnabled("Suspended"), "suspended", connector.ReasonDisabled},
		{400, fmt.Sprintf(coded, "MissingApiVersionParameter"), "after the question mark", connector.ReasonBadRequest},
		{400, "Invalid webhook URL", "doesn't know this URL", connector.ReasonNotFound},
		{401, fmt.Sprintf(coded, "DirectApiAuthorizationRequired"), "signed-in users", connector.ReasonUnauthorized},
		{401, fmt.Sprintf(coded, "DirectApiInvalidAuthorizationScheme"), "Microsoft Entra", connector.ReasonUnauthorized},
		{401, sas, "forbids webhook URLs with a signature", connector.ReasonUnauthorized},
		{401, fmt.Sprintf(coded, "DirectApiInvalidAuthorizationSignature"), "signature in the webhook's URL is not valid", connector.ReasonUnauthorized},
		{401, fmt.Sprintf(coded, "MisMatchingOAuthClaims"), "certain users or tenants", connector.ReasonUnauthorized},
		{401, "", "refused this service (HTTP 401)", connector.ReasonUnauthorized},
		{403, fmt.Sprintf(coded, "AuthorizationFailed"), "Microsoft forbids", connector.ReasonForbidden},
		{403, "<html>", "forbidden (HTTP 403)", connector.ReasonForbidden},
		{404, fmt.Sprintf(coded, "WorkflowNotFound"), "flow doesn't exist", connector.ReasonNotFound},
		{404, fmt.Sprintf(coded, "WorkflowTriggerVersionNotFound"), "trigger doesn't exist", connector.ReasonNotFound},
		{404, "The request URI https://x.test/a does not match any known API routes.", "moved to a new address", connector.ReasonNotFound},
		{404, "", "no webhook at this URL", connector.ReasonNotFound},
		{410, "", "HTTP 410", connector.ReasonNotFound},
		{200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 403 with ContextId x", "tenant or the team", connector.ReasonForbidden},
	}
	seen := map[string]bool{}
	for _, c := range cases {
		got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: c.status, Body: []byte(c.body), Now: noon})

		if got.Verdict != connector.VerdictGone || got.Reason != c.reason || !strings.Contains(got.Detail, c.says) {
			t.Errorf("%d %.60s: got %v %s %q, want gone %s that says %q", c.status, c.body, got.Verdict, got.Reason, got.Detail, c.reason, c.says)
		}
		if !strings.Contains(got.Detail, "kept") {
			t.Errorf("%d %.60s: %q doesn't say that the messages are kept", c.status, c.body, got.Detail)
		}
		if seen[got.Detail] {
			t.Errorf("%d %.60s: its advice is another one's: %q", c.status, c.body, got.Detail)
		}
		seen[got.Detail] = true
	}
}

func TestOurOwnFaultStopsNoWebhook(t *testing.T) {
	for code, reason := range map[string]connector.Reason{
		"DirectApiRequestHasMoreThanOneAuthorization": connector.ReasonInternal,
		"TriggerInputSchemaMismatch":                  connector.ReasonSchema,
		"InvalidRequestContent":                       connector.ReasonBadRequest,
	} {
		got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: 400, Body: fmt.Appendf(nil, coded, code), Now: noon})

		if got.Verdict != connector.VerdictRefused || got.Reason != reason {
			t.Errorf("%s: got %v %s, want refused %s", code, got.Verdict, got.Reason, reason)
		}
	}
}

func TestAnswerThatEchoesAPostStopsNothing(t *testing.T) {
	for _, text := range []string{"Invalid webhook URL", `"code":"WorkflowNotFound"`, "Microsoft Teams endpoint returned HTTP error 403", "Bad payload received"} {
		envelope, _ := render(t, text)
		for _, status := range []int{200, 400} {
			for _, body := range [][]byte{envelope, envelope[:len(envelope)-9]} {
				got := teams.Classify(teams.KindTrusted, teams.Answer{Status: status, Body: body, Now: noon})
				if got.Verdict == connector.VerdictGone && len(body) == len(envelope) {
					t.Errorf("HTTP %d that echoes %q: %v", status, text, got.Verdict)
				}
				if status == 200 && got.Verdict != connector.VerdictSent && len(body) == len(envelope) {
					t.Errorf("HTTP 200 that echoes %q: %v", text, got.Verdict)
				}
			}
		}
	}
}

func TestErrorCodeWinsOverTheWordsBesideIt(t *testing.T) {
	got := teams.Classify(teams.KindWorkflows, teams.Answer{
		Status: 400, Now: noon,
		Body: []byte(`{"error":{"code":"InvalidRequestContent","message":"The content 'Invalid webhook URL' is not valid."}}`),
	})

	if got.Verdict != connector.VerdictRefused {
		t.Errorf("a message that was quoted stopped the webhook: %+v", got)
	}
}

func TestErrorCodeIsFoundInABodyThatIsCutOff(t *testing.T) {
	got := teams.Classify(teams.KindWorkflows, teams.Answer{
		Status: 400, Now: noon,
		Body: []byte(`{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"Could not execute wor`),
	})

	if got.Verdict != connector.VerdictGone || got.Reason != connector.ReasonDisabled {
		t.Errorf("got %v %s, want gone disabled", got.Verdict, got.Reason)
	}
}

func TestUnexpectedBodyOfA2xxIsSentOnlyThroughAFlow(t *testing.T) {
	for _, body := range []string{`{"id":"1"}`, "<html>", "hello", "2", "true", "[]", "\xff"} {
		flow := teams.Classify(teams.KindWorkflows, teams.Answer{Status: 200, Body: []byte(body), Now: noon})
		old := teams.Classify(teams.KindOffice365, teams.Answer{Status: 200, Body: []byte(body), Now: noon})

		if flow.Verdict != connector.VerdictSent || flow.Reason != connector.ReasonUnexpectedBody || flow.Answer == "" {
			t.Errorf("a flow's 200 %q: %+v", body, flow)
		}
		if old.Verdict != connector.VerdictUncertain {
			t.Errorf("a connector's 200 %q: %v", body, old.Verdict)
		}
	}
}

// bodies are one of each kind that an answer may have, and whether a 2xx with
// it is a plain success.
func bodies() map[string]bool {
	b := map[string]bool{
		"": true, " \r\n": true, "1": true, " 1\n": true, `"1"`: true,
		"<html><body>502 Bad Gateway</body></html>": true,
		"\x00\xff\xfe garbage \u202e":               true,
		`{"error":{"code":"WorkflowNo`:              true,
		`{"error":`:                                 true,
		`{"error":"x"}`:                             true,
		`{"error":{"code":7}}`:                      true,
		`{"code":"NoResponse","message":"x"}`:       true,
		"null":                                      true, "[1,2]": true, "0": true,
		strings.Repeat("é", 1_000):        true,
		strings.Repeat("[", 1_000):        true,
		"Summary or Text is required.":    false,
		"Invalid webhook URL":             false,
		"System.Net.Http.Exception: oops": false,
	}
	for _, code := range []string{
		"WorkflowTriggerIsNotEnabled", "MissingApiVersionParameter", "TriggerInputSchemaMismatch", "DirectApiAuthorizationRequired",
		"DirectApiInvalidAuthorizationScheme", "DirectApiInvalidAuthorizationSignature", "MisMatchingOAuthClaims",
		"DirectApiRequestHasMoreThanOneAuthorization", "AuthorizationFailed", "WorkflowNotFound", "WorkflowTriggerVersionNotFound", "NoResponse",
	} {
		b[fmt.Sprintf(coded, code)] = true
		b[fmt.Sprintf(coded, code)[:len(code)+30]] = true // cut off
	}
	for _, status := range []int{400, 401, 403, 404, 408, 413, 429, 500, 503} {
		b[fmt.Sprintf("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error %d with ContextId x", status)] = false
	}
	return b
}

func TestLargeBodiesAreReadInPart(t *testing.T) {
	for _, body := range []string{strings.Repeat("é", 32<<10), strings.Repeat("[", 64<<10), strings.Repeat(`{"a":`, 12<<10), `{"error":{"message":"` + strings.Repeat("x", 60<<10) + `"}}`} {
		for _, status := range []int{200, 400, 502} {
			a := teams.Answer{Status: status, Body: []byte(body), Now: noon}
			if why := classFault(teams.KindWorkflows, a, true, teams.Classify(teams.KindWorkflows, a)); why != "" && !strings.HasPrefix(why, "it waits") {
				t.Errorf("HTTP %d, %d bytes: %s", status, len(body), why)
			}
		}
	}
}

func TestEveryStatusTimesEveryBodyHasItsClass(t *testing.T) {
	statuses := []int{0, 999}
	for s := 100; s < 600; s++ {
		statuses = append(statuses, s)
	}
	cases := 0
	for _, kind := range []teams.URLKind{teams.KindWorkflows, teams.KindOffice365} {
		for body, plain := range bodies() {
			for _, status := range statuses {
				cases++
				a := teams.Answer{Status: status, Header: http.Header{"Retry-After": {"7"}}, Body: []byte(body), Now: noon}
				got := teams.Classify(kind, a)

				if why := classFault(kind, a, plain, got); why != "" {
					t.Fatalf("%v, HTTP %d, body %.80q: got %v (%s): %s", kind, status, body, got.Verdict, got.Reason, why)
				}
			}
		}
	}
	t.Logf("walked %d answers", cases)
}

// classFault says which rule of the classes an outcome breaks.
func classFault(kind teams.URLKind, a teams.Answer, plain bool, o connector.Outcome) string {
	waits := o.Verdict == connector.VerdictThrottled || o.Verdict == connector.VerdictRetry || o.Verdict == connector.VerdictUncertain
	switch {
	case o.Verdict.String() == "unknown" || o.Verdict == connector.VerdictPosted:
		return "no verdict, or one that comes later"
	case o.Reason == "" || o.Detail == "" || o.HTTPStatus != a.Status:
		return "no reason, detail or status"
	case len(o.Answer) > connector.MaxAnswer || !utf8.ValidString(o.Answer) || strings.ContainsAny(o.Answer, "\x00\n\r\u202e"):
		return "its answer is not fit to be shown"
	case waits != (o.RetryAfter == 7*time.Second):
		return fmt.Sprintf("it waits %v", o.RetryAfter)
	}
	switch s := a.Status; {
	case s >= 200 && s < 300:
		ok := o.Verdict == connector.VerdictSent || kind == teams.KindOffice365 && o.Verdict == connector.VerdictUncertain
		if plain && !ok {
			return "a 2xx without a reason in its body"
		}
		if !plain && o.Verdict == connector.VerdictSent {
			return "a 2xx with an error in its body"
		}
	case s >= 300 && s < 400 && (o.Verdict != connector.VerdictRefused || o.Reason != connector.ReasonRedirect),
		s == 413 && (o.Verdict != connector.VerdictRefused || o.Reason != connector.ReasonTooLarge),
		s == 429 && o.Verdict != connector.VerdictThrottled,
		(s == 401 || s == 403 || s == 404 || s == 410) && o.Verdict != connector.VerdictGone && o.Verdict != connector.VerdictRefused,
		(s == 404 || s == 410) && len(a.Body) == 0 && o.Verdict != connector.VerdictGone,
		(s == 408 || s >= 500 && s < 600) && o.Verdict != connector.VerdictUncertain && o.Verdict != connector.VerdictRetry,
		(s == 408 || s == 500 || s >= 502 && s <= 504) && o.Verdict != connector.VerdictUncertain,
		s > 599 && o.Verdict != connector.VerdictRefused,
		s >= 400 && s < 500 && o.Verdict == connector.VerdictSent:
		return "not of its class"
	}
	return ""
}

func TestRetryAfterIsNeverEarlierThanAsked(t *testing.T) {
	cases := map[string]struct {
		values []string
		date   string
		want   time.Duration
	}{
		"absent":             {nil, "", 0},
		"seconds":            {[]string{"120"}, "", 2 * time.Minute},
		"spaces around":      {[]string{" 5 "}, "", 5 * time.Second},
		"zero":               {[]string{"0"}, "", time.Second},
		"malformed":          {[]string{"soon"}, "", 0},
		"empty":              {[]string{""}, "", 0},
		"negative":           {[]string{"-5"}, "", 0},
		"fraction":           {[]string{"1.5"}, "", 0},
		"a day":              {[]string{"86400"}, "", 24 * time.Hour},
		"more than a day":    {[]string{"86401"}, "", 24 * time.Hour},
		"huge":               {[]string{strings.Repeat("9", 40)}, "", 24 * time.Hour},
		"overflowing":        {[]string{"9223372036854775807"}, "", 24 * time.Hour},
		"date":               {[]string{"Tue, 24 Nov 2026 12:01:30 GMT"}, "", 90 * time.Second},
		"date of RFC 850":    {[]string{"Tuesday, 24-Nov-26 12:01:30 GMT"}, "", 90 * time.Second},
		"date in the past":   {[]string{"Tue, 24 Nov 2026 11:00:00 GMT"}, "", time.Second},
		"date far away":      {[]string{"Tue, 24 Nov 2099 12:00:00 GMT"}, "", 24 * time.Hour},
		"our clock is ahead": {[]string{"Tue, 24 Nov 2026 11:59:30 GMT"}, "Tue, 24 Nov 2026 11:58:30 GMT", time.Minute},
		"our clock is late":  {[]string{"Tue, 24 Nov 2026 12:02:00 GMT"}, "Tue, 24 Nov 2026 12:01:30 GMT", 2 * time.Minute},
		"broken date beside": {[]string{"Tue, 24 Nov 2026 12:01:00 GMT"}, "yesterday", time.Minute},
		"several":            {[]string{"5", "60", "soon"}, "", time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Retry-After": c.values}
			if c.date != "" {
				header.Set("Date", c.date)
			}
			for _, status := range []int{429, 503} {
				got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: status, Header: header, Now: noon})
				if got.RetryAfter != c.want {
					t.Errorf("HTTP %d: retry after %v, want %v", status, got.RetryAfter, c.want)
				}
			}
			if got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: 202, Header: header, Now: noon}); got.RetryAfter != 0 {
				t.Errorf("a 202 asks for %v", got.RetryAfter)
			}
		})
	}
}

func TestAnswerIsKeptWithoutSecretsAndControls(t *testing.T) {
	long := strings.Repeat("é", connector.MaxAnswer)
	cases := map[string]struct{ body, want string }{
		"plain":              {"Summary or Text is required.", "Summary or Text is required."},
		"lines":              {" a\r\n\tb\x00\x1b[31m\u202ec\u2028d ", "a   b[31mc d"},
		"bad UTF-8":          {"a\xffb", "a\uFFFDb"},
		"URL":                {"see " + goodURL + " now", "see [address] now"},
		"URL in JSON":        {`{"uri":"` + goodURL + `"}`, `{"uri":"[address]"}`},
		"URL in HTML":        {`<a href='https://x.test/?a=1&amp;sig=abc'>x</a>`, `<a href='[address]'>x</a>`},
		"escaped slashes":    {`{"u":"https:\/\/x.test\/webhookb2\/a"}`, `{"u":"[address]"}`},
		"percent-encoded":    {"to=https%3A%2F%2Fx.test%2F%3Fsig%3Dabc", "to=[address]"},
		"path of a flow":     {flowPath + "?sv=1.0&sig=" + signature, flowPath + "?sv=1.0&[signature]"},
		"path of connector":  {"POST /webhookb2/a@b/IncomingWebhook/c/d failed", "POST [address] failed"},
		"escaped ampersand":  {`sv=1\u0026sig=` + signature, `sv=1\u00[signature]`},
		"encoded ampersand":  {`sv=1%26sig%3D` + signature, `sv=1%[signature]`},
		"signature as field": {`{"sig":"` + signature + `","a":1}`, `{"[signature]","a":1}`},
		"in a quoted field":  {`"{\"sig\": \"` + signature + `\"}"`, `"{\"[signature]\"}"`},
		"in capitals":        {"SIG=" + signature, "[signature]"},
		"long":               {"x" + long, "x" + long[:connector.MaxAnswer-2]},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: 400, Body: []byte(c.body), Now: noon})

			if got.Answer != c.want {
				t.Errorf("got %q, want %q", got.Answer, c.want)
			}
		})
	}
}

func TestRunIDIsKeptOnlyIfItLooksLikeOne(t *testing.T) {
	for v, want := range map[string]string{
		"08584419612345678901234567890CU12": "08584419612345678901234567890CU12",
		"a b":                               "", "a\nb": "", "é": "", strings.Repeat("a", 129): "",
		"https://x.test/?sig=abc": "",
	} {
		got := teams.Classify(teams.KindWorkflows, teams.Answer{Status: 202, Header: http.Header{"X-Ms-Workflow-Run-Id": {v}}, Now: noon})
		if got.RunID != want {
			t.Errorf("%q is kept as %q, want %q", v, got.RunID, want)
		}
	}
}

func TestCallWithoutAnAnswerIsUncertainOnlyIfItWasWritten(t *testing.T) {
	type o = struct {
		v connector.Verdict
		r connector.Reason
	}
	const retry, uncertain = connector.VerdictRetry, connector.VerdictUncertain
	cases := map[teams.NetErrorKind]struct{ unwritten, written o }{
		teams.NetDNS:      {o{retry, connector.ReasonDNS}, o{uncertain, connector.ReasonDNS}},
		teams.NetConnect:  {o{retry, connector.ReasonConnect}, o{uncertain, connector.ReasonConnect}},
		teams.NetTLS:      {o{retry, connector.ReasonTLS}, o{uncertain, connector.ReasonTLS}},
		teams.NetBlocked:  {o{connector.VerdictRefused, connector.ReasonBlocked}, o{connector.VerdictRefused, connector.ReasonBlocked}},
		teams.NetTimeout:  {o{retry, connector.ReasonConnect}, o{uncertain, connector.ReasonTimeout}},
		teams.NetBroken:   {o{retry, connector.ReasonConnect}, o{uncertain, connector.ReasonBroken}},
		teams.NetShutdown: {o{retry, connector.ReasonShutdown}, o{uncertain, connector.ReasonShutdown}},
		teams.NetCanceled: {o{retry, connector.ReasonShutdown}, o{uncertain, connector.ReasonShutdown}},
		0:                 {o{retry, connector.ReasonOther}, o{uncertain, connector.ReasonOther}},
	}
	for kind, c := range cases {
		for wrote, want := range map[bool]o{false: c.unwritten, true: c.written} {
			got := teams.ClassifyError(teams.NetError{Kind: kind, Wrote: wrote})
			if got.Verdict != want.v || got.Reason != want.r || got.Detail == "" || got.HTTPStatus != 0 {
				t.Errorf("kind %d, written %v: got %+v, want %v %s", kind, wrote, got, want.v, want.r)
			}
		}
	}
}
