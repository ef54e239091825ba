package mendix_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// studioPro is the version that the package must fit.
const studioPro = "10.24.0"

// metamodel is what testdata/metamodel says: Mendix's own names and versions,
// and how a project file stores them.
type metamodel struct {
	Types map[string]struct {
		life
		Supertypes []string
		Properties map[string]property
	}
	Enums map[string]map[string]life

	Stored struct {
		Types        map[string]string            // stored name of a type: its name
		Properties   map[string]map[string]string // stored type: stored name of a property: its name
		Omitted      map[string][]string          // stored type: properties that a file need not have
		Markers      map[string]int32
		Containments map[string]string
	} `json:"-"`
}

type life struct{ Introduced, Deleted string }

type property struct {
	life
	Kind     string // String, Boolean, Integer, Double, Guid, Blob, Point, Size, Enum, Part, ByName, ById, StructuralChild...
	List     bool
	Required bool
	Enum     string
	Of, To   string
}

func readMetamodel(t *testing.T) *metamodel {
	t.Helper()
	m := new(metamodel)
	for name, into := range map[string]any{"metamodel.json": m, "storage.json": &m.Stored} {
		b, err := os.ReadFile("testdata/metamodel/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return m
}

// in reports whether something exists in Studio Pro's version.
func (l life) in(version string) bool {
	return (l.Introduced == "" || compare(l.Introduced, version) <= 0) && (l.Deleted == "" || compare(l.Deleted, version) > 0)
}

func compare(a, b string) int {
	numbers := func(s string) (n []int) {
		for part := range strings.SplitSeq(s, ".") {
			i, _ := strconv.Atoi(part)
			n = append(n, i)
		}
		return n
	}
	return slices.Compare(numbers(a), numbers(b))
}

// model is a package while it is compared with the metamodel.
type model struct {
	*metamodel
	units []mprUnit
	// named are the documents and their parts by type and qualified name.
	named    map[string]map[string]bool
	problems []string
}

// check returns everything in which the units differ from what Studio Pro
// knows: types, properties, values, lists, references and pointers.
func (m *metamodel) check(units []mprUnit) []string {
	c := &model{metamodel: m, units: units, named: make(map[string]map[string]bool)}
	c.index()
	ids := make(map[string]bool)
	for _, u := range units {
		c.unit(u, ids)
	}
	return c.problems
}

func (c *model) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// sdk returns a stored type's name in the metamodel.
func (c *model) sdk(stored string) string {
	if name, ok := c.Stored.Types[stored]; ok {
		return name
	}
	return stored
}

// index collects the qualified names that others may refer to.
func (c *model) index() {
	var moduleName string
	for _, u := range c.units {
		if text(u.root, "$Type") == "Projects$ModuleImpl" {
			moduleName = text(u.root, "Name")
		}
	}
	add := func(typ string, path ...string) {
		if c.named[typ] == nil {
			c.named[typ] = make(map[string]bool)
		}
		c.named[typ][strings.Join(path, ".")] = true
	}
	for _, u := range c.units {
		typ, name := text(u.root, "$Type"), text(u.root, "Name")
		add(typ, moduleName, name)
		for _, p := range documents(u.root, "Parameters") {
			add("JavaActions$JavaActionParameter", moduleName, name, text(p, "Name"))
		}
		for _, r := range documents(u.root, "ModuleRoles") {
			add("Security$ModuleRole", moduleName, text(r, "Name"))
		}
		for _, e := range documents(u.root, "Entities") {
			add("DomainModels$Entity", moduleName, text(e, "Name"))
			for _, a := range documents(e, "Attributes") {
				add("DomainModels$Attribute", moduleName, text(e, "Name"), text(a, "Name"))
			}
		}
	}
}

func (c *model) unit(u mprUnit, ids map[string]bool) {
	typ := text(u.root, "$Type")
	if idOf(get(u.root, "$ID")) != u.id {
		c.problem("%s: the unit's id is not that of its document", typ)
	}
	if want, ok := c.Stored.Containments[typ]; !ok || u.containment != want {
		c.problem("%s is contained as %q, want %q", typ, u.containment, want)
	}
	if !slices.ContainsFunc(c.units, func(other mprUnit) bool { return other.id == u.container }) {
		c.problem("%s %s: its container is not there", typ, text(u.root, "Name"))
	}
	if (u.container == u.id) != (typ == "Projects$Project") {
		c.problem("%s: the project, and nothing else, contains itself", typ)
	}
	own := make(map[string]bool)
	walk(u.root, func(d bson.D) {
		id := idOf(get(d, "$ID"))
		if id == "" || ids[id] {
			c.problem("%s %s: its $ID is missing or another's", text(d, "$Type"), text(d, "Name"))
		}
		ids[id], own[id] = true, true
	})
	walk(u.root, func(d bson.D) { c.object(d, own) })
}

// object compares one document with its type.
func (c *model) object(d bson.D, own map[string]bool) {
	typ := text(d, "$Type")
	known, ok := c.Types[c.sdk(typ)]
	if !ok || !known.in(studioPro) {
		c.problem("there is no type %s", typ)
		return
	}
	if len(d) < 2 || d[0].Key != "$ID" || d[1].Key != "$Type" {
		c.problem("%s does not begin with $ID and $Type", typ)
		return
	}
	if !slices.IsSortedFunc(d[2:], func(a, b bson.E) int { return strings.Compare(a.Key, b.Key) }) {
		c.problem("%s: its properties are not in order", typ)
	}
	seen := make(map[string]bool)
	for _, e := range d[2:] {
		name := c.propertyName(typ, e.Key)
		p, ok := known.Properties[name]
		if !ok || !p.in(studioPro) || seen[name] {
			c.problem("%s has no property %s, or has it twice", typ, e.Key)
			continue
		}
		seen[name] = true
		c.value(typ+"."+e.Key, p, e.Value, own)
	}
	for name, p := range known.Properties {
		if p.in(studioPro) && !seen[name] && !strings.HasPrefix(p.Kind, "Structural") && !slices.Contains(c.Stored.Omitted[typ], name) {
			c.problem("%s: %s is missing", typ, name)
		}
	}
}

func (c *model) propertyName(typ, stored string) string {
	if name, ok := c.Stored.Properties[typ][stored]; ok {
		return name
	}
	if slices.Contains(mapValues(c.Stored.Properties[typ]), lowerFirst(stored)) {
		return "" // it is stored under another name
	}
	return lowerFirst(stored)
}

func mapValues(m map[string]string) (values []string) {
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func (c *model) value(at string, p property, value any, own map[string]bool) {
	if !p.List {
		c.single(at, p, value, own)
		return
	}
	l, ok := value.(bson.A)
	marker, given := c.Stored.Markers[at]
	if !given {
		marker = c.Stored.Markers[p.Kind]
	}
	if !ok || len(l) == 0 || l[0] != marker {
		c.problem("%s is not a list that begins with %d", at, marker)
		return
	}
	for _, item := range l[1:] {
		c.single(at, p, item, own)
	}
}

func (c *model) single(at string, p property, value any, own map[string]bool) {
	switch p.Kind {
	case "Part":
		c.part(at, p, value)
	case "ById":
		if id := idOf(value); id == "" || !own[id] {
			c.problem("%s points to nothing in its unit", at)
		}
	case "Enum":
		s, _ := value.(string)
		if l, ok := c.Enums[p.Enum][s]; !ok || !l.in(studioPro) {
			c.problem("%s: %s has no value %q", at, p.Enum, s)
		}
	case "ByName":
		s, ok := value.(string)
		if !ok || s == "" && p.Required || s != "" && !c.named[p.To][s] {
			c.problem("%s: there is no %s %q", at, p.To, s)
		}
	default:
		if !fits(p.Kind, value) {
			c.problem("%s is a %T, want %s", at, value, p.Kind)
		}
	}
}

func (c *model) part(at string, p property, value any) {
	d, ok := value.(bson.D)
	if !ok {
		if value != nil || p.Required || p.List {
			c.problem("%s is a %T, want %s", at, value, p.Of)
		}
		return
	}
	typ := c.sdk(text(d, "$Type"))
	if typ != p.Of && !slices.Contains(c.Types[typ].Supertypes, p.Of) {
		c.problem("%s is a %s, want %s", at, typ, p.Of)
	}
}

// fits reports whether a value is of a primitive kind.
func fits(kind string, value any) bool {
	pair := func(s string) bool {
		x, y, ok := strings.Cut(s, ";")
		_, errX := strconv.Atoi(x)
		_, errY := strconv.Atoi(y)
		return ok && errX == nil && errY == nil
	}
	switch v := value.(type) {
	case string:
		return kind == "String" || (kind == "Point" || kind == "Size") && pair(v)
	case bool:
		return kind == "Boolean"
	case int32:
		return kind == "Integer"
	case float64:
		return kind == "Double"
	case bson.Binary:
		return v.Subtype == 0 && (kind == "Blob" || kind == "Guid" && len(v.Data) == 16)
	}
	return false
}
