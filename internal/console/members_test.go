package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

var (
	linkOnPage = regexp.MustCompile(`/link/tct_[0-9a-z]+`)
	organizing = regexp.MustCompile(`/organizations/(org_[0-9a-z]+)/members`)
)

// settle makes the first person, in the browser that is signed in, and says their organization's path.
func (p *place) settle() (mira *browser, at string) {
	p.t.Helper()
	mira = p.browser()
	mira.post("/setup/"+p.setup, founder())
	page := mira.get("/members?dialog=invite").body
	found := organizing.FindStringSubmatch(page)
	if found == nil {
		p.t.Fatalf("the page of members has no form to invite by: %s", page)
	}
	return mira, "/organizations/" + found[1]
}

// invited lets somebody in and returns their id and the path of their link.
func (b *browser) invited(at, email string) (id connector.PersonID, link string) {
	b.t.Helper()
	page := b.post(at+"/members", url.Values{"email": {email}, "role": {"member"}})
	if link = linkOnPage.FindString(page.body); link == "" {
		b.t.Fatalf("inviting %s: %d %s", email, page.status, page.body)
	}
	known, err := b.store.PersonByEmail(b.t.Context(), email)
	must(b.t, err)
	return known.ID, link
}

func TestALinkLetsInOnceAndThenSaysWhatBecameOfIt(t *testing.T) {
	p := open(t, console.Options{})
	mira, at := p.settle()
	id, link := mira.invited(at, "jan@contoso.example")
	jan := p.browser()
	chosen := url.Values{"name": {"Jan"}, "password": {goodPassword}}

	if got := jan.post(link, chosen); got.status != http.StatusSeeOther || !jan.signedIn() {
		t.Fatalf("the link of the invitation: %d %s", got.status, got.body)
	}
	renewed := mira.post(at+"/members/"+string(id)+"/reset", url.Values{})
	reset := linkOnPage.FindString(renewed.body)
	if reset == "" || !jan.signedIn() {
		t.Fatalf("a link for a new password: %d, jan signed in %t", renewed.status, jan.signedIn())
	}
	p.browser().post(reset, url.Values{"password": {"another horse battery"}})
	if jan.signedIn() {
		t.Error("after the new password the old session goes on")
	}
	old, err := keyring.NewToken()
	must(t, err)
	_, _, err = p.store.AddPerson(t.Context(), store.NewPerson{Email: "kim@contoso.example", Link: keyring.Hash(old), LinkLife: -time.Hour, By: "test"})
	must(t, err)
	gone := mira.secondLink(at, "lea@contoso.example")
	for path, says := range map[string]string{
		link: "was used", reset: "was used", "/link/" + old: "was valid until", gone: "was ended", "/link/tct_x": "no such link",
	} {
		for _, got := range []answer{p.browser().get(path), p.browser().post(path, chosen), p.browser().get(path + "/oidc")} {
			if got.status != http.StatusNotFound || !strings.Contains(got.body, says) {
				t.Errorf("%.12s answers %d, want 404 and %q: %s", path, got.status, says, between(got.body, "<main", "</main>"))
			}
		}
	}
}

// secondLink is the link of somebody whose access was ended.
func (b *browser) secondLink(at, email string) string {
	b.t.Helper()
	id, link := b.invited(at, email)
	must(b.t, b.store.DisablePerson(b.t.Context(), id, "test"))
	return link
}

func TestInvitingAgainSaysBesideTheAddressThatAccessWasEnded(t *testing.T) {
	p := open(t, console.Options{})
	mira, at := p.settle()
	mira.secondLink(at, "jan@contoso.example")
	typed := url.Values{"email": {"jan@contoso.example"}, "role": {"member"}}

	refused := mira.post(at+"/members", typed)

	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(between(refused.body, `id="email-err"`, "</p>"), "was ended") || linkOnPage.MatchString(refused.body) {
		t.Errorf("answers %d: %s", refused.status, refused.body)
	}
	typed.Set("again", "1")
	if let := mira.post(at+"/members", typed); let.status != http.StatusOK || !linkOnPage.MatchString(let.body) {
		t.Errorf("the operator lets them in again: %d", let.status)
	}
}

func TestRemovingAMemberListsWhatEndsAndTheLastAdminStays(t *testing.T) {
	p := open(t, console.Options{})
	mira, at := p.settle()
	id, _ := mira.invited(at, "jan@contoso.example")
	known, err := p.store.PersonByEmail(t.Context(), "mira@contoso.example")
	must(t, err)
	text, err := keyring.NewToken()
	must(t, err)
	_, err = p.store.CreateToken(t.Context(), store.NewToken{Hash: keyring.Hash(text), Name: "Jan's laptop", Person: id, By: "test"})
	must(t, err)
	page := "/members?organization=" + strings.TrimPrefix(at, "/organizations/") + "&dialog=remove&member="

	asked := mira.get(page + string(id)).body

	if !strings.Contains(asked, "Jan&#39;s laptop") || !strings.Contains(asked, "Yes, remove") || !strings.Contains(mira.get(page+string(known.ID)).body, "Yes, leave") {
		t.Errorf("the question is %s", between(asked, "<dialog", "</dialog>"))
	}
	if got := mira.post(at+"/members/"+string(known.ID)+"/remove", url.Values{}); got.status != http.StatusConflict || !strings.Contains(got.body, "last admin") {
		t.Errorf("the last admin leaves: %d", got.status)
	}
	if got := mira.post(at+"/members/"+string(id)+"/remove", url.Values{}); got.status != http.StatusSeeOther {
		t.Errorf("removing: %d %s", got.status, got.body)
	}
	if strings.Contains(mira.get("/members").body, "jan@contoso") {
		t.Error("jan is a member still")
	}
}

