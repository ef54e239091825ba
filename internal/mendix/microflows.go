package mendix

import "fmt"

// canvas is a microflow while it is drawn: objects by key, and flows between them.
type canvas struct {
	name, documentation string
	returns             string // the type; empty: nothing
	objects, flows      []any
}

// The sides of an object where a flow may begin or end.
const (
	top    = 0
	right  = 1
	bottom = 2
	left   = 3
)

// spot is where an object stands, in columns and rows of the drawing.
type spot struct{ column, row int }

func (s spot) String() string { return fmt.Sprintf("%d;%d", 120+190*s.column, 200+130*s.row) }

func microflows() []node {
	return []node{postMessage(), checkConnection(), checkAfterStartup(), example()}
}

// postMessage is what workflows call, as they did the older connector's.
func postMessage() node {
	c := canvas{
		name: "ACT_PostMessageOnTeams", returns: "Boolean",
		documentation: "Sends a text and returns true when Microsoft Teams accepted it, or when it is stored and will go (accepted, held). " +
			"False: nothing will come, except for the statuses uncertain and timeout, where it is not known.",
	}
	c.parameter("webhookId", "The Webhook ID of the channel.")
	c.parameter("textMessage", "The text.")
	c.start()
	c.call("send", "SendMessage", spot{1, 0}, own("webhookId"), own("textMessage"))
	c.end("end", spot{2, 0}, "$Response/Status = 'sent' or $Response/Status = 'posted' or "+
		"$Response/Status = 'accepted' or $Response/Status = 'held'")
	c.next("start", "send")
	c.next("send", "end")
	return c.node()
}

func checkConnection() node {
	c := canvas{
		name: "ACT_CheckConnection", returns: "Boolean",
		documentation: "Checks address, keys, subscription and webhook, logs what came of it, and sends nothing. " +
			"Returns true when all is well. An empty webhookId: any webhook will do.",
	}
	c.parameter("webhookId", "The Webhook ID of the channel, or empty.")
	c.start()
	c.call("check", "CheckConnection", spot{1, 0}, own("webhookId"))
	c.end("end", spot{2, 0}, "$Response/Status = 'ok'")
	c.next("start", "check")
	c.next("check", "end")
	return c.node()
}

// checkAfterStartup never returns false, which Mendix would take for a start
// that failed.
func checkAfterStartup() node {
	c := canvas{
		name: "ASU_CheckConnection", returns: "Boolean",
		documentation: "For App Settings > Runtime > After startup: checks the connection, logs what came of it, and lets the app start either way.",
	}
	c.start()
	c.call("check", "CheckConnection", spot{1, 0}, argument{"webhookId", "empty"})
	c.end("end", spot{2, 0}, "true")
	c.next("start", "check")
	c.next("check", "end")
	return c.node()
}

func example() node {
	c := canvas{
		name:          "Example_SendMessage",
		documentation: "An example to copy: it sends a text and shows a pop-up for an invalid license, a used up quota, and all else.",
	}
	c.parameter("webhookId", "The Webhook ID of the channel.")
	c.parameter("textMessage", "The text.")
	c.start()
	c.call("send", "SendMessage", spot{1, 0}, own("webhookId"), own("textMessage"))
	c.split("license", "License invalid?", spot{2, 0}, "$Response/Status = 'license_invalid'")
	c.show("license pop-up", "Error", spot{2, 1}, "Your license is invalid. {1}")
	c.end("license end", spot{2, 2}, "")
	c.split("quota", "Quota used up?", spot{3, 0}, "$Response/Status = 'message_quota_exhausted'")
	c.show("quota pop-up", "Warning", spot{3, 1}, "Your quota is used up. {1}")
	c.end("quota end", spot{3, 2}, "")
	c.show("pop-up", "Information", spot{4, 0}, "{1}")
	c.end("end", spot{5, 0}, "")
	c.next("start", "send")
	c.next("send", "license")
	c.down("license", "license pop-up", "true")
	c.down("license pop-up", "license end", "")
	c.otherwise("license", "quota")
	c.down("quota", "quota pop-up", "true")
	c.down("quota pop-up", "quota end", "")
	c.otherwise("quota", "pop-up")
	c.next("pop-up", "end")
	return c.node()
}

func (c *canvas) node() node {
	returns := dataType("Void")
	if c.returns != "" {
		returns = dataType(c.returns)
	}
	return node{typ: "Microflows$Microflow", fields: []field{
		{"AllowConcurrentExecution", true},
		{"AllowedModuleRoles", list{byName, nil}},
		{"ApplyEntityAccess", false},
		{"ConcurrencyErrorMicroflow", ""},
		{"ConcurrenyErrorMessage", translated("")}, // stored under this spelling
		{"Documentation", c.documentation},
		{"Excluded", false},
		{"ExportLevel", "Hidden"},
		{"Flows", list{members, c.flows}},
		{"MarkAsUsed", true},
		{"MicroflowActionInfo", nil},
		{"MicroflowReturnType", returns},
		{"Name", c.name},
		{"ObjectCollection", node{typ: "Microflows$MicroflowObjectCollection", fields: []field{{"Objects", list{members, c.objects}}}}},
		{"ReturnVariableName", ""},
		{"StableId", newGUID(moduleName + "." + c.name)},
		{"Url", ""},
		{"UrlSearchParameters", list{byName, nil}},
		{"WorkflowActionInfo", nil},
	}}
}

