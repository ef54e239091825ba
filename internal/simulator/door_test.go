package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

func TestFrontDoorAnswersAsTheRealOne(t *testing.T) {
	s := newTeams(t, open())
	id, target := s.AddFlow(simulator.Flow{})
	_, strict := s.AddFlow(simulator.Flow{Strict: true})
	path, query, _ := strings.Cut(target, "?")
	without := func(name string) string {
		var kept []string
		for _, p := range strings.Split(query, "&") {
			if !strings.HasPrefix(p, name+"=") {
				kept = append(kept, p)
			}
		}
		return path + "?" + strings.Join(kept, "&")
	}

	for name, c := range map[string]struct {
		method, target, body, auth string
		status                     int
		code                       string
	}{
		"a good request is accepted":           {"POST", target, envelope("good"), "", 202, ""},
		"a slash at the end is no difference":  {"POST", path + "/?" + query, envelope("slash"), "", 202, ""},
		"an unknown path is no route":          {"POST", "/workflow/" + string(id), "{}", "", 404, "does not match any known API routes"},
		"the old path is no route here":        {"POST", strings.TrimPrefix(target, "/powerautomate/automations/direct"), "{}", "", 404, "does not match any known API routes"},
		"GET is forbidden":                     {"GET", target, "", "", 403, "AuthorizationFailed"},
		"no api-version":                       {"POST", without("api-version"), "{}", "", 400, "MissingApiVersionParameter"},
		"no sig":                               {"POST", without("sig"), "{}", "", 401, "DirectApiAuthorizationRequired"},
		"a wrong sig":                          {"POST", target + "x", "{}", "", 401, "DirectApiInvalidAuthorizationSignature"},
		"an Authorization header":              {"POST", target, "{}", "Bearer x", 401, "DirectApiRequestHasMoreThanOneAuthorization"},
		"an unknown flow":                      {"POST", strings.Replace(target, string(id), "00ff", 1), "{}", "", 404, "WorkflowNotFound"},
		"a body that is not JSON":              {"POST", target, "{", "", 400, "InvalidRequestContent"},
		"a body over 1 MiB":                    {"POST", target, strings.Repeat(" ", 1<<20) + "{}", "", 413, "RequestEntityTooLarge"},
		"anything JSON is accepted":            {"POST", target, `"text"`, "", 202, ""},
		"a strict trigger takes an envelope":   {"POST", strict, envelope("strict"), "", 202, ""},
		"a strict trigger refuses a text":      {"POST", strict, `{"text":"x"}`, "", 400, "TriggerInputSchemaMismatch"},
		"a strict trigger refuses a bare card": {"POST", strict, `{"type":"AdaptiveCard","version":"1.4"}`, "", 400, "TriggerInputSchemaMismatch"},
		"a strict trigger refuses a number":    {"POST", strict, `1`, "", 400, "TriggerInputSchemaMismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(c.method, c.target, c.body)
			if c.auth != "" {
				r.Header.Set("Authorization", c.auth)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)

			if w.Code != c.status || !strings.Contains(errorCode(w.Body.String()), c.code) {
				t.Errorf("got %d %q, want %d with %q", w.Code, w.Body, c.status, c.code)
			}
			if c.status == 202 && (w.Header().Get("x-ms-workflow-run-id") == "" || w.Body.Len() > 0) {
				t.Errorf("202 with run %q and body %q, want a run and no body", w.Header().Get("x-ms-workflow-run-id"), w.Body)
			}
		})
	}

	if got := s.Oracle().Total.LeakedAuthorization; got != 1 {
		t.Errorf("%d leaked Authorization headers counted, want 1", got)
	}
}