func TestTheOperatorBindsAProviderOnThePageOfMembers(t *testing.T) {
	p := open(t, console.Options{PublicURL: here})
	mira, at := p.settle()
	const tenant = "8f2c1d3e-1111-2222-3333-444455556666"
	typed := url.Values{"from": {"contoso"}, "adminGroups": {"Admin\r\n\r\nOwners"}, "clientId": {""}, "clientSecret": {""}}

	wrong := mira.post(at+"/directories", typed)
	typed.Set("from", tenant)
	made := mira.post(at+"/directories", typed)
	twice := mira.post(at+"/directories", typed)
	page := mira.get("/members").body

	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="from-err"`) || !strings.Contains(wrong.body, "Owners</textarea>") {
		t.Errorf("a wrong tenant: %d %s", wrong.status, between(wrong.body, "<dialog", "</dialog>"))
	}
	if made.status != http.StatusSeeOther || twice.status != http.StatusUnprocessableEntity {
		t.Errorf("saving: %d, the same again: %d", made.status, twice.status)
	}
	if !strings.Contains(page, tenant) || !strings.Contains(page, "Admin, Owners") || !strings.Contains(page, here+"/signin/oidc/callback") {
		t.Errorf("the page is %s", between(page, "<main", "</main>"))
	}
	all, err := p.store.Directories(t.Context(), connector.OrganizationID(strings.TrimPrefix(at, "/organizations/")))
	must(t, err)
	one := at + "/directories/" + string(all[0].ID)
	mira.post(one+"/edit", url.Values{"name": {"Contoso staff"}, "clientId": {"us"}, "clientSecret": {"canary"}})
	if page = mira.get("/members?dialog=directory&directory=" + string(all[0].ID)).body; !strings.Contains(page, `value="Contoso staff"`) || strings.Contains(page, "canary") {
		t.Errorf("changed: %s", between(page, "<dialog", "</dialog>"))
	}
	_, link := mira.invited(at, "jan@contoso.example")
	jan := p.browser()
	jan.post(link, url.Values{"password": {goodPassword}})
	if got := jan.post(one+"/delete", url.Values{}); got.status != http.StatusForbidden {
		t.Errorf("a member removes it: %d", got.status)
	}
	if got := mira.post(one+"/delete", url.Values{}); got.status != http.StatusSeeOther || strings.Contains(mira.get("/members").body, "Contoso staff") {
		t.Errorf("removing it: %d", got.status)
	}
}

func TestAnAccountIsMadeByItsOwnerOnlyWhereSignupIsOpen(t *testing.T) {
	closed := open(t, console.Options{})
	p := openBy(t, func(who *auth.Auth) console.Options {
		return console.Options{SignOn: auth.NewSignOn(who, auth.SignOnOptions{Signup: store.SignupOpen, PublicURL: here})}
	})
	p.browser().post("/setup/"+p.setup, founder())
	eve := p.browser()
	typed := url.Values{"name": {"Eve"}, "email": {"eve@fabrikam.example"}, "password": {goodPassword}}

	if got := closed.browser().post("/signup", typed); got.status != http.StatusNotFound {
		t.Errorf("where it is not open: %d", got.status)
	}
	short := eve.post("/signup", url.Values{"name": {"Eve"}, "email": {"eve@fabrikam.example"}, "password": {"short"}})
	if short.status != http.StatusUnprocessableEntity || !strings.Contains(short.body, `value="eve@fabrikam.example"`) {
		t.Errorf("a short password: %d", short.status)
	}
	if got := eve.post("/signup", typed); got.status != http.StatusSeeOther || !eve.signedIn() {
		t.Fatalf("making an account: %d %s", got.status, got.body)
	}
	if page := eve.get("/members").body; strings.Contains(page, "Contoso") {
		t.Error("somebody new sees an organization")
	}
	typed.Set("email", "Mira@contoso.example")
	if got := p.browser().post("/signup", typed); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "account with this address already") {
		t.Errorf("a taken address: %d", got.status)
	}
	for i := range 12 {
		typed.Set("email", "eve"+string(rune('a'+i))+"@fabrikam.example")
		if got := p.browser().post("/signup", typed); got.status == http.StatusUnprocessableEntity && strings.Contains(got.body, "Many accounts") {
			return
		}
	}
	t.Error("one address makes any number of accounts")
}

func TestEverywhereElseIsSignedOutAtOnce(t *testing.T) {
	p := open(t, console.Options{})
	mira, other := p.browser(), p.browser()
	mira.post("/setup/"+p.setup, founder())
	other.post("/signin", url.Values{"email": {"mira@contoso.example"}, "password": {goodPassword}})

	mira.post("/account/sessions/others/end", url.Values{})

	if other.signedIn() || !mira.signedIn() {
		t.Errorf("signed in: elsewhere %t, here %t", other.signedIn(), mira.signedIn())
	}
}