// object puts an object on the canvas.
func (c *canvas) object(key, typ string, at spot, fields ...field) {
	size := "20;20"
	switch typ {
	case "ActionActivity":
		size = "120;60"
	case "ExclusiveSplit":
		size = "90;60"
	case "MicroflowParameter":
		size = "30;30"
	}
	fields = append(fields, field{"RelativeMiddlePoint", at.String()}, field{"Size", size})
	c.objects = append(c.objects, node{typ: "Microflows$" + typ, key: key, fields: fields})
}

func (c *canvas) start() { c.object("start", "StartEvent", spot{0, 0}) }

func (c *canvas) end(key string, at spot, returns string) {
	c.object(key, "EndEvent", at, field{"Documentation", ""}, field{"ReturnValue", returns})
}

func (c *canvas) parameter(name, documentation string) {
	c.object(name, "MicroflowParameter", spot{len(c.objects), -1},
		field{"DefaultValue", ""},
		field{"Documentation", documentation},
		field{"HasVariableNameBeenChanged", false},
		field{"IsRequired", true},
		field{"Name", name},
		field{"VariableType", dataType("String")},
	)
}

func (c *canvas) activity(key string, at spot, action node) {
	c.object(key, "ActionActivity", at,
		field{"Action", action},
		field{"AutoGenerateCaption", true},
		field{"BackgroundColor", "Default"},
		field{"Caption", "Activity"},
		field{"Disabled", false},
		field{"Documentation", ""},
	)
}

// argument is what a Java action is given: an expression.
type argument struct{ name, expression string }

// own hands on a parameter of the microflow under its own name.
func own(name string) argument { return argument{name, "$" + name} }

// call calls a Java action of the module; its result is $Response.
func (c *canvas) call(key, javaAction string, at spot, arguments ...argument) {
	qualified := moduleName + "." + javaAction
	var mappings []any
	for _, a := range arguments {
		mappings = append(mappings, node{typ: "Microflows$JavaActionParameterMapping", key: key + " " + a.name, fields: []field{
			{"Parameter", qualified + "." + a.name},
			{"Value", node{typ: "Microflows$BasicCodeActionParameterValue", fields: []field{{"Argument", a.expression}}}},
		}})
	}
	c.activity(key, at, node{typ: "Microflows$JavaActionCallAction", fields: []field{
		{"ErrorHandlingType", "Rollback"},
		{"JavaAction", qualified},
		{"ParameterMappings", list{parts, mappings}},
		{"QueueSettings", nil},
		{"ResultVariableName", "Response"},
		{"UseReturnVariable", true},
	}})
}

func (c *canvas) split(key, caption string, at spot, expression string) {
	c.object(key, "ExclusiveSplit", at,
		field{"Caption", caption},
		field{"Documentation", ""},
		field{"ErrorHandlingType", "Rollback"},
		field{"SplitCondition", node{typ: "Microflows$ExpressionSplitCondition", fields: []field{{"Expression", expression}}}},
	)
}

// show shows a pop-up in which {1} is the response's message.
func (c *canvas) show(key, kind string, at spot, template string) {
	message := node{typ: "Microflows$TemplateParameter", fields: []field{{"Expression", "$Response/Message"}}}
	c.activity(key, at, node{typ: "Microflows$ShowMessageAction", fields: []field{
		{"Blocking", true},
		{"ErrorHandlingType", "Rollback"},
		{"Template", node{typ: "Microflows$TextTemplate", fields: []field{
			{"Parameters", list{parts, []any{message}}},
			{"Text", translated(template)},
		}}},
		{"Type", kind},
	}})
}

// arrow is a flow from one object to another. when is "true" or "false" behind
// a split, else empty.
type arrow struct {
	from, to, when string
	begins, ends   int32 // sides
}

func (c *canvas) next(from, to string) { c.draw(arrow{from, to, "", right, left}) }

func (c *canvas) otherwise(from, to string) { c.draw(arrow{from, to, "false", right, left}) }

func (c *canvas) down(from, to, when string) { c.draw(arrow{from, to, when, bottom, top}) }

func (c *canvas) draw(a arrow) {
	value := node{typ: "Microflows$NoCase"}
	if a.when != "" {
		value = node{typ: "Microflows$EnumerationCase", fields: []field{{"Value", a.when}}}
	}
	c.flows = append(c.flows, node{typ: "Microflows$SequenceFlow", key: a.from + " to " + a.to, fields: []field{
		{"CaseValues", list{parts, []any{value}}},
		{"DestinationConnectionIndex", a.ends},
		{"DestinationPointer", pointer(a.to)},
		{"IsErrorHandler", false},
		{"Line", node{typ: "Microflows$BezierCurve", fields: []field{
			{"DestinationControlVector", "0;0"},
			{"OriginControlVector", "0;0"},
		}}},
		{"OriginConnectionIndex", a.begins},
		{"OriginPointer", pointer(a.from)},
	}})
}
