package mendix

import (
	_ "embed"
	"strings"
)

// The names by which apps refer to the module. They never change: a renamed one
// is missing in every app that uses it.
const (
	moduleName = "MSTeamsConnectorModule"
	entityName = moduleName + ".SendMessageResponse"
	enumName   = moduleName + ".Message_Types"
	roleName   = moduleName + ".User"
	category   = "Communication Services" // in the toolbox
)

// moduleVersion is the version that Studio Pro shows for the module. It grows
// with every change of what the module looks like from outside.
const moduleVersion = "1.0.0"

// unit is a document of the model, or a folder of it.
type unit struct {
	path        string // of its id
	container   string // the path of the unit that holds it
	containment string // as what
	root        node
}

// conversionNames are the conversions that Studio Pro 10.24.0 makes once in the
// life of an app. A file that lists them as made is taken as it is. Collected
// from public project files of that version, 2026-11.
//
//go:embed conversions.txt
var conversionNames string

//go:embed icon/icon16.png
var icon16 []byte

//go:embed icon/icon64.png
var icon64 []byte

const (
	projectPath       = "project"
	modulePath        = projectPath + "/" + moduleName
	configurationPath = modulePath + "/Configurations"
	actionsPath       = modulePath + "/JavaActions"
	useMePath         = modulePath + "/USE_ME"
)

// units returns the whole model of the module, root first. The value types and
// property names are those of Studio Pro 10.24 (npm mendixmodelsdk 4.111.0, and
// public project files of 10.18 to 10.24 for how they are stored).
func units(serviceURL string) []unit {
	all := []unit{
		{projectPath, projectPath, "", node{typ: "Projects$Project", fields: []field{{"IsSystemProject", false}}}},
		{projectPath + "/conversion", projectPath, "ProjectConversion", conversions()},
		{modulePath, projectPath, "Modules", module()},
		{modulePath + "/settings", modulePath, "ModuleSettings", moduleSettings()},
		{modulePath + "/security", modulePath, "ModuleSecurity", moduleSecurity()},
		{modulePath + "/domain", modulePath, "DomainModel", domainModel()},
		folder(configurationPath, "Configurations"),
		folder(actionsPath, "JavaActions"),
		folder(useMePath, "USE_ME"),
		document(modulePath, messageTypes()),
	}
	for _, c := range constants(serviceURL) {
		all = append(all, document(configurationPath, c))
	}
	for _, a := range javaActions() {
		all = append(all, document(actionsPath, a))
	}
	for _, m := range microflows() {
		all = append(all, document(useMePath, m))
	}
	return all
}

func folder(path, name string) unit {
	return unit{path, modulePath, "Folders", node{typ: "Projects$Folder", fields: []field{{"Name", name}}}}
}

// document puts a node into a folder. Its id hangs on its name alone, so that
// it stays the same document when it moves.
func document(container string, n node) unit {
	return unit{child(modulePath, "documents", n, -1), container, "Documents", n}
}

func conversions() node {
	var made []any
	for line := range strings.Lines(conversionNames) {
		if name := strings.TrimSpace(line); name != "" {
			made = append(made, node{typ: "Projects$OneTimeConversion", fields: []field{{"Name", name}}})
		}
	}
	return node{typ: "Projects$ProjectConversion", fields: []field{{"OneTimeConversions", list{members, made}}}}
}

func module() node {
	return node{typ: "Projects$ModuleImpl", fields: []field{
		{"AppStoreGuid", ""},
		{"AppStorePackageId", int32(0)},
		{"AppStoreVersion", ""},
		{"AppStoreVersionGuid", ""},
		{"FromAppStore", false},
		{"IsThemeModule", false},
		{"Name", moduleName},
		{"NewSortIndex", 1.0},
	}}
}

func moduleSettings() node {
	return node{typ: "Projects$ModuleSettings", fields: []field{
		{"BasedOnVersion", ""},
		{"ExportLevel", "Source"},
		{"ExtensionName", ""},
		{"JarDependencies", list{parts, nil}},
		{"ProtectedModuleType", "AddOn"},
		{"SolutionIdentifier", ""},
		{"Version", moduleVersion},
	}}
}

func moduleSecurity() node {
	user := node{typ: "Security$ModuleRole", fields: []field{
		{"Description", "May see what became of a message."},
		{"Name", "User"},
	}}
	return node{typ: "Security$ModuleSecurity", fields: []field{{"ModuleRoles", list{parts, []any{user}}}}}
}

func domainModel() node {
	stored := []node{
		attribute("SentMessage", "false", node{typ: "DomainModels$BooleanAttributeType"},
			"True when Microsoft Teams accepted the message."),
		attribute("Message", "", text(0), "What happened and what to do, for people."),
		attribute("Status", "", text(200), "One word for programs, such as sent, accepted, held, failed or license_invalid."),
		attribute("MessageId", "", text(200), "The message's id where the service has stored it; then don't send it again."),
		attribute("MessageUrl", "", text(0), "The page of the message."),
	}
	var attributes, access []any
	for _, a := range stored {
		attributes = append(attributes, a)
		access = append(access, node{typ: "DomainModels$MemberAccess", key: "access to " + a.key, fields: []field{
			{"AccessRights", "ReadOnly"},
			{"Association", ""},
			{"Attribute", entityName + "." + a.key},
		}})
	}
	rule := node{typ: "DomainModels$AccessRule", key: "rule of User", fields: []field{
		{"AllowCreate", false},
		{"AllowDelete", false},
		{"AllowedModuleRoles", list{byName, []any{roleName}}},
		{"DefaultMemberAccessRights", "ReadOnly"},
		{"Documentation", ""},
		{"MemberAccesses", list{members, access}},
		{"XPathConstraint", ""},
		{"XPathConstraintCaption", ""},
	}}
	response := node{typ: "DomainModels$EntityImpl", fields: []field{
		{"AccessRules", list{members, []any{rule}}},
		{"Attributes", list{members, attributes}},
		{"Documentation", "What became of a message. It lives in memory only."},
		{"Events", list{members, nil}},
		{"ExportLevel", "Hidden"},
		{"GUID", newGUID(entityName)},
		{"Indexes", list{members, nil}},
		{"Location", "100;100"},
		{"MaybeGeneralization", notPersistent()},
		{"Name", "SendMessageResponse"},
		{"Source", nil},
		{"ValidationRules", list{members, nil}},
	}}
	return node{typ: "DomainModels$DomainModel", fields: []field{
		{"Annotations", list{members, nil}},
		{"Associations", list{members, nil}},
		{"CrossAssociations", list{members, nil}},
		{"Documentation", ""},
		{"Entities", list{members, []any{response}}},
	}}
}

func notPersistent() node {
	return node{typ: "DomainModels$NoGeneralization", fields: []field{
		{"HasChangedByAttr", false},
		{"HasChangedDateAttr", false},
		{"HasCreatedDateAttr", false},
		{"HasOwnerAttr", false},
		{"Persistable", false},
	}}
}

// text is the type of a text attribute; length 0 has no limit.
func text(length int32) node {
	return node{typ: "DomainModels$StringAttributeType", fields: []field{{"Length", length}}}
}

func attribute(name, initial string, typ node, documentation string) node {
	return node{typ: "DomainModels$Attribute", key: name, fields: []field{
		{"Documentation", documentation},
		{"ExportLevel", "Hidden"},
		{"GUID", newGUID(entityName + "." + name)},
		{"Name", name},
		{"NewType", typ},
		{"Value", node{typ: "DomainModels$StoredValue", fields: []field{{"DefaultValue", initial}}}},
	}}
}
