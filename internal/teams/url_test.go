package teams_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

const (
	signature = "KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A"
	query     = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + signature
	envHost   = "default0123456789abcdef0123456789ab.cd.environment.api.powerplatform.com"
	flowPath  = "/powerautomate/automations/direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"
	goodURL   = "https://" + envHost + flowPath + query
)

func TestURLsOfTheWildGetTheirLabelledVerdict(t *testing.T) {
	type fixture struct {
		ID, URL, Kind, Cloud, Expected string
	}
	cases := readShared[[]fixture](t, "fixtures/urls.json")

	for _, f := range cases {
		a, err := teams.ParseURL(f.URL, nil)

		switch f.Expected {
		case "accept":
			if err != nil || len(a.Warnings) > 0 {
				t.Errorf("%s: got %v, warnings %q; want it accepted", f.ID, err, a.Warnings)
			}
		case "recognise-old", "recognise-retired":
			if err != nil || len(a.Warnings) == 0 {
				t.Errorf("%s: got %v, warnings %q; want it accepted with a warning", f.ID, err, a.Warnings)
			}
		case "custom-host":
			refused(t, f.ID, f.URL, err)
			u, _ := url.Parse(f.URL)
			if _, err := teams.ParseURL(f.URL, []string{u.Scheme + "://" + u.Host}); err != nil {
				t.Errorf("%s: got %v although its origin is trusted", f.ID, err)
			}
		case "reject":
			refused(t, f.ID, f.URL, err)
		default:
			t.Errorf("%s: unknown verdict %q", f.ID, f.Expected)
		}
		if err == nil && a.Cloud.String() != f.Cloud {
			t.Errorf("%s: cloud = %v, want %s", f.ID, a.Cloud, f.Cloud)
		}
		if err == nil && strings.HasPrefix(f.Kind, "o365") != (a.Kind == teams.KindOffice365) {
			t.Errorf("%s: kind = %v, labelled %s", f.ID, a.Kind, f.Kind)
		}
		if err == nil && teams.KindOf(f.URL) != a.Kind {
			t.Errorf("%s: KindOf = %v, ParseURL says %v", f.ID, teams.KindOf(f.URL), a.Kind)
		}
	}
	ran(t, "urls", len(cases), len(ofSet(t, "urls")))
}

func TestURLsOfForgersAreRefused(t *testing.T) {
	cases := readShared[[]struct{ Expect, URL, Why string }](t, "badinput/ssrf.json")
	blocked := 0

	for _, f := range cases {
		if f.Expect != "block" { // "allow" is for the guard of addresses
			continue
		}
		blocked++
		_, err := teams.ParseURL(f.URL, nil)
		refused(t, f.Why, f.URL, err)
	}
	ran(t, "ssrf", blocked, 1)
}

// refused fails unless err explains, about /url, without quoting the URL.
func refused(t *testing.T, name, raw string, err *connector.Error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: accepted, want it refused", name)
	case err.Code != connector.InvalidField || len(err.Fields) != 1 || err.Fields[0].Pointer != "/url":
		t.Errorf("%s: got %+v, want invalid_field about /url", name, err)
	case len(raw) > 12 && strings.Contains(err.Message, raw):
		t.Errorf("%s: the explanation quotes the URL: %s", name, err.Message)
	case len(err.Message) < 30:
		t.Errorf("%s: %q explains nothing", name, err.Message)
	}
}

