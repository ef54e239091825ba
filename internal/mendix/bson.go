package mendix

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// node is one object of the model. It is stored as a BSON document that begins
// with its $ID and its $Type; Studio Pro refuses any other order, and sorts the
// rest by name.
type node struct {
	typ string
	// key names the object among its siblings: its id is made from it. Empty: its name, or its place.
	key    string
	fields []field
}

// field is a property of a node under the name it is stored by. Its value is a
// string, bool, int32, float64, guid, blob, node, list, pointer or nil.
type field struct {
	name  string
	value any
}

// list is a list of the model. In a file it begins with a number that says what
// it holds.
type list struct {
	marker int32
	items  []any // nodes or strings
}

// The markers of lists, as Studio Pro stores them.
const (
	byName  = 1 // qualified names
	parts   = 2 // objects
	members = 3 // objects as well, in the older parts of the model
)

// blob is binary content, such as an image.
type blob []byte

// pointer is the id of the object with that key in the same unit.
type pointer string

// encoder writes the objects of one unit.
type encoder struct {
	buf []byte
	// pointers are the ids of the objects that pointer fields may name.
	pointers map[pointer]guid
	err      error
}

// encode writes a unit whose root object has the id of path.
func encode(root node, path string) ([]byte, error) {
	e := &encoder{pointers: make(map[pointer]guid)}
	e.index(root, path)
	e.document(root, path)
	return e.buf, e.err
}

// index notes the ids of all objects that have a key, so that pointers may go
// forward.
func (e *encoder) index(n node, path string) {
	if n.key != "" {
		if _, twice := e.pointers[pointer(n.key)]; twice {
			e.fail("%s: two objects have the key %s", path, n.key)
		}
		e.pointers[pointer(n.key)] = newGUID(path)
	}
	for _, f := range n.fields {
		switch v := f.value.(type) {
		case node:
			e.index(v, child(path, f.name, v, -1))
		case list:
			for i, item := range v.items {
				if n, ok := item.(node); ok {
					e.index(n, child(path, f.name, n, i))
				}
			}
		}
	}
}

// child is the path of an object inside another: the ids of the model hang on
// it, so an object that others may refer to needs a name or a key of its own.
func child(path, property string, n node, place int) string {
	name := n.key
	for _, f := range n.fields {
		if s, ok := f.value.(string); ok && f.name == "Name" && name == "" {
			name = s
		}
	}
	if name == "" && place >= 0 {
		name = strconv.Itoa(place)
	}
	return strings.TrimSuffix(path+"/"+property+":"+name, ":")
}

func (e *encoder) document(n node, path string) {
	start := e.open()
	e.value("$ID", newGUID(path), path)
	e.value("$Type", n.typ, path)
	fields := slices.Clone(n.fields)
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for _, f := range fields {
		e.value(f.name, f.value, path)
	}
	e.close(start)
}

func (e *encoder) value(name string, value any, path string) {
	switch v := value.(type) {
	case nil:
		e.head(0x0a, name)
	case string:
		e.text(name, v)
	case bool:
		e.head(0x08, name)
		if v {
			e.buf = append(e.buf, 1)
			return
		}
		e.buf = append(e.buf, 0)
	case int32:
		e.head(0x10, name)
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(v)) // #nosec G115 -- the bits as they are
	case float64:
		e.head(0x01, name)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(v))
	case guid:
		e.binary(name, v[:])
	case blob:
		e.binary(name, v)
	case pointer:
		id, ok := e.pointers[v]
		if !ok {
			e.fail("%s: %s points to %s, which is not there", path, name, v)
		}
		e.binary(name, id[:])
	case node:
		e.head(0x03, name)
		e.document(v, child(path, name, v, -1))
	case list:
		e.list(name, v, path)
	default:
		e.fail("%s: %s has a value of type %T", path, name, value)
	}
}

func (e *encoder) list(name string, l list, path string) {
	e.head(0x04, name)
	start := e.open()
	e.value("0", l.marker, path)
	for i, item := range l.items {
		if n, ok := item.(node); ok {
			e.head(0x03, strconv.Itoa(i+1)) // the marker came first
			e.document(n, child(path, name, n, i))
			continue
		}
		e.value(strconv.Itoa(i+1), item, path)
	}
	e.close(start)
}

func (e *encoder) head(kind byte, name string) {
	if strings.IndexByte(name, 0) >= 0 {
		e.fail("the name %q has a zero byte", name)
	}
	e.buf = append(append(append(e.buf, kind), name...), 0)
}

func (e *encoder) text(name, s string) {
	e.head(0x02, name)
	e.size(len(s) + 1)
	e.buf = append(append(e.buf, s...), 0)
}

func (e *encoder) binary(name string, b []byte) {
	e.head(0x05, name)
	e.size(len(b))
	e.buf = append(append(e.buf, 0), b...) // subtype generic, as Studio Pro's GUIDs are
}

func (e *encoder) size(n int) {
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(n)) // #nosec G115 -- a unit has some kilobytes
}

// open begins a document, whose length is written when it is closed.
func (e *encoder) open() int {
	e.size(0)
	return len(e.buf) - 4
}

func (e *encoder) close(start int) {
	e.buf = append(e.buf, 0)
	binary.LittleEndian.PutUint32(e.buf[start:], uint32(len(e.buf)-start)) // #nosec G115 -- see size
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("encode "+format, args...)
	}
}
