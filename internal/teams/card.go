package teams

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// CheckCard checks an Adaptive Card before it is stored, because nobody would
// see it fail: the flow takes it with a 202 and its run fails later. What
// Microsoft's own parsers refuse as a whole is an Error about its place under
// /card; what Teams draws differently or leaves out is a warning. An envelope
// of one card is taken as that card.
//
// A walk and a table rather than a JSON schema: half of the rules are beyond
// one (ids that are unique outside of fallbacks, buttons per row, size), and a
// schema's "does not match any of 30 alternatives" helps no author.
func CheckCard(card []byte) (warnings []string, err *connector.Error) {
	h, err := unwrap(card)
	if err != nil {
		return nil, err
	}
	body, wrong := cardEnvelope(h.content)
	if wrong != nil {
		return nil, about(connector.InvalidJSON, cardPointer, "The card is not JSON that can be read.")
	}
	if n := Counted(body); n > MaxCardBytes {
		return nil, about(connector.TooLarge, cardPointer, "The card takes %d bytes as Teams counts them (in its envelope, escaped once more); the limit is %d. "+
			"Leave out elements, or shorten texts and URLs, above all images in data: URLs.", n, MaxCardBytes)
	}
	var root map[string]any
	if err := json.Unmarshal(h.content, &root); err != nil {
		return nil, about(connector.InvalidJSON, cardPointer, "The card is not JSON that can be read.")
	}
	c := &checker{ids: map[string]string{}}
	if h.lost {
		c.warn(cardPointer, "The envelope's own text and summary are not posted; only its card is")
	}
	c.root(root, h.pointer)
	return c.warnings(), c.err()
}

// The most that is said about one card.
const (
	maxFaults   = 10
	maxWarnings = 20
)

// checker walks over one card and collects what is wrong with it.
type checker struct {
	faults []connector.FieldError
	notes  []note
	ids    map[string]string // id to the place that has it
	// fallback is how deep the walk is inside of fallbacks, whose ids don't count.
	fallback int
}

// note is one warning and how often it holds.
type note struct {
	text, pointer string
	more          int
}

func (c *checker) refuse(pointer, format string, args ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, connector.FieldError{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
	}
}

// warn takes a sentence without its end; the same sentence is said once.
func (c *checker) warn(pointer, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if i := slices.IndexFunc(c.notes, func(n note) bool { return n.text == text }); i >= 0 {
		c.notes[i].more++
		return
	}
	if len(c.notes) < maxWarnings {
		c.notes = append(c.notes, note{text: text, pointer: pointer})
	}
}

func (c *checker) err() *connector.Error {
	if len(c.faults) == 0 {
		return nil
	}
	f := c.faults[0]
	message := "The card can't be posted: " + f.Pointer + ": " + f.Detail
	if n := len(c.faults) - 1; n > 0 {
		message += fmt.Sprintf(" (and %d more faults)", n)
	}
	return &connector.Error{Code: connector.InvalidField, Message: message, Fields: c.faults}
}

func (c *checker) warnings() []string {
	var all []string
	for _, n := range c.notes {
		where := n.pointer
		if n.more > 0 {
			where += fmt.Sprintf(" and %d more places", n.more)
		}
		all = append(all, n.text+" ("+where+").")
	}
	return all
}

// cardVersion is what Microsoft's parsers read as a version of schema 1.
var cardVersion = regexp.MustCompile(`^1(\.[0-6](\.[0-9]+){0,2})?$`)

func (c *checker) root(card map[string]any, pointer string) {
	switch kind, ok := card["type"].(string); {
	case card["type"] == nil:
		c.refuse(pointer+"/type", "An Adaptive Card begins with \"type\":\"AdaptiveCard\"; this has no type.")
		return
	case !ok || kind != "AdaptiveCard":
		c.refuse(pointer+"/type", "The type must be \"AdaptiveCard\".")
		return
	}
	switch version, ok := card["version"].(string); {
	case card["version"] == nil:
		c.refuse(pointer+"/version", "The version is missing; %q is drawn everywhere.", CardVersion)
	case !ok || !cardVersion.MatchString(version):
		c.refuse(pointer+"/version", "The version must be a text from \"1.0\" to \"1.6\"; %q is drawn everywhere.", CardVersion)
	case version > newestDrawn && !strings.HasPrefix(version, newestDrawn+"."):
		c.warn(pointer+"/version", "Teams draws cards up to version %s; what is newer in this card may be missing", newestDrawn)
	}
	if list, _ := card["body"].([]any); len(list) == 0 && card["actions"] == nil {
		c.warn(pointer, "The card has no body and no actions: it shows nothing")
	}
	c.object(card, rules["AdaptiveCard"], pointer)
}