func TestURLFaultsAreExplained(t *testing.T) {
	cases := map[string]struct{ url, says string }{
		"empty":                      {"", "missing"},
		"blank":                      {" \n", "missing"},
		"too long":                   {goodURL + strings.Repeat("x", teams.MaxURLBytes), "limit is 4096"},
		"copied from HTML":           {strings.ReplaceAll(goodURL, "&", "&amp;"), `"&amp;" where "&" belongs`},
		"copied from JSON":           {strings.ReplaceAll(goodURL, "&", `\u0026`), "backslash"},
		"cut by a shell":             {strings.Split(goodURL, "&")[0], "first \"&\""},
		"cut before sig":             {strings.Split(goodURL, "&sig=")[0], "before its signature"},
		"empty sig":                  {strings.TrimSuffix(goodURL, signature), "before its signature"},
		"no query":                   {strings.Split(goodURL, "?")[0], "Anyone"},
		"sig twice":                  {goodURL + "&sig=" + signature, "twice"},
		"no sv":                      {strings.Replace(goodURL, "&sv=1.0", "", 1), "\"sv=\" is missing"},
		"sig with a dot":             {goodURL + ".", "signature"},
		"missing slashes":            {strings.Replace(goodURL, "//", "", 1), "lacks slashes"},
		"one slash":                  {strings.Replace(goodURL, "//", "/", 1), "lacks slashes"},
		"no scheme":                  {strings.TrimPrefix(goodURL, "https://"), "must begin with https://"},
		"http":                       {strings.Replace(goodURL, "https", "http", 1), "Write https:// instead"},
		"http elsewhere":             {"http://127.0.0.1:9911/x", "--trust-target"},
		"ftp":                        {"ftp://example.com/x", "begins with https://"},
		"percent-encoded":            {url.QueryEscape(goodURL), "percent-encoded"},
		"line break inside":          {goodURL[:60] + "\n" + goodURL[60:], "line break in it"},
		"line break behind":          {goodURL + "\n", "before or after"},
		"in quotes":                  {`"` + goodURL + `"`, "quotes"},
		"page of Power Automate":     {"https://make.powerautomate.com/environments/Default-0/flows/0/details", "page of Power Automate"},
		"page of the old one":        {"https://emea.flow.microsoft.com/manage", "page of Power Automate"},
		"channel link":               {"https://teams.microsoft.com/l/channel/19%3aabc%40thread.tacv2/General?groupId=0", "link to a channel"},
		"chat link":                  {"https://teams.cloud.microsoft/l/chat/19:x@thread.v2/conversations", "link to a channel"},
		"mail":                       {"https://outlook.office.com/mail/inbox", "address of Outlook"},
		"connector cut off":          {"https://contoso.webhook.office.com/webhookb2/0000", "not whole"},
		"API Management":             {"https://x.azure-api.net/manual/paths/invoke?sig=a", "--trust-target"},
		"own gateway":                {"https://hooks.example.com/a", "--trust-target"},
		"address":                    {"https://[::1]/x", "network address"},
		"number as host":             {"https://2130706433/x", "network address"},
		"look-alike":                 {"https://" + envHost + ".example.com/x", "looks like Microsoft's"},
		"glued before the suffix":    {"https://evilenvironment.api.powerplatform.com/x", "looks like Microsoft's"},
		"three labels":               {"https://a.b.c.logic.azure.com/x", "looks like Microsoft's"},
		"trailing dot":               {strings.Replace(goodURL, ".com/", ".com./", 1), "looks like Microsoft's"},
		"letters from elsewhere":     {strings.Replace(goodURL, "powerplatform", "p\u043ewerplatform", 1), "not ASCII"},
		"user name":                  {strings.Replace(goodURL, "https://", "https://a:b@", 1), "user name"},
		"port":                       {strings.Replace(goodURL, ".com/", ".com:8443/", 1), "port 443"},
		"empty port":                 {strings.Replace(goodURL, ".com/", ".com:/", 1), "port 443"},
		"fragment":                   {goodURL + "#x", "#"},
		"empty fragment":             {goodURL + "#", "#"},
		"old path on the new host":   {strings.Replace(goodURL, "/powerautomate/automations/direct", "", 1), "old path"},
		"cut inside the path":        {goodURL[:strings.Index(goodURL, "/triggers")], "cut off"},
		"another path":               {"https://" + envHost + "/home", "not that of a webhook"},
		"dots in the path":           {strings.Replace(goodURL, "/workflows/", "/workflows/../workflows/", 1), "path"},
		"encoded slash in the path":  {strings.Replace(goodURL, "/manual/", "/man%2Fual/", 1), "path"},
		"semicolon in the query":     {goodURL + "&a=;b", "semicolon"},
		"bad percent sign":           {goodURL + "&a=%zz", "percent sign"},
		"bad percent sign in a host": {"https://a%00.logic.azure.com/x", "percent sign"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := teams.ParseURL(c.url, nil)

			refused(t, name, c.url, err)
			if err != nil && !strings.Contains(err.Message, c.says) {
				t.Errorf("got %q, want it to say %q", err.Message, c.says)
			}
			if err != nil && strings.Contains(err.Message, signature) {
				t.Errorf("the explanation shows the signature: %s", err.Message)
			}
		})
	}
}

