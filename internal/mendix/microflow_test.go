package mendix_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// drawing is a microflow as a graph.
type drawing struct {
	objects map[string]bson.D   // by id
	out     map[string][]bson.D // flows by the id of their origin
	in      map[string]int
}

func microflows(t *testing.T) map[string]bson.D {
	t.Helper()
	found := map[string]bson.D{}
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		if text(u.root, "$Type") == "Microflows$Microflow" {
			found[text(u.root, "Name")] = u.root
		}
	}
	return found
}

func draw(m bson.D) drawing {
	d := drawing{objects: map[string]bson.D{}, out: map[string][]bson.D{}, in: map[string]int{}}
	collection, _ := get(m, "ObjectCollection").(bson.D)
	for _, o := range documents(collection, "Objects") {
		d.objects[idOf(get(o, "$ID"))] = o
	}
	for _, f := range documents(m, "Flows") {
		origin := idOf(get(f, "OriginPointer"))
		d.out[origin] = append(d.out[origin], f)
		d.in[idOf(get(f, "DestinationPointer"))]++
	}
	return d
}

func cases(flows []bson.D) (values []string) {
	for _, f := range flows {
		for _, c := range documents(f, "CaseValues") {
			values = append(values, text(c, "Value"))
		}
	}
	slices.Sort(values)
	return values
}

func TestMicroflowsRunFromStartToEndOnEveryPath(t *testing.T) {
	// How many flows leave and enter each kind of object, and their cases.
	rules := map[string]struct {
		in    int
		cases []string
	}{
		"Microflows$StartEvent":         {0, []string{""}},
		"Microflows$EndEvent":           {1, nil},
		"Microflows$ActionActivity":     {1, []string{""}},
		"Microflows$ExclusiveSplit":     {1, []string{"false", "true"}},
		"Microflows$MicroflowParameter": {0, nil},
	}
	for name, m := range microflows(t) {
		d := draw(m)
		starts, places := 0, map[string]bool{}
		for id, o := range d.objects {
			typ := text(o, "$Type")
			rule, ok := rules[typ]
			if !ok || d.in[id] != rule.in || !cmp.Equal(cases(d.out[id]), rule.cases) {
				t.Errorf("%s: a %s has %d flows in, and out %q", name, typ, d.in[id], cases(d.out[id]))
			}
			if typ == "Microflows$StartEvent" {
				starts++
			}
			if place := text(o, "RelativeMiddlePoint"); places[place] {
				t.Errorf("%s: two objects stand at %s", name, place)
			} else {
				places[place] = true
			}
		}
		if starts != 1 {
			t.Errorf("%s has %d starts", name, starts)
		}
	}
}

func TestMicroflowsUseOnlyWhatTheyHave(t *testing.T) {
	variable := regexp.MustCompile(`\$(\w+)(?:/(\w+))?`)
	attributes := map[string]bool{}
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		for _, e := range documents(u.root, "Entities") {
			for _, a := range documents(e, "Attributes") {
				attributes[text(a, "Name")] = true
			}
		}
	}
	for name, m := range microflows(t) {
		known := map[string]bool{}
		walk(m, func(d bson.D) {
			if text(d, "$Type") == "Microflows$MicroflowParameter" {
				known[text(d, "Name")] = true
			}
			if result := text(d, "ResultVariableName"); result != "" {
				known[result] = true
			}
		})
		walk(m, func(d bson.D) {
			for _, property := range []string{"Argument", "Expression", "ReturnValue"} {
				for _, use := range variable.FindAllStringSubmatch(text(d, property), -1) {
					if !known[use[1]] || use[2] != "" && !attributes[use[2]] {
						t.Errorf("%s uses %s, which is not there", name, use[0])
					}
				}
			}
		})
	}
}

func TestMicroflowsReturnWhatCallersExpect(t *testing.T) {
	type shape struct {
		Parameters []string
		Returns    string
		Ends       []string
	}
	got := map[string]shape{}
	for name, m := range microflows(t) {
		var s shape
		returns, _ := get(m, "MicroflowReturnType").(bson.D)
		s.Returns = text(returns, "$Type")
		walk(m, func(d bson.D) {
			switch text(d, "$Type") {
			case "Microflows$MicroflowParameter":
				s.Parameters = append(s.Parameters, text(d, "Name"))
			case "Microflows$EndEvent":
				s.Ends = append(s.Ends, text(d, "ReturnValue"))
			}
		})
		got[name] = s
	}

	want := map[string]shape{
		"ACT_PostMessageOnTeams": {[]string{"webhookId", "textMessage"}, "DataTypes$BooleanType", []string{
			"$Response/Status = 'sent' or $Response/Status = 'posted' or $Response/Status = 'accepted' or $Response/Status = 'held'",
		}},
		"ACT_CheckConnection": {[]string{"webhookId"}, "DataTypes$BooleanType", []string{"$Response/Status = 'ok'"}},
		// Mendix calls it without parameters, and takes false for a start that failed.
		"ASU_CheckConnection": {nil, "DataTypes$BooleanType", []string{"true"}},
		"Example_SendMessage": {[]string{"webhookId", "textMessage"}, "DataTypes$VoidType", []string{"", "", ""}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCallsGiveJavaActionsAllTheirParameters(t *testing.T) {
	wanted := map[string][]string{}
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		if text(u.root, "$Type") == "JavaActions$JavaAction" {
			qualified := "MSTeamsConnectorModule." + text(u.root, "Name")
			for _, p := range documents(u.root, "Parameters") {
				wanted[qualified] = append(wanted[qualified], fmt.Sprintf("%s.%s", qualified, text(p, "Name")))
			}
		}
	}
	calls := 0
	for name, m := range microflows(t) {
		walk(m, func(d bson.D) {
			if text(d, "$Type") != "Microflows$JavaActionCallAction" {
				return
			}
			calls++
			var given []string
			for _, p := range documents(d, "ParameterMappings") {
				given = append(given, text(p, "Parameter"))
			}
			if diff := cmp.Diff(wanted[text(d, "JavaAction")], given); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
	if calls != 4 {
		t.Errorf("%d calls of Java actions, want 4", calls)
	}
}
