package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// walk is how one route is walked: who may, who may not.
type walk struct {
	// path is that of a thing of Acme's, made for this walk if the call ends it; nil: the route's own.
	path func(s *stage) string
	body func(s *stage) string
	// may is who gets a 2xx, as a name of stage.who.
	may string
	// lower sees the thing and may not do this, so gets 403; empty: whoever sees it may.
	lower string
	// foreign is what another organization gets: 404 when it is zero, because the call is about a thing of Acme's.
	foreign int
	// open: anybody gets a 2xx.
	open bool
}

func fixed(path string) func(*stage) string { return func(*stage) string { return path } }

// org, sub and so on are paths below Acme's things.
func org(rest string) func(*stage) string {
	return func(s *stage) string { return "/api/v1/organizations/" + string(s.subscription.Organization) + rest }
}

func sub(rest string) func(*stage) string {
	return func(s *stage) string { return "/api/v1/subscriptions/" + string(s.subscription.ID) + rest }
}

// walks has every route of the mux. A new route needs a row here: say who may
// call it, who may not although they see the thing, and what a stranger gets.
func walks() map[string]walk {
	all := map[string]walk{
		"GET /api/docs":                              {open: true},
		"GET /api/openapi.json":                      {open: true},
		"GET /api/mendix/swagger.json":               {open: true},
		"GET /api/mendix/openapi.json":               {open: true},
		"GET /api/mendix/MSTeamsConnectorModule.mpk": {open: true},
		"GET /clients/teamsconnector.py":             {open: true},
		"GET /healthz":                               {open: true},
		"GET /readyz":                                {open: true},
	}
	maps.Copy(all, sendingWalks())
	maps.Copy(all, tenancyWalks())
	return all
}

func sendingWalks() map[string]walk {
	const url = "https://prod-00.westeurope.logic.azure.com:443/workflows/0123456789abcdef0123456789abcdef" +
		"/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	renamed := func(s *stage) string { return `{"name":"` + randomWord(s.t) + `"}` }
	return map[string]walk{
		"GET /api/v1/subscriptions/{id}/webhooks":  {path: sub("/webhooks"), may: "viewer", lower: "sender"},
		"POST /api/v1/subscriptions/{id}/webhooks": {path: sub("/webhooks"), body: fixed(`{"name":"Walk","url":"` + url + `"}`), may: "member", lower: "viewer"},
		"GET /api/v1/webhooks":                     {foreign: 200},
		"GET /api/v1/webhooks/{id}":                {path: hook(""), may: "viewer", lower: "sender"},
		"PATCH /api/v1/webhooks/{id}":              {path: hook(""), body: renamed, may: "member", lower: "viewer"},
		"DELETE /api/v1/webhooks/{id}":             {path: hook(""), may: "member", lower: "viewer"},
		"POST /api/v1/webhooks/{id}/reveal":        {path: hook("/reveal"), may: "admin", lower: "member"},
		"POST /api/v1/webhooks/{id}/pause":         {path: hook("/pause"), may: "member", lower: "viewer"},
		"POST /api/v1/webhooks/{id}/resume":        {path: hook("/resume"), may: "member", lower: "viewer"},
		"POST /api/v1/webhooks/{id}/test":          {path: hook("/test"), may: "sender", lower: "viewer"},

		"POST /api/v1/webhooks/{id}/resend":      {path: hook("/resend"), may: "sender", lower: "viewer"},
		"POST /api/v1/subscriptions/{id}/resend": {path: sub("/resend"), may: "sender", lower: "viewer"},

		"POST /api/v1/messages":              {body: (*stage).message},
		"GET /api/v1/messages":               {may: "viewer", foreign: 200},
		"GET /api/v1/messages/{id}":          {path: sent(""), may: "viewer", lower: "sender"},
		"POST /api/v1/messages/{id}/resend":  {path: (*stage).ended, may: "sender", lower: "viewer"},
		"POST /api/v1/messages/{id}/cancel":  {path: sent("/cancel"), may: "sender", lower: "viewer"},
		"POST /api/v1/messages/{id}/resolve": {path: (*stage).unclear, body: fixed(`{"as":"sent"}`), may: "sender", lower: "viewer"},

		"GET /api/v1/subscriptions/{id}/usage": {path: sub("/usage"), may: "viewer", lower: "sender"},
		"GET /api/v1/usage":                    {path: fixed("/api/v1/usage?month=2026-11"), may: "operator", lower: "admin", foreign: 403},
	}
}