func TestURLSaysWhatStandsBehindIt(t *testing.T) {
	logic := "/workflows/0123456789abcdef/triggers/manual/paths/invoke" + query
	cases := map[string]struct {
		url     string
		kind    teams.URLKind
		cloud   teams.Cloud
		profile connector.Profile
		warns   bool
	}{
		"flow":            {goodURL, teams.KindWorkflows, teams.CloudCommercial, connector.ProfileFlowBot, false},
		"with port":       {strings.Replace(goodURL, ".com/", ".com:443/", 1), teams.KindWorkflows, teams.CloudCommercial, connector.ProfileFlowBot, false},
		"in capitals":     {strings.Replace(goodURL, envHost, strings.ToUpper(envHost), 1), teams.KindWorkflows, teams.CloudCommercial, connector.ProfileFlowBot, false},
		"with scale unit": {strings.Replace(goodURL, "/direct/", "/direct/cu/07/", 1), teams.KindWorkflows, teams.CloudCommercial, connector.ProfileFlowBot, false},
		"GCC":             {"https://a1.b.environment.api.gov.powerplatform.microsoft.us" + flowPath + query, teams.KindWorkflows, teams.CloudGCC, connector.ProfilePostAsUser, false},
		"GCC High":        {"https://a1.b.environment.api.high.powerplatform.microsoft.us" + flowPath + query, teams.KindWorkflows, teams.CloudGCCHigh, connector.ProfilePostAsUser, false},
		"DoD":             {"https://a1.b.environment.api.appsplatform.us" + flowPath + query, teams.KindWorkflows, teams.CloudDoD, connector.ProfilePostAsUser, false},
		"government":      {"https://prod-08.usgovtexas.logic.azure.us:443" + logic, teams.KindWorkflows, teams.CloudUSGov, connector.ProfilePostAsUser, false},
		"China":           {"https://prod-08.chinaeast2.logic.azure.cn" + logic, teams.KindWorkflows, teams.CloudChina, connector.ProfileFlowBot, false},
		"Logic App":       {"https://prod-12.westus.logic.azure.com:443" + logic, teams.KindLogicApp, teams.CloudCommercial, connector.ProfileLogicApp, true},
		"old flow":        {"https://prod-12.westus.logic.azure.com:443" + flowPath + query, teams.KindWorkflows, teams.CloudCommercial, connector.ProfileFlowBot, true},
		"connector":       {"https://contoso.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d", teams.KindOffice365, teams.CloudCommercial, connector.ProfileOffice365, true},
		"long connector":  {"https://contoso.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d/e", teams.KindOffice365, teams.CloudCommercial, connector.ProfileOffice365, true},
		"first connector": {"https://outlook.office365.com/webhook/a@b/JenkinsCI/c/d", teams.KindOffice365, teams.CloudCommercial, connector.ProfileOffice365, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a, err := teams.ParseURL(c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			u, _ := url.Parse(c.url)

			if a.Host != strings.ToLower(u.Hostname()) {
				t.Errorf("host = %q, want %q", a.Host, strings.ToLower(u.Hostname()))
			}
			if a.Kind != c.kind || a.Cloud != c.cloud || a.Profile != c.profile || (len(a.Warnings) > 0) != c.warns {
				t.Errorf("got %v %v %v %q, want %v %v %v, a warning: %v", a.Kind, a.Cloud, a.Profile, a.Warnings, c.kind, c.cloud, c.profile, c.warns)
			}
			if got := teams.KindOf(c.url); got != c.kind {
				t.Errorf("KindOf = %v, want %v", got, c.kind)
			}
		})
	}
}

func TestURLOfTheRetiredConnectorWarnsWithTheWayToANewOne(t *testing.T) {
	a, err := teams.ParseURL("https://contoso.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d", nil)

	if err != nil || len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "retired") || !strings.Contains(a.Warnings[0], "choose Workflows") {
		t.Errorf("got %v and %q", err, a.Warnings)
	}
}

func TestURLAtATrustedOriginIsTakenAndNoOther(t *testing.T) {
	trusted := []string{"http://127.0.0.1:9911", "https://Hooks.Example.com/", "not a url", ""}
	cases := map[string]bool{
		"http://127.0.0.1:9911/workflows/1?sig=x": true,
		"http://127.0.0.1:9911":                   true,
		"https://hooks.example.com/a":             true,
		"https://hooks.example.com:443/a":         true,
		"http://127.0.0.1:9912/":                  false,
		"https://127.0.0.1:9911/":                 false,
		"http://127.0.0.1/":                       false,
		"http://hooks.example.com/":               false,
		"https://a.hooks.example.com/":            false,
		"https://hooks.example.com@evil.test/":    false,
		"https://x@hooks.example.com/":            false,
		"https://hooks.example.com/#a":            false,
		"https://hooks.example.com/a b":           false,
		"mailto:hooks.example.com":                false,
	}
	for raw, want := range cases {
		a, err := teams.ParseURL(raw, trusted)

		if (err == nil) != want {
			t.Errorf("%s: got %v, want it taken: %v", raw, err, want)
		}
		if err == nil && (a.Kind != teams.KindTrusted || a.Profile != connector.ProfileNone || teams.KindOf(raw) != teams.KindTrusted) {
			t.Errorf("%s: got %+v", raw, a)
		}
	}
	if a, _ := teams.ParseURL("http://127.0.0.1:9911/x", trusted); a.Host != "127.0.0.1:9911" {
		t.Errorf("host = %q, want it with its port", a.Host)
	}
}
