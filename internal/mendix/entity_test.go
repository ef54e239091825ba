package mendix_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestResponseLivesInMemoryAndUsersMayReadIt(t *testing.T) {
	type shape struct{ Type, Default, Access string }
	got := map[string]shape{}
	for _, u := range readPackage(t, pack(t, exampleURL)).units {
		for _, e := range documents(u.root, "Entities") {
			generalization, _ := get(e, "MaybeGeneralization").(bson.D)
			if persistable, ok := get(generalization, "Persistable").(bool); !ok || persistable {
				t.Errorf("%s would be stored in the app's database", text(e, "Name"))
			}
			access := map[string]string{}
			for _, r := range documents(e, "AccessRules") {
				if create, ok := get(r, "AllowCreate").(bool); !ok || create {
					t.Error("users may make responses up")
				}
				for _, m := range documents(r, "MemberAccesses") {
					access[text(m, "Attribute")] = text(m, "AccessRights")
				}
			}
			for _, a := range documents(e, "Attributes") {
				typ, _ := get(a, "NewType").(bson.D)
				value, _ := get(a, "Value").(bson.D)
				name := text(e, "Name") + "." + text(a, "Name")
				s := shape{text(typ, "$Type"), text(value, "DefaultValue"), access["MSTeamsConnectorModule."+name]}
				if length, ok := get(typ, "Length").(int32); ok && length == 0 {
					s.Type += " without a limit"
				}
				got[name] = s
			}
		}
	}

	const short, unlimited = "DomainModels$StringAttributeType", "DomainModels$StringAttributeType without a limit"
	want := map[string]shape{
		"SendMessageResponse.SentMessage": {"DomainModels$BooleanAttributeType", "false", "ReadOnly"},
		"SendMessageResponse.Message":     {unlimited, "", "ReadOnly"},
		"SendMessageResponse.Status":      {short, "", "ReadOnly"},
		"SendMessageResponse.MessageId":   {short, "", "ReadOnly"},
		"SendMessageResponse.MessageUrl":  {unlimited, "", "ReadOnly"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