func TestLifeOfAFlow(t *testing.T) {
	for name, c := range map[string]struct {
		kind     simulator.Kind
		change   simulator.Change
		old      int // the status on the URL from before
		code     string
		now      int // the status on the URL from after
		movesURL bool
	}{
		"off":                       {"", simulator.TurnOff, 400, "WorkflowTriggerIsNotEnabled", 400, false},
		"suspended":                 {"", simulator.Suspend, 400, "WorkflowTriggerIsNotEnabled", 400, false},
		"deleted":                   {"", simulator.Delete, 400, "WorkflowTriggerIsNotEnabled", 400, false},
		"sign-in required":          {"", simulator.RequireSignIn, 401, "DirectApiAuthorizationRequired", 401, false},
		"signatures forbidden":      {"", simulator.ForbidSAS, 401, "DirectApiInvalidAuthorizationScheme", 401, false},
		"rotated":                   {"", simulator.RotateSignature, 401, "DirectApiInvalidAuthorizationSignature", 202, true},
		"migrated":                  {"", simulator.MigrateHost, 404, "does not match any known API routes", 202, true},
		"migrated from Logic Apps":  {simulator.LogicApps, simulator.MigrateHost, 404, "does not match any known API routes", 202, true},
		"confirmed":                 {"", simulator.Confirm, 200, `{"messageId":"2"}`, 200, false},
		"connector off":             {simulator.Office365, simulator.TurnOff, 400, "Invalid webhook URL", 400, false},
		"connector moved elsewhere": {simulator.Office365, simulator.RotateSignature, 404, "", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTeams(t, open())
			id, before := s.AddFlow(simulator.Flow{Kind: c.kind})

			after, err := s.Change(id, c.change)
			if err != nil {
				t.Fatal(err)
			}
			onOld, onNew := send(s, before, envelope("old")), send(s, after, envelope("new"))

			if onOld.Code != c.old || !strings.Contains(errorCode(onOld.Body.String()), c.code) {
				t.Errorf("on the URL from before: %d %q, want %d with %q", onOld.Code, onOld.Body, c.old, c.code)
			}
			if onNew.Code != c.now {
				t.Errorf("on the URL from after: %d %q, want %d", onNew.Code, onNew.Body, c.now)
			}
			if (before != after) != c.movesURL {
				t.Errorf("URL before %q, after %q: moved must be %v", before, after, c.movesURL)
			}
			if c.now >= 400 && c.change != simulator.Delete {
				on, err := s.Change(id, simulator.TurnOn)
				if err != nil || send(s, on, envelope("again")).Code >= 300 {
					t.Errorf("turned on again it takes nothing (%v)", err)
				}
			}
		})
	}
}

func TestDeletedFlowStaysDeleted(t *testing.T) {
	s := newTeams(t, open())
	id, _ := s.AddFlow(simulator.Flow{})
	if _, err := s.Change(id, simulator.Delete); err != nil {
		t.Fatal(err)
	}

	for _, c := range simulator.Changes() {
		if _, err := s.Change(id, c); err == nil {
			t.Errorf("%s of a deleted flow succeeded", c)
		}
	}
}

func TestURLsHaveMicrosoftsShapes(t *testing.T) {
	s := newTeams(t, open())
	for kind, shape := range map[simulator.Kind]string{
		simulator.Workflows: "/powerautomate/automations/direct/workflows/{id}/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={43}",
		simulator.LogicApps: "/workflows/{id}/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={43}",
		simulator.Office365: "/webhookb2/{36}@{36}/IncomingWebhook/{id}/{36}",
	} {
		id, target := s.AddFlow(simulator.Flow{Kind: kind})

		got := target
		got = strings.Replace(got, string(id), "{id}", 1)
		if i := strings.Index(got, "sig="); i >= 0 && len(got[i+4:]) == 43 {
			got = got[:i+4] + "{43}"
		}
		if kind == simulator.Office365 {
			parts := strings.FieldsFunc(got, func(r rune) bool { return r == '/' || r == '@' })
			for _, p := range parts {
				if len(p) == 36 {
					got = strings.Replace(got, p, "{36}", 1)
				}
			}
		}
		if got != shape || len(id) != 32 {
			t.Errorf("%s: %q with id %q, want the shape %q with 32 hex digits", kind, target, id, shape)
		}
	}
}

func TestConnectorAnswersInItsOwnWay(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		answer string
		posts  int
	}{
		"posted":                  {envelope("hello"), 200, "1", 1},
		"a MessageCard is posted": {`{"@type":"MessageCard","title":"T","text":"hello"}`, 200, "1", 1},
		"nothing to post":         {`{}`, 400, "Summary or Text is required.", 0},
		"not JSON":                {`{`, 400, "Bad payload received by generic incoming webhook.", 0},
		"too large":               {envelope(strings.Repeat("x", 30_000)), 200, "HTTP error 413", 0},
		"a bad card":              {wrap(map[string]any{"type": "Card"}), 200, "HTTP error 400", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTeams(t, open())
			id, target := s.AddFlow(simulator.Flow{Kind: simulator.Office365})

			w := send(s, target, c.body)

			if w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) || len(s.Posts(id)) != c.posts {
				t.Errorf("got %d %q and %d posts, want %d %q and %d", w.Code, w.Body, len(s.Posts(id)), c.status, c.answer, c.posts)
			}
		})
	}
}

func TestConfirmedFlowAnswersAfterItsPost(t *testing.T) {
	s := newTeams(t, open())
	id, target := s.AddFlow(simulator.Flow{Confirmed: true})

	good := send(s, target, envelope("good"))
	bad := send(s, target, `{"attachments":null}`)

	if good.Code != http.StatusOK || !strings.Contains(good.Body.String(), "messageId") {
		t.Errorf("a post was answered %d %q, want 200 with its id", good.Code, good.Body)
	}
	if bad.Code != http.StatusBadGateway || errorCode(bad.Body.String()) != "NoResponse" {
		t.Errorf("a failed run was answered %d %q, want 502 NoResponse", bad.Code, bad.Body)
	}
	if got := texts(s, id); len(got) != 1 {
		t.Errorf("channel holds %q, want one post", got)
	}
}
