package mendix_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"image/png"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/mendix"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const exampleURL = "https://teams.example.com"

func pack(t *testing.T, serviceURL string) []byte {
	t.Helper()
	b, err := mendix.Package(t.Context(), mendix.Options{ServiceURL: serviceURL})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPackageFitsTheMetamodelOfStudioPro1024(t *testing.T) {
	p := readPackage(t, pack(t, exampleURL))

	for _, problem := range readMetamodel(t).check(p.units) {
		t.Error(problem)
	}
	if want := [3]string{"10.24.0.73019", "10.24.0.73019", p.metaData[2]}; p.metaData != want || !strings.HasPrefix(p.metaData[2], "{SHA256}") {
		t.Errorf("the project says it is of %v", p.metaData)
	}
}

// Each of these is a fault that Studio Pro would refuse or misread; the check
// above is worth nothing unless it finds every one.
func TestCheckFindsEveryFault(t *testing.T) {
	type change struct {
		typ, property string
		to            any // a value, or func(bson.E) bson.E for what is more
	}
	rename := func(name string) func(bson.E) bson.E {
		return func(e bson.E) bson.E { return bson.E{Key: name, Value: e.Value} }
	}
	marker := func(e bson.E) bson.E {
		l, _ := e.Value.(bson.A)
		return bson.E{Key: e.Key, Value: append(bson.A{int32(7)}, l[1:]...)}
	}
	tests := map[string]change{
		"renamed property":            {"Constants$Constant", "DefaultValue", rename("DefaultValues")},
		"name of the package instead": {"DomainModels$Attribute", "NewType", rename("Type")},
		"wrong enumeration value":     {"Constants$Constant", "ExportLevel", "Public"},
		"wrong message type":          {"Microflows$ShowMessageAction", "Type", "Info"},
		"wrong access right":          {"DomainModels$MemberAccess", "AccessRights", "Read"},
		"wrong type of value":         {"DomainModels$StringAttributeType", "Length", "200"},
		"64 bits for 32":              {"DomainModels$StringAttributeType", "Length", int64(200)},
		"integer for a double":        {"Projects$ModuleImpl", "NewSortIndex", int32(1)},
		"unknown type":                {"Projects$ModuleImpl", "$Type", "Projects$Module2"},
		"part of another type":        {"JavaActions$JavaActionParameter", "ParameterType", bson.D{{Key: "$ID", Value: nil}, {Key: "$Type", Value: "CodeActions$StringType"}}},
		"required part missing":       {"Microflows$SequenceFlow", "Line", nil},
		"reference to no entity":      {"CodeActions$ConcreteEntityType", "Entity", "MSTeamsConnectorModule.Response"},
		"reference to no attribute":   {"DomainModels$MemberAccess", "Attribute", "MSTeamsConnectorModule.SendMessageResponse.Sent"},
		"reference to no action":      {"Microflows$JavaActionCallAction", "JavaAction", "MSTeamsConnectorModule.Send"},
		"reference to no parameter":   {"Microflows$JavaActionParameterMapping", "Parameter", "MSTeamsConnectorModule.SendMessage.text"},
		"reference to no enumeration": {"CodeActions$EnumerationType", "Enumeration", "MSTeamsConnectorModule.Types"},
		"reference to no role":        {"DomainModels$AccessRule", "AllowedModuleRoles", bson.A{int32(1), "MSTeamsConnectorModule.Admin"}},
		"pointer to nothing":          {"Microflows$SequenceFlow", "OriginPointer", bson.Binary{Data: make([]byte, 16)}},
		"wrong marker of parts":       {"JavaActions$JavaAction", "Parameters", marker},
		"wrong marker of members":     {"DomainModels$DomainModel", "Entities", marker},
		"wrong marker of names":       {"Microflows$Microflow", "AllowedModuleRoles", marker},
		"image that is null":          {"CodeActions$MicroflowActionInfo", "IconData", nil},
		"id of another":               {"DomainModels$Attribute", "$ID", bson.Binary{Data: bytes.Repeat([]byte{1}, 16)}},
		"id that is text":             {"Texts$Text", "$ID", "5a1f3a0c-0000-0000-0000-000000000000"},
		"property of Studio Pro 11":   {"Projects$ModuleImpl", "AppStorePackageId", func(bson.E) bson.E { return bson.E{Key: "AppStorePackageIdString", Value: ""} }},
		"property before its time":    {"Microflows$BezierCurve", "OriginControlVector", rename("OriginBezierVector")},
		"property out of order":       {"Projects$ModuleSettings", "Version", rename("AVersion")},
	}
	m := readMetamodel(t)
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			p := readPackage(t, pack(t, exampleURL))
			changed := 0
			for _, u := range p.units {
				walk(u.root, func(d bson.D) {
					for i, e := range d {
						if text(d, "$Type") != c.typ || e.Key != c.property {
							continue
						}
						changed++
						if f, ok := c.to.(func(bson.E) bson.E); ok {
							d[i] = f(e)
							continue
						}
						d[i].Value = c.to
					}
				})
			}
			if changed == 0 {
				t.Fatalf("there is no %s.%s to change", c.typ, c.property)
			}
			if problems := m.check(p.units); len(problems) == 0 {
				t.Errorf("%d changes of %s.%s were not noticed", changed, c.typ, c.property)
			}
		})
	}
}

