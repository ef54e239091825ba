package console

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/look"
)

// visit is one request of a person.
type visit struct {
	*Console
	w       http.ResponseWriter
	r       *http.Request
	session auth.Session
	// toast is what the last change says on the next page; said once.
	toast string
	// house is what the operator calls this installation.
	house admin.Settings
}

// The console's cookies.
const (
	sessionCookie = "session"
	toastCookie   = "toast"
	themeCookie   = "theme"
	hostPrefix    = "__Host-"
)

// maxForm is how long a form may be: a text of 100,000 bytes takes up to three times that in it.
const maxForm = 512 << 10

// policy lets in our own files only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// serve wraps a page into what holds for all: headers, who is asking, and an
// answer for people when something goes wrong.
func (c *Console) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		v := &visit{Console: c, w: w, r: r, house: c.desk.Shown(r.Context())}
		if err := c.answer(v, rt); err != nil {
			v.fail(err)
		}
	})
}

func (c *Console) answer(v *visit, rt route) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, max(maxForm, rt.most))
	if cookie, err := v.r.Cookie(c.cookieName(sessionCookie)); err == nil {
		session, err := c.who.Session(v.r.Context(), cookie.Value)
		switch {
		case err == nil:
			v.session = session
		case !is(err, connector.TokenInvalid):
			return err
		}
	}
	if !v.signedIn() && !rt.open {
		return v.redirect("/signin?next=" + url.QueryEscape(v.here()))
	}
	if err := v.r.ParseForm(); err != nil && v.r.Method == http.MethodPost {
		return connector.Errorf(connector.TooLarge, "What was sent can't be read as a form, or is larger than %d KiB. Go back, and shorten it.", maxForm>>10)
	}
	if rt.operator && !v.session.Actor.Operator {
		return connector.Errorf(connector.NotFound, "There is no such page here.")
	}
	if cookie, err := v.r.Cookie(toastCookie); err == nil && v.r.Method == http.MethodGet && v.r.Header.Get("HX-Request") == "" {
		if text, err := url.QueryUnescape(cookie.Value); err == nil {
			v.toast = text
			v.setCookie(toastCookie, "", -time.Second)
		}
	}
	return rt.handle(v)
}

func (v *visit) signedIn() bool { return v.session.Person != "" }

// here is the page's own address, for coming back after signing in.
func (v *visit) here() string {
	if v.r.Method != http.MethodGet || strings.HasPrefix(v.r.URL.Path, signOnPath) { // its code and state are for nobody to see
		return "/"
	}
	return v.r.URL.RequestURI()
}

// cookieName binds a cookie to this host where people come by https: another
// host of the same domain can't set it then (RFC 6265bis, 4.1.3.2).
func (c *Console) cookieName(name string) string {
	if c.secure {
		return hostPrefix + name
	}
	return name
}

func (v *visit) setCookie(name, value string, life time.Duration) {
	http.SetCookie(v.w, &http.Cookie{ //nolint:gosec // Secure wherever people come by https
		Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode,
	})
}

// redirect leads on after a change; a reload then repeats nothing.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// done says on the next page what was done.
func (v *visit) done(to, toast string) error {
	v.setCookie(toastCookie, url.QueryEscape(toast), time.Minute)
	return v.redirect(to)
}

// local is a path of this console to go back to, or otherwise.
func local(path, otherwise string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return otherwise
	}
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" {
		return otherwise
	}
	return path
}

// field is what was typed into a form.
func (v *visit) field(name string) string { return v.r.PostFormValue(name) }

// form is what a form shows again when something in it was wrong: what was
// typed, and the error beside its field.
type form struct {
	values map[string]string
	errs   map[string]string // by field; "" is about the whole
}

// typed takes over what was typed; fields that are not named, such as
// passwords and URLs, are left out.
func (v *visit) typed(names ...string) form {
	f := form{values: map[string]string{}, errs: map[string]string{}}
	for _, name := range names {
		f.values[name] = v.field(name)
	}
	return f
}

// take puts an error beside its field. An error that is none of the form's is returned.
func (f *form) take(err error) error {
	var known *connector.Error
	if !errors.As(err, &known) {
		return err
	}
	if status, _ := statusOf(known.Code); status != http.StatusUnprocessableEntity && known.Code != connector.NameTaken {
		return err
	}
	for _, field := range known.Fields {
		f.errs[strings.ReplaceAll(strings.TrimPrefix(field.Pointer, "/"), "/", ".")] = field.Detail
	}
	if len(known.Fields) == 0 {
		f.errs[""] = known.Message
	}
	return nil
}

// beside is an error of these codes as one of a field of the form.
func beside(pointer string, err error, codes ...connector.Code) error {
	var known *connector.Error
	if errors.As(err, &known) && slices.Contains(codes, known.Code) {
		return connector.Invalid(pointer, "%s", known.Message)
	}
	return err
}

func is(err error, code connector.Code) bool {
	var known *connector.Error
	return errors.As(err, &known) && known.Code == code
}

// show answers with a page.
func (v *visit) show(status int, p page, body templ.Component) error {
	return v.write(status, frame(v, p, body))
}

// part answers with a piece of a page, for the script to put in place.
func (v *visit) part(body templ.Component) error { return v.write(http.StatusOK, body) }

// write sends HTML, zipped where the browser takes that. No page holds a secret beside what a
// stranger chose, so the length of the zipped page tells nobody anything.
func (v *visit) write(status int, body templ.Component) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	out := io.Writer(v.w)
	if look.AcceptsGzip(v.r) {
		h.Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(v.w)
		defer func() { _ = zip.Close() }() // as below
		out = zip
	}
	v.w.WriteHeader(status)
	if err := body.Render(v.r.Context(), out); err != nil {
		v.log.DebugContext(v.r.Context(), "page not delivered", "error", err) // its head is out: too late for another answer
	}
	return nil
}

// fail answers with a page that says what went wrong and what to do.
func (v *visit) fail(err error) {
	var known *connector.Error
	if !errors.As(err, &known) {
		v.log.ErrorContext(v.r.Context(), "page not answered", "route", v.r.Pattern, "error", err)
		known = connector.Errorf(connector.Internal, "Something went wrong on our side. Try again; if it stays so, tell who runs this service when it happened.")
	}
	status, title := statusOf(known.Code)
	if status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "2")
	}
	_ = v.show(status, page{title: title}, trouble(v, title, known.Message))
}

// statusOf is how a code is answered to people: most say what is wrong in a form.
func statusOf(code connector.Code) (status int, title string) {
	switch code { //nolint:exhaustive // all others are about what was typed
	case connector.NotFound, connector.WebhookNotFound, connector.MessageNotFound:
		return http.StatusNotFound, "Not here"
	case connector.Forbidden:
		return http.StatusForbidden, "Not yours to do"
	case connector.NotAccepted, connector.AcceptUnknown:
		return http.StatusServiceUnavailable, "Not available right now"
	case connector.Changed:
		return http.StatusConflict, "Changed meanwhile"
	case connector.Conflict, connector.NameTaken:
		return http.StatusConflict, "Not possible like this"
	case connector.Internal:
		return http.StatusInternalServerError, "Something went wrong"
	}
	return http.StatusUnprocessableEntity, "That did not work"
}
