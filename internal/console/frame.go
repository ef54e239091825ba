package console

import (
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// field is one input of a form.
type field struct {
	name, label, hint, placeholder string
	kind                           string // of the input; empty: text
	auto                           string // autocomplete; empty: off
	required, focus                bool
	max                            int // characters; 0: no limit of the browser's
}

func (i field) kindOf() string {
	if i.kind == "" {
		return "text"
	}
	return i.kind
}

func (i field) autocomplete() string {
	if i.auto == "" {
		return "off"
	}
	return i.auto
}

// described ties a field to what stands below it.
func described(f form, i field) templ.Attributes {
	switch {
	case f.errs[i.name] != "":
		return templ.Attributes{"aria-invalid": "true", "aria-describedby": i.name + "-err"}
	case i.hint != "":
		return templ.Attributes{"aria-describedby": i.name + "-hint"}
	}
	return nil
}

// themeName is what the person chose; empty: as the system has it.
func (v *visit) themeName() string {
	cookie, err := v.r.Cookie(themeCookie)
	if err != nil || cookie.Value != "dark" && cookie.Value != "light" {
		return ""
	}
	return cookie.Value
}

// theme keeps a choice of light or dark for a year; the server draws it, so nothing flickers.
func (c *Console) theme(v *visit) error {
	if name := v.field("theme"); name == "dark" || name == "light" {
		v.setCookie(themeCookie, name, 365*24*time.Hour)
	}
	http.Redirect(v.w, v.r, local(v.field("back"), "/"), http.StatusSeeOther)
	return nil
}

// initials are the two letters in somebody's circle.
func initials(email string) string {
	name, _, _ := strings.Cut(email, "@")
	letters := ""
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		first, _ := utf8.DecodeRuneInString(part)
		letters += string(unicode.ToUpper(first))
		if utf8.RuneCountInString(letters) == 2 {
			break
		}
	}
	return letters
}
