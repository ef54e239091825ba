package mendix

func constants(serviceURL string) []node {
	return []node{
		constant("LicenseKey", "", "String", "The LicenseKey of the app's binding keys, from the service management dashboard."),
		constant("LicenseSecret", "", "String", "The LicenseSecret of the app's binding keys. Set it per environment; don't keep it in the model."),
		constant("ServiceURL", serviceURL, "String", "The address of the Teams Connector, such as https://teams.example.com."),
		constant("WaitSeconds", "10", "Integer", "How long an activity waits for Microsoft Teams, in seconds, up to 55. "+
			"0: only until the message is stored; it is then sent without the app waiting."),
	}
}

func constant(name, value, typ, documentation string) node {
	return node{typ: "Constants$Constant", fields: []field{
		{"DefaultValue", value},
		{"Documentation", documentation},
		{"Excluded", false},
		{"ExportLevel", "Hidden"},
		{"ExposedToClient", false},
		{"Name", name},
		{"Type", dataType(typ)},
	}}
}

func dataType(name string) node { return node{typ: "DataTypes$" + name + "Type"} }

func messageTypes() node {
	var values []any
	for _, name := range []string{"Text", "Card"} {
		values = append(values, node{typ: "Enumerations$EnumerationValue", fields: []field{
			{"Caption", translated(name)},
			{"Image", ""},
			{"Name", name},
			{"RemoteValue", nil},
		}})
	}
	return node{typ: "Enumerations$Enumeration", fields: []field{
		{"Documentation", "What the text of a rich message is: plain text, or an Adaptive Card as JSON."},
		{"Excluded", false},
		{"ExportLevel", "Hidden"},
		{"Name", "Message_Types"},
		{"RemoteSource", nil},
		{"Values", list{members, values}},
	}}
}

// translated is a text in the one language that every app has at first.
func translated(text string) node {
	english := node{typ: "Texts$Translation", fields: []field{{"LanguageCode", "en_US"}, {"Text", text}}}
	return node{typ: "Texts$Text", fields: []field{{"Items", list{members, []any{english}}}}}
}

// parameter is what a Java action or a microflow is given.
type parameter struct {
	name, description string
	typ               string // of its value; empty: String
	optional          bool
}

// action is a Java action of the module; its source has the same name.
type action struct {
	name, documentation string
	caption             string // in the toolbox; empty: it is not there
	parameters          []parameter
}

func javaActions() []node {
	webhook := parameter{name: "webhookId", description: "The Webhook ID of the channel; it begins with wh_."}
	actions := []action{
		{
			name: "SendMessage", caption: "Microsoft Teams Connector",
			documentation: "Sends a text to the Microsoft Teams channel of a webhook.",
			parameters:    []parameter{webhook, {name: "textMessage", description: "The text."}},
		},
		{
			name: "SendRichMessage", caption: "Microsoft Teams Connector (rich message)",
			documentation: "Sends a text with title, level, facts and link, or an Adaptive Card, to the\nMicrosoft Teams channel of a webhook.",
			parameters: []parameter{
				webhook,
				{name: "messageType", typ: enumName, description: "Text, or Card when textMessage is an Adaptive Card as JSON."},
				{name: "textMessage", description: "The text, or the card."},
				{name: "title", description: "A line above the text.", optional: true},
				{name: "level", description: "info, good, warning or error.", optional: true},
				{name: "facts", description: "Lines of name=value, shown as a table.", optional: true},
				{name: "linkUrl", description: "The address of a button below the text.", optional: true},
				{name: "linkText", description: "What the button says.", optional: true},
				{name: "messageKey", description: "Your own key of this message: repeated calls with the same key and content send it once.", optional: true},
			},
		},
		{
			name: "CheckConnection",
			documentation: "Checks address, keys, subscription and webhook, logs what came of it, and sends\n" +
				"nothing. Status is \"ok\" when all is well.",
			parameters: []parameter{{name: "webhookId", description: webhook.description + " Empty: any.", optional: true}},
		},
	}
	nodes := make([]node, 0, len(actions))
	for _, a := range actions {
		nodes = append(nodes, a.node())
	}
	return nodes
}

func (a action) node() node {
	var given []any
	for _, p := range a.parameters {
		typ := node{typ: "CodeActions$StringType"}
		if p.typ != "" {
			typ = node{typ: "CodeActions$EnumerationType", fields: []field{{"Enumeration", p.typ}}}
		}
		given = append(given, node{typ: "JavaActions$JavaActionParameter", fields: []field{
			{"Category", ""},
			{"Description", p.description},
			{"IsRequired", !p.optional},
			{"Name", p.name},
			{"ParameterType", node{typ: "CodeActions$BasicParameterType", fields: []field{{"Type", typ}}}},
		}})
	}
	var toolbox any
	if a.caption != "" {
		toolbox = node{typ: "CodeActions$MicroflowActionInfo", fields: []field{
			{"Caption", a.caption},
			{"Category", category},
			{"IconData", blob(icon16)},
			{"IconDataDark", blob(icon16)},
			{"ImageData", blob(icon64)},
			{"ImageDataDark", blob(icon64)},
		}}
	}
	return node{typ: "JavaActions$JavaAction", fields: []field{
		{"ActionDefaultReturnName", "Response"},
		{"Documentation", a.documentation},
		{"Excluded", false},
		{"ExportLevel", "Hidden"},
		{"JavaReturnType", node{typ: "CodeActions$ConcreteEntityType", fields: []field{{"Entity", entityName}}}},
		{"MicroflowActionInfo", toolbox},
		{"Name", a.name},
		{"Parameters", list{parts, given}},
		{"TypeParameters", list{parts, nil}},
	}}
}