func tenancyWalks() map[string]walk {
	named := fixed(`{"name":"Of its own"}`)
	return map[string]walk{
		"GET /api/v1/plans":        {may: "member", foreign: 200},
		"GET /api/v1/plans/{id}":   {path: fixed("/api/v1/plans/trial"), may: "member", foreign: 200},
		"POST /api/v1/plans":       {body: named, may: "operator", lower: "admin", foreign: 403},
		"PATCH /api/v1/plans/{id}": {path: fixed("/api/v1/plans/trial"), body: fixed(`{"price":"free"}`), may: "operator", lower: "admin", foreign: 403},

		"GET /api/v1/nodes":      {may: "operator", lower: "admin", foreign: 403},
		"GET /api/v1/settings":   {may: "operator", lower: "admin", foreign: 403},
		"PATCH /api/v1/settings": {body: fixed(`{"productName":"Contoso Notify"}`), may: "operator", lower: "admin", foreign: 403},

		"GET /api/v1/organizations":             {may: "member", foreign: 200},
		"POST /api/v1/organizations":            {body: named, may: "operator", lower: "admin", foreign: 403},
		"GET /api/v1/organizations/{id}":        {path: org(""), may: "member", lower: "sender"},
		"PATCH /api/v1/organizations/{id}":      {path: org(""), body: fixed(`{"name":"Acme"}`), may: "operator", lower: "admin"},
		"DELETE /api/v1/organizations/{id}":     {path: (*stage).doomed, may: "operator", lower: "doomed admin"},
		"GET /api/v1/organizations/{id}/export": {path: org("/export"), may: "admin", lower: "member"},
		"GET /api/v1/organizations/{id}/audit":  {path: org("/audit"), may: "admin", lower: "member"},
		"GET /api/v1/audit":                     {may: "operator", lower: "admin", foreign: 403},

		"GET /api/v1/organizations/{id}/members":               {path: org("/members"), may: "member", lower: "sender"},
		"POST /api/v1/organizations/{id}/members":              {path: org("/members"), body: fixed(`{"email":"new@acme.example"}`), may: "admin", lower: "member"},
		"GET /api/v1/organizations/{id}/members/{personId}":    {path: (*stage).person, may: "member", lower: "sender"},
		"PATCH /api/v1/organizations/{id}/members/{personId}":  {path: (*stage).person, body: fixed(`{"role":"member"}`), may: "admin", lower: "member"},
		"DELETE /api/v1/organizations/{id}/members/{personId}": {path: (*stage).person, may: "admin", lower: "member"},

		"POST /api/v1/organizations/{id}/members/{personId}/reset": {path: func(s *stage) string { return s.person() + "/reset" }, may: "admin", lower: "member"},

		"GET /api/v1/organizations/{id}/directories":                  {path: org("/directories"), may: "admin", lower: "member"},
		"POST /api/v1/organizations/{id}/directories":                 {path: org("/directories"), body: fixed(`{"issuer":"https://id.acme.example"}`), may: "operator", lower: "admin"},
		"GET /api/v1/organizations/{id}/directories/{directoryId}":    {path: (*stage).directory, may: "admin", lower: "member"},
		"PATCH /api/v1/organizations/{id}/directories/{directoryId}":  {path: (*stage).directory, body: fixed(`{"name":"Renamed"}`), may: "operator", lower: "admin"},
		"DELETE /api/v1/organizations/{id}/directories/{directoryId}": {path: (*stage).directory, may: "operator", lower: "admin"},

		"GET /api/v1/organizations/{id}/subscriptions":  {path: org("/subscriptions"), may: "member", lower: "sender"},
		"POST /api/v1/organizations/{id}/subscriptions": {path: org("/subscriptions"), body: fixed(`{"plan":"trial","instanceName":"Second"}`), may: "operator", lower: "admin"},
		"GET /api/v1/subscriptions/{id}":                {path: sub(""), may: "member", lower: "sender"},
		"PATCH /api/v1/subscriptions/{id}":              {path: sub(""), body: fixed(`{"instanceName":"Renamed"}`), may: "admin", lower: "member"},

		"GET /api/v1/orders":                     {may: "operator", lower: "admin", foreign: 403},
		"GET /api/v1/orders/{id}":                {path: ordered(""), may: "admin", lower: "member"},
		"POST /api/v1/orders/{id}/approve":       {path: ordered("/approve"), may: "operator", lower: "admin"},
		"POST /api/v1/orders/{id}/refuse":        {path: ordered("/refuse"), body: fixed(`{"reason":"no budget"}`), may: "operator", lower: "admin"},
		"GET /api/v1/organizations/{id}/orders":  {path: org("/orders"), may: "admin", lower: "member"},
		"POST /api/v1/organizations/{id}/orders": {path: org("/orders"), body: fixed(newOrder), may: "admin", lower: "member"},

		"GET /api/v1/subscriptions/{id}/keys":            {path: sub("/keys"), may: "admin", lower: "member"},
		"POST /api/v1/subscriptions/{id}/keys":           {path: sub("/keys"), body: named, may: "admin", lower: "member"},
		"GET /api/v1/subscriptions/{id}/keys/{keyId}":    {path: (*stage).pair, may: "admin", lower: "member"},
		"DELETE /api/v1/subscriptions/{id}/keys/{keyId}": {path: (*stage).pair, may: "admin", lower: "member"},

		"GET /api/v1/notices":    {may: "person", lower: "admin", foreign: 403},
		"GET /api/v1/mails":      {may: "operator", lower: "admin", foreign: 403},
		"GET /api/v1/mails/{id}": {path: (*stage).mailed, may: "operator", lower: "admin", foreign: 403},

		"GET /api/v1/tokens":                    {may: "person", lower: "admin", foreign: 403},
		"GET /api/v1/organizations/{id}/tokens": {path: org("/tokens"), may: "admin", lower: "member"},
		"DELETE /api/v1/tokens/{id}":            {path: (*stage).ticket, may: "admin", lower: "member"},
	}
}

