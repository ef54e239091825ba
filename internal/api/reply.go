package api

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Paging is what every list takes. Types that inputs embed are exported, because huma passes over others.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"most items in the answer"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the answer before; leave it out to begin"`
}

// page reads limit and cursor.
func (p *Paging) page() (connector.Page, error) {
	after, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return connector.Page{}, connector.Invalid("/cursor", "cursor is not one that this service gave. Pass next of the answer before unchanged, or leave it out to begin.")
	}
	return connector.Page{After: string(after), Limit: p.Limit}, nil
}

// list is the body of every list.
type list[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"cursor of the next part; null: this was the last"`
}

// listed answers with a list.
type listed[T any] struct{ Body list[T] }

// asList makes the answer of what the desk gave.
func asList[S, T any](l connector.List[S], item func(S) T) *listed[T] {
	out := &listed[T]{Body: list[T]{Items: make([]T, 0, len(l.Items))}}
	for _, s := range l.Items {
		out.Body.Items = append(out.Body.Items, item(s))
	}
	if l.Next != "" {
		next := base64.RawURLEncoding.EncodeToString([]byte(l.Next))
		out.Body.Next = &next
	}
	return out
}

// one answers with a whole object. ETag is its version.
type one[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// made answers with a new object.
type made[T any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}

// done answers without a body, with status 204.
type done struct{}

// etag writes a version; 0: the thing has none.
func etag(version int64) string {
	if version == 0 {
		return ""
	}
	return strconv.Quote(strconv.FormatInt(version, 10))
}

// Match is what every PATCH and DELETE of a thing with a version takes.
type Match struct {
	IfMatch string `header:"If-Match" doc:"the ETag that was read: refused with 412 if somebody changed it since; leave it out to change whatever stands"`
}

// version reads If-Match; 0: any will do, -1: one that never stands.
func (m *Match) version() int64 {
	text := strings.TrimSpace(m.IfMatch)
	if text == "" || text == "*" {
		return 0
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(text, "W/"), `"`), 10, 64)
	if err != nil || n <= 0 {
		return -1
	}
	return n
}