// object checks what one element, action or card holds.
func (c *checker) object(o map[string]any, r rule, pointer string) {
	c.id(o, pointer)
	for _, name := range r.must {
		if o[name] == nil {
			c.refuse(pointer+"/"+name, "%q is missing.", name)
		}
	}
	for _, name := range r.should {
		if s, isText := o[name].(string); o[name] == nil || isText && s == "" {
			c.warn(pointer, "%s without %q is left out", r.name, name)
		}
	}
	for _, p := range r.values {
		if v := o[p.name]; v != nil && !p.fits(v) {
			c.warn(pointer+"/"+p.name, "%q of %s has a value that Teams doesn't know and ignores; it knows %s", p.name, r.name, p.known)
		}
	}
	for _, s := range r.slots {
		c.slot(s, o[s.name], pointer+"/"+s.name)
	}
	c.standIn(o["fallback"], r, pointer+"/fallback")
}

// standIn checks what is drawn where the element itself can't be.
func (c *checker) standIn(fallback any, r rule, pointer string) {
	switch f := fallback.(type) {
	case nil:
	case map[string]any:
		c.fallback++
		c.entry(slot{name: "fallback", actions: r.action}, f, pointer)
		c.fallback--
	case string:
		if strings.EqualFold(f, "drop") {
			return
		}
		c.refuse(pointer, "The only text that may stand here is \"drop\".")
	default:
		c.refuse(pointer, "A fallback is \"drop\" or a JSON object.")
	}
}

// id refuses a second element with the same id: phones refuse the whole card.
// A fallback may have the id of what it stands for.
func (c *checker) id(o map[string]any, pointer string) {
	id, ok := o["id"].(string)
	if !ok || id == "" || c.fallback > 0 {
		return
	}
	if before, taken := c.ids[id]; taken {
		c.refuse(pointer+"/id", "The id is taken by %s; each id may stand only once.", before)
		return
	}
	c.ids[id] = pointer
}

// slot checks the value of a property that holds further objects.
func (c *checker) slot(s slot, value any, pointer string) {
	if value == nil {
		return
	}
	if !s.list {
		c.entry(s, value, pointer)
		return
	}
	list, ok := value.([]any)
	if !ok {
		c.refuse(pointer, "%q must be a list.", s.name)
		return
	}
	if s.actions && len(list) > MaxActions {
		c.warn(pointer, "Teams shows at most %d actions of a row", MaxActions)
	}
	for i, entry := range list {
		at := pointer + "/" + strconv.Itoa(i)
		if entry == nil {
			c.warn(at, "An empty entry is left out")
			continue
		}
		c.entry(s, entry, at)
	}
}

// entry checks one element, action or card.
func (c *checker) entry(s slot, value any, pointer string) {
	if _, isText := value.(string); isText && s.texts {
		return
	}
	o, ok := value.(map[string]any)
	if !ok {
		c.refuse(pointer, "This must be a JSON object.")
		return
	}
	if len(o) == 0 && !s.list {
		return // Microsoft's parsers take an empty action as none
	}
	name, isText := o["type"].(string)
	switch {
	case o["type"] == nil && s.implied == "":
		c.refuse(pointer+"/type", "The type is missing: every element and action names one, such as \"TextBlock\".")
		return
	case o["type"] == nil:
		name = s.implied
	case !isText:
		c.refuse(pointer+"/type", "The type must be a text.")
		return
	}
	if len(s.only) > 0 && !slices.Contains(s.only, name) {
		c.refuse(pointer+"/type", "The type here must be %s.", strings.Join(s.only, " or "))
		return
	}
	r, known := rules[name]
	if !known {
		c.unknown(o, name, pointer, s)
		return
	}
	if r.action != s.actions {
		c.warn(pointer, "%s doesn't belong here and is left out", name)
	}
	if r.warning != "" {
		c.warn(pointer, "%s", r.warning)
	}
	c.object(o, r, pointer)
}

// unknown warns of a type that Teams doesn't know; its fallback is drawn instead.
func (c *checker) unknown(o map[string]any, name, pointer string, s slot) {
	const longest = 40
	shown := []rune(name)
	c.warn(pointer, "Teams may not know the type %q and leave it out", string(shown[:min(len(shown), longest)]))
	c.object(o, rule{name: "An unknown type", action: s.actions}, pointer)
}