func TestReaderKnowsNothingOfTheWriter(t *testing.T) {
	for _, name := range []string{"reader_test.go", "metamodel_test.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); strings.HasPrefix(path, "github.com/teamsconnector/") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestPackageHasTheSameBytesInEveryProcess(t *testing.T) {
	const asked = "MENDIX_PACKAGE_HASH"
	hash := fmt.Sprintf("hash:%x", sha256.Sum256(pack(t, exampleURL)))
	if os.Getenv(asked) != "" {
		fmt.Println(hash)
		return
	}

	if again := fmt.Sprintf("hash:%x", sha256.Sum256(pack(t, exampleURL+"/"))); again != hash {
		t.Errorf("the second package has %s, the first %s", again, hash)
	}
	for range 2 {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
		c.Env = append(os.Environ(), asked+"=1", "TZ=Asia/Tokyo", "LANG=tr_TR.UTF-8")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), hash) {
			t.Errorf("another process wrote other bytes: %s, want %s", out, hash)
		}
	}
}

// An id that changes makes Studio Pro see another document when the module is
// updated. Whoever rewrites this file takes that into account.
func TestIDsStayTheSame(t *testing.T) {
	var lines []string
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		unit := text(u.root, "$Type") + " " + text(u.root, "Name")
		walk(u.root, func(d bson.D) {
			if name := text(d, "Name"); name != "" && text(d, "$Type") != "Projects$OneTimeConversion" {
				lines = append(lines, fmt.Sprintf("%x %s: %s %s", idOf(get(d, "$ID")), unit, text(d, "$Type"), name))
			}
			for _, property := range []string{"GUID", "StableId"} {
				if id := idOf(get(d, property)); id != "" {
					lines = append(lines, fmt.Sprintf("%x %s: %s of %s", id, unit, property, text(d, "Name")))
				}
			}
		})
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"

	const golden = "testdata/ids.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestPackageIsSmallAndListsItsFiles(t *testing.T) {
	b := pack(t, exampleURL)
	p := readPackage(t, b)

	if len(b) > 100_000 {
		t.Errorf("the package has %d bytes", len(b))
	}
	if p.manifest.Project.Module.Name != "MSTeamsConnectorModule" {
		t.Errorf("the package says it is the module %q", p.manifest.Project.Module.Name)
	}
	listed := []string{"package.xml", p.manifest.Project.File.Path}
	for _, f := range p.manifest.Project.Files {
		listed = append(listed, f.Path)
		if !strings.HasPrefix(f.Path, "javasource/msteamsconnectormodule/") {
			t.Errorf("%s is outside the module's own folder", f.Path)
		}
	}
	var there []string
	for name := range p.files {
		there = append(there, name)
	}
	slices.Sort(listed)
	slices.Sort(there)
	if diff := cmp.Diff(listed, there); diff != "" {
		t.Error(diff)
	}
}

func TestToolboxShowsBothActivities(t *testing.T) {
	captions := map[string]string{}
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		info, ok := get(u.root, "MicroflowActionInfo").(bson.D)
		if !ok {
			continue
		}
		captions[text(u.root, "Name")] = text(info, "Category") + ": " + text(info, "Caption")
		for _, icon := range []string{"IconData", "IconDataDark", "ImageData", "ImageDataDark"} {
			data, _ := get(info, icon).(bson.Binary)
			if _, err := png.Decode(bytes.NewReader(data.Data)); err != nil {
				t.Errorf("%s of %s is not a PNG: %v", icon, text(u.root, "Name"), err)
			}
		}
	}
	want := map[string]string{
		"SendMessage":     "Communication Services: Microsoft Teams Connector",
		"SendRichMessage": "Communication Services: Microsoft Teams Connector (rich message)",
	}
	if diff := cmp.Diff(want, captions); diff != "" {
		t.Error(diff)
	}
}

func TestServiceURLIsPrefilledAndTheKeysNever(t *testing.T) {
	tests := map[string]string{exampleURL + "/": exampleURL, "http://127.0.0.1:8080/teams//": "http://127.0.0.1:8080/teams", "": ""}
	for given, want := range tests {
		values := map[string]string{}
		for _, u := range readPackage(t, pack(t, given)).units {
			if text(u.root, "$Type") == "Constants$Constant" {
				values[text(u.root, "Name")] = text(u.root, "DefaultValue")
			}
		}
		all := map[string]string{"LicenseKey": "", "LicenseSecret": "", "ServiceURL": want, "WaitSeconds": "10"}
		if diff := cmp.Diff(all, values); diff != "" {
			t.Errorf("%q: %s", given, diff)
		}
	}
}

func TestServiceURLThatIsWrongIsExplained(t *testing.T) {
	tests := map[string]string{
		"no scheme":  "teams.example.com",
		"no host":    "https://",
		"other":      "ftp://teams.example.com",
		"script":     "javascript:alert(1)",
		"keys in it": "https://tck_key:hush@teams.example.com",
		"query":      "https://teams.example.com?key=hush",
		"fragment":   "https://teams.example.com/#hush",
		"control":    "https://teams.example.com/\x00hush",
		"too long":   "https://teams.example.com/" + strings.Repeat("hush", 600),
	}
	for name, given := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := mendix.Package(t.Context(), mendix.Options{ServiceURL: given})
			var problem *connector.Error
			if !errors.As(err, &problem) || problem.Code != connector.InvalidField || problem.Fields[0].Pointer != "/serviceUrl" {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}