const newOrder = `{"plan":"standard","orderKey":"walk","technicalContact":{"firstName":"Ada","lastName":"Lovelace","email":"ada@acme.example"},"billing":{"company":"Acme","email":"bills@acme.example"}}`

// ordered is an order that waits for the operator.
func ordered(rest string) func(*stage) string {
	return func(s *stage) string {
		o, _, err := s.store.PlaceOrder(s.t.Context(), store.NewOrder{
			Form: randomWord(s.t), Organization: s.subscription.Organization, Plan: "standard", Contact: store.Contact{Email: "ada@acme.example"}, By: "test",
		})
		if err != nil {
			s.t.Fatal(err)
		}
		return "/api/v1/orders/" + string(o.ID) + rest
	}
}

// mailed is a mail in the outbox.
func (s *stage) mailed() string {
	s.t.Helper()
	lic, lane, err := s.store.MailLane(s.t.Context(), s.subscription.Organization, "ada@acme.example")
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := (&connector.Mail{To: "ada@acme.example", Subject: "hello", Link: "http://127.0.0.1/link/canary"}).Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := s.in.Send(s.t.Context(), lic, connector.Message{Webhook: lane, Content: connector.Content{Kind: connector.KindMail, Body: body}}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return "/api/v1/mails/" + string(id)
}

// stage is a house with two organizations, and everybody who may come to it.
type stage struct {
	*house
	other store.Subscription
	who   map[string]string // the header Authorization, by name
}

func newStage(t *testing.T) *stage {
	t.Helper()
	h := newHouse(t, api.Options{})
	key, secret, other := h.setup("Other")
	acme := h.subscription.Organization
	s := &stage{house: h, other: other, who: map[string]string{
		"operator": h.token(store.NewToken{}),
		"admin":    h.token(store.NewToken{Organization: acme, Role: connector.RoleAdmin}),
		"member":   h.token(store.NewToken{Organization: acme, Role: connector.RoleMember}),
		"sender":   h.token(store.NewToken{Organization: acme, Role: connector.RoleMember, Scopes: []connector.Right{connector.RightSend}}),
		"viewer":   h.token(store.NewToken{Organization: acme, Role: connector.RoleMember, Scopes: []connector.Right{connector.RightView}}),
		"stranger": h.token(store.NewToken{Organization: other.Organization, Role: connector.RoleAdmin}),
		"person":   h.token(store.NewToken{Person: h.somebody(acme), Name: "mine"}),
		"keys":     basic(h.key, h.secret), "strange keys": basic(key, secret),
	}}
	text, row := s.ticketOf(acme)
	s.who["revoked"] = "Bearer " + text
	if err := h.store.RevokeToken(t.Context(), row, "test"); err != nil {
		t.Fatal(err)
	}
	deleted, secret, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	k, err := h.store.CreateKeys(t.Context(), store.NewKeys{Subscription: h.subscription.ID, Name: "deleted", LicenseKey: deleted, SecretHash: keyring.Hash(secret), By: "test"})
	if err == nil {
		err = h.store.DeleteKeys(t.Context(), h.subscription.ID, k.ID, "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	s.who["deleted keys"] = basic(deleted, secret)
	return s
}

// somebody makes a member.
func (h *house) somebody(of connector.OrganizationID) connector.PersonID {
	h.t.Helper()
	id, _, err := h.store.AddPerson(h.t.Context(), store.NewPerson{Email: string(of) + randomWord(h.t) + "@acme.example", Join: of, Role: connector.RoleMember, Link: keyring.Hash(randomWord(h.t)), LinkLife: time.Hour, By: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func randomWord(t testing.TB) string {
	t.Helper()
	word, err := keyring.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	return word[4:20]
}

func (s *stage) message() string { return s.body("textMessage", "hello") }

// sent is a message of its own.
func sent(rest string) func(*stage) string {
	return func(s *stage) string {
		return "/api/v1/messages/" + s.post(s.message(), "Prefer", "respond-async").MessageID + rest
	}
}

// hook is a webhook of its own.
func hook(rest string) func(*stage) string {
	return func(s *stage) string { return "/api/v1/webhooks/" + string(s.addWebhook(randomWord(s.t)).ID) + rest }
}

// unclear is a message of which nobody knows whether it arrived.
func (s *stage) unclear() string {
	s.engine.set(connector.StateUncertain, "", connector.Forecast{Waiting: 1})
	defer s.engine.set(0, "", connector.Forecast{Waiting: 1})
	return "/api/v1/messages/" + s.post(s.message()).MessageID + "/resolve"
}

// ended is a message that Teams accepted, to be sent again.
func (s *stage) ended() string {
	s.engine.set(connector.StateSent, "", connector.Forecast{Waiting: 1})
	defer s.engine.set(0, "", connector.Forecast{Waiting: 1})
	return "/api/v1/messages/" + s.post(s.message()).MessageID + "/resend"
}

func (s *stage) person() string {
	return org("/members/" + string(s.somebody(s.subscription.Organization)))(s)
}

func (s *stage) directory() string {
	d, err := s.store.CreateDirectory(s.t.Context(), store.NewDirectory{Directory: store.Directory{
		Organization: s.subscription.Organization, Issuer: "https://" + randomWord(s.t) + ".example", Name: "Acme", ClientID: "us",
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return org("/directories/" + string(d.ID))(s)
}

func (s *stage) pair() string {
	key, secret, err := keyring.NewPair()
	if err != nil {
		s.t.Fatal(err)
	}
	k, err := s.store.CreateKeys(s.t.Context(), store.NewKeys{
		Subscription: s.subscription.ID, Name: randomWord(s.t), LicenseKey: key, SecretHash: keyring.Hash(secret), By: "test",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return sub("/keys/" + string(k.ID))(s)
}

func (s *stage) ticketOf(of connector.OrganizationID) (string, store.Token) {
	text, err := keyring.NewToken()
	if err != nil {
		s.t.Fatal(err)
	}
	row, err := s.store.CreateToken(s.t.Context(), store.NewToken{Organization: of, Role: connector.RoleMember, Name: "ticket", Hash: keyring.Hash(text), By: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	return text, row
}

func (s *stage) ticket() string {
	_, row := s.ticketOf(s.subscription.Organization)
	return "/api/v1/tokens/" + string(row.ID)
}

// doomed is an organization to be erased.
func (s *stage) doomed() string {
	o, err := s.store.CreateOrganization(s.t.Context(), "Doomed", "test")
	if err != nil {
		s.t.Fatal(err)
	}
	s.who["doomed admin"] = s.token(store.NewToken{Organization: o.ID, Role: connector.RoleAdmin})
	return "/api/v1/organizations/" + string(o.ID) + "?confirm=Doomed"
}

var publicID = regexp.MustCompile(`(org|sub|per|dir|keys|wh|msg|tok|ord)_[0-9a-z]{26}`)

func TestEveryRouteIsWalkedByEverybody(t *testing.T) {
	s := newStage(t)
	rows := walks()
	if got, want := slices.Sorted(maps.Keys(s.api.Routes())), slices.Sorted(maps.Keys(rows)); !slices.Equal(got, want) {
		for _, key := range got {
			if _, known := rows[key]; !known {
				t.Errorf("%s stands in no row of walks: say who may call it", key)
			}
		}
		for _, key := range want {
			if !slices.Contains(got, key) {
				t.Errorf("%s is walked, and the mux has no such route", key)
			}
		}
	}
	for key, w := range rows {
		if _, known := s.api.Routes()[key]; known {
			t.Run(key, func(t *testing.T) { s.walk(t, key, w) })
		}
	}
}

func (s *stage) walk(t *testing.T, key string, w walk) {
	t.Helper()
	method, path, _ := strings.Cut(key, " ")
	if w.path != nil {
		path = w.path(s)
	}
	body := ""
	if w.body != nil {
		body = w.body(s)
	}
	call := func(as, path string, want int) answer {
		t.Helper()
		a := s.call(method, path, body, "Authorization", as, "Prefer", "respond-async")
		if a.code != want {
			t.Errorf("%s answers %d %s, want %d", path, a.code, a.raw, want)
		}
		return a
	}
	if w.open {
		call("-", path, http.StatusOK)
		return
	}
	schemes := fmt.Sprint(s.described.ops[key].Security)
	stranger, revoked := "stranger", "revoked"
	switch apps := strings.Contains(schemes, "license"); {
	case apps && strings.Contains(schemes, "token") && w.may != "keys": // with both, one after the other
		defer func() { s.walk(t, key, walk{path: fixed(path), body: w.body, foreign: w.foreign, may: "keys"}) }()
	case apps:
		w.may, w.lower, stranger, revoked = "keys", "", "strange keys", "deleted keys"
	}
	call("-", path, http.StatusUnauthorized)
	call(s.who[revoked], path, http.StatusUnauthorized)
	if w.foreign == 0 {
		w.foreign = http.StatusNotFound
	}
	refused := call(s.who[stranger], path, w.foreign)
	switch {
	case w.foreign == http.StatusNotFound:
		s.sameForUnknown(t, method, path, body, stranger, refused)
	case w.foreign == http.StatusOK && publicID.MatchString(refused.raw) && !strings.Contains(refused.raw, string(s.other.Organization)):
		t.Errorf("a stranger reads of Acme: %s", refused.raw)
	}
	if w.lower != "" {
		if a := call(s.who[w.lower], path, http.StatusForbidden); a.Code != string(connector.Forbidden) {
			t.Errorf("%s is refused with %s", w.lower, a.Code)
		}
	}
	if a := s.call(method, path, body, "Authorization", s.who[w.may], "Prefer", "respond-async"); a.code/100 != 2 {
		t.Errorf("%s, who may, gets %d %s", w.may, a.code, a.raw)
	}
}

// sameForUnknown holds that ids which are another's answer as ids that nobody
// has, to the byte; and that a thing of Acme's is not reached below the stranger's own.
func (s *stage) sameForUnknown(t *testing.T, method, path, body, stranger string, refused answer) {
	t.Helper()
	unknown := func(text string) string {
		return publicID.ReplaceAllStringFunc(text, func(id string) string {
			prefix, _, _ := strings.Cut(id, "_")
			return prefix + "_" + "7zzzzzzzzzzzzzzzzzzzzzzzzz"
		})
	}
	plain := func(a answer) string {
		text := strings.ReplaceAll(a.raw, a.RequestID, "")
		return publicID.ReplaceAllString(text, "ID")
	}
	nobodys := s.call(method, unknown(path), unknown(body), "Authorization", s.who[stranger])
	if nobodys.code != http.StatusNotFound || plain(nobodys) != plain(refused) {
		t.Errorf("another's id and nobody's id differ:\n%s\n%s", refused.raw, nobodys.raw)
	}
	own := strings.NewReplacer(string(s.subscription.Organization), string(s.other.Organization), string(s.subscription.ID), string(s.other.ID)).Replace(path)
	if ids := publicID.FindAllString(path, -1); own != path && len(ids) > 1 {
		if below := s.call(method, own, body, "Authorization", s.who[stranger]); below.code != http.StatusNotFound {
			t.Errorf("%s below the stranger's own answers %d %s", own, below.code, below.raw)
		}
	}
}
