package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var settingOfEnvironment = regexp.MustCompile(`TEAMSCONNECTOR_[A-Z_]+`)

// What the examples set is what the program reads.
func TestExamplesOfDeploymentNameSettingsThatExist(t *testing.T) {
	reference := deployed(t, "docs/operate/configuration.md")
	for _, name := range []string{"deploy/Dockerfile", "deploy/compose.yaml", "deploy/kubernetes.yaml"} {
		found := settingOfEnvironment.FindAllString(deployed(t, name), -1)
		if len(found) < 3 {
			t.Errorf("%s sets only %q", name, found)
		}
		for _, setting := range found {
			if !strings.Contains(reference, "`"+setting+"`") {
				t.Errorf("%s: there is no setting %s", name, setting)
			}
		}
	}
}

func TestUnitOfSystemdStartsTheService(t *testing.T) {
	sections := map[string]map[string]string{}
	var section string
	for _, line := range strings.Split(deployed(t, "deploy/teamsconnector.service"), "\n") {
		key, value, assigns := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
			sections[section] = map[string]string{}
		case assigns:
			sections[section][key] = value
		default:
			t.Errorf("no line of a unit: %q", line)
		}
	}
	if got := slices.Sorted(maps.Keys(sections)); !slices.Equal(got, []string{"Install", "Service", "Unit"}) {
		t.Fatalf("sections %q", got)
	}
	words := strings.Fields(sections["Service"]["ExecStart"])
	if len(words) < 2 || words[0] != "/usr/local/bin/teamsconnector" || words[1] != "serve" {
		t.Fatalf("it starts %q", words)
	}
	reference := deployed(t, "docs/operate/configuration.md")
	for _, word := range words[2:] {
		if strings.HasPrefix(word, "--") && word != "--config" && !strings.Contains(reference, "`"+word+"`") {
			t.Errorf("serve has no flag %s", word)
		}
	}
}

// documents reads a file of several YAML documents.
func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	reader := yaml.NewDecoder(strings.NewReader(deployed(t, name)))
	for {
		var one map[string]any
		err := reader.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
}

func TestContainersAreDescribedWhole(t *testing.T) {
	var kinds []string
	for _, d := range documents(t, "deploy/kubernetes.yaml") {
		kinds = append(kinds, fmt.Sprint(d["kind"]))
		if about, ok := d["metadata"].(map[string]any); !ok || d["apiVersion"] == "" || about["name"] != "teamsconnector" {
			t.Errorf("%v has no version or another name", d["kind"])
		}
	}
	if !slices.Equal(kinds, []string{"Deployment", "Service", "PodDisruptionBudget"}) {
		t.Errorf("kinds %q", kinds)
	}
	compose := documents(t, "deploy/compose.yaml")
	if len(compose) != 1 {
		t.Fatalf("%d documents", len(compose))
	}
	services, _ := compose[0]["services"].(map[string]any)
	for _, name := range []string{"node-1", "node-2"} {
		node, ok := services[name].(map[string]any)
		if !ok || node["stop_grace_period"] != "60s" {
			t.Errorf("%s is %v, not one of the nodes", name, services[name])
		}
	}
}

// metricsInCode are the names of all metrics, as they stand in the program's source.
func metricsInCode(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	quoted := regexp.MustCompile(`"(teamsconnector_[a-z_]+)"`)
	for _, room := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range quoted.FindAllSubmatch(text, -1) {
				known[string(found[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return known
}

func TestAlertsAndDashboardReadMetricsThatExist(t *testing.T) {
	known := metricsInCode(t)
	for _, name := range []string{"deploy/alerts.yaml", "deploy/grafana.json", "docs/operate/alerts.md"} {
		found := regexp.MustCompile(`teamsconnector_[a-z_]+`).FindAllString(deployed(t, name), -1)
		if len(found) == 0 {
			t.Errorf("%s names no metric", name)
		}
		for _, metric := range found {
			if !known[metric] && !known[strings.TrimSuffix(metric, "_bucket")] {
				t.Errorf("%s: there is no metric %s", name, metric)
			}
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text := json.NewDecoder(bytes.NewReader([]byte(deployed(t, "deploy/grafana.json"))))
	if err := text.Decode(&dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("panel %q shows nothing", p.Title)
		}
	}
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "deploy/alerts.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, r := range rules.Groups[0].Rules {
		alerts = append(alerts, r.Alert)
		if r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
			t.Errorf("%s is not whole: %+v", r.Alert, r)
		}
	}
	var explained []string
	for _, found := range regexp.MustCompile(`(?m)^## (TeamsConnector\w+)\n\n(.{100,})$`).FindAllStringSubmatch(deployed(t, "docs/operate/alerts.md"), -1) {
		explained = append(explained, found[1])
	}
	if !slices.Equal(alerts, explained) {
		t.Errorf("alerts %q, explained %q", alerts, explained)
	}
}
