package mendix_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// named are the names in the module that a developer reads about.
type named struct {
	documents  []string // constants, actions, microflows, the enumeration
	parts      []string // attributes, parameters
	captions   []string
	microflows []string
}

func names(t *testing.T) (n named) {
	t.Helper()
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		switch text(u.root, "$Type") {
		case "Microflows$Microflow":
			n.microflows = append(n.microflows, text(u.root, "Name"))
			n.documents = append(n.documents, text(u.root, "Name"))
		case "Constants$Constant", "JavaActions$JavaAction", "Enumerations$Enumeration":
			n.documents = append(n.documents, text(u.root, "Name"))
		}
		walk(u.root, func(d bson.D) {
			switch text(d, "$Type") {
			case "DomainModels$Attribute", "JavaActions$JavaActionParameter":
				n.parts = append(n.parts, text(d, "Name"))
			case "CodeActions$MicroflowActionInfo":
				n.captions = append(n.captions, text(d, "Caption"))
			}
		})
	}
	return n
}

func TestDocsNameAllThatTheModuleHasAndNothingElse(t *testing.T) {
	b, err := os.ReadFile("../../docs/mendix.md")
	if err != nil {
		t.Fatal(err)
	}
	docs, n := string(b), names(t)

	for _, name := range slices.Concat(n.documents, n.parts) {
		if !regexp.MustCompile("`[^`]*\\b" + name + "\\b[^`]*`").MatchString(docs) {
			t.Errorf("the docs don't mention %s", name)
		}
	}
	for _, caption := range n.captions {
		if !strings.Contains(docs, "**"+caption+"**") {
			t.Errorf("the docs don't mention the activity %s", caption)
		}
	}
	for _, m := range regexp.MustCompile(`\b(?:ACT|ASU|Example)_\w+`).FindAllString(docs, -1) {
		if !slices.Contains(n.microflows, m) {
			t.Errorf("the docs name the microflow %s", m)
		}
	}
}

// Every status that a microflow may meet stands in the table, and no other.
func TestDocsExplainEveryStatus(t *testing.T) {
	b, err := os.ReadFile("../../docs/mendix.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("java/msteamsconnectormodule/impl/TeamsConnector.java")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range []connector.State{connector.StateAccepted, connector.StateSent, connector.StatePosted, connector.StateFailed, connector.StateExpired, connector.StateUncertain} {
		want = append(want, s.String())
	}
	for _, c := range []connector.Code{
		connector.LicenseInvalid, connector.SubscriptionExpired, connector.MessageQuotaExhausted, connector.WebhookNotFound, connector.InvalidField,
		connector.TooLarge, connector.MessageKeyReused, connector.NotAccepted, connector.AcceptUnknown,
	} {
		want = append(want, string(c))
	}
	want = append(want, "held", "rate_limited", "backlog_full") // which have no name in the language yet
	for _, m := range regexp.MustCompile(`public static final String (\w+) = "(\w+)";`).FindAllStringSubmatch(string(source), -1) {
		if m[1] != "OK" && !slices.Contains(want, m[2]) { // ok is the check's
			want = append(want, m[2])
		}
	}

	_, rest, _ := strings.Cut(string(b), "| Status | means |")
	table, _, _ := strings.Cut(rest, "\n\n")
	var got []string
	for line := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(first, -1) {
			got = append(got, m[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("the docs explain %q, want %q", got, want)
	}
}
