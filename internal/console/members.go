package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// maxListed is how many members or tokens a page shows.
const maxListed = 200

// membersView is what the page of an organization's people shows.
type membersView struct {
	all     []admin.OrganizationRow // that the person may see
	org     admin.OrganizationRow
	members []admin.Member
	tokens  []admin.TokenRow
	// directories are where the organization's people come from, for who manages.
	directories []admin.Directory
	// mayManage: the person lets others in, and makes tokens.
	mayManage bool
	// mayOperate: the person runs the installation.
	mayOperate bool
	dialog     string // which is open: invite, token, remove, revoke, directory, unbind
	member     *admin.Member
	ends       admin.MemberEnds // when the member is removed
	token      *admin.TokenRow
	directory  *admin.Directory // nil in the dialog directory: a new one
	form       form
	// link is where somebody chooses a password, and text that of a new token: shown once.
	link, text, about string
	reset             bool // the link is for a new password
}

func (m *membersView) path() string { return "/members?organization=" + string(m.org.ID) }

func (c *Console) members(v *visit) error {
	m, err := c.membersOf(v, connector.OrganizationID(v.r.URL.Query().Get("organization")))
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	m.dialog = q.Get("dialog")
	m.member = picked(m.members, q.Get("member"), func(p admin.Member) string { return string(p.ID) })
	m.token = picked(m.tokens, q.Get("token"), func(t admin.TokenRow) string { return string(t.ID) })
	m.directory = picked(m.directories, q.Get("directory"), func(d admin.Directory) string { return string(d.ID) })
	switch {
	case m.dialog == "remove" && m.member != nil:
		if m.ends, err = c.desk.MemberEnds(v.r.Context(), v.session.Actor, m.org.ID, m.member.ID); err != nil {
			return err
		}
	case m.dialog == "directory" && m.directory != nil:
		m.form = directoryTyped(*m.directory)
	}
	return v.members(http.StatusOK, m)
}

// picked is the one of a list with an id; nil: it is not there (any more).
func picked[T any](all []T, id string, idOf func(T) string) *T {
	for i := range all {
		if idOf(all[i]) == id {
			return &all[i]
		}
	}
	return nil
}

func (v *visit) members(status int, m membersView) error {
	return v.show(status, page{title: "Members", tab: "members"}, membersPage(v, m))
}

// membersOf gathers what the page shows of an organization; without one, of the first that the person belongs to.
func (c *Console) membersOf(v *visit, id connector.OrganizationID) (m membersView, err error) {
	ctx, who := v.r.Context(), v.session.Actor
	m.form = v.typed("email", "name", "role", "expires", "again")
	page := connector.Page{Limit: maxListed}
	mine, err := c.desk.Organizations(ctx, who, page)
	if err != nil {
		return m, err
	}
	m.all = mine.Items
	if id == "" && len(m.all) > 0 {
		id = m.all[0].ID
		if own := slices.Sorted(maps.Keys(who.Roles)); len(own) > 0 {
			id = own[0]
		}
	}
	if id == "" {
		return m, nil
	}
	if m.org, err = c.desk.Organization(ctx, who, id); err != nil {
		return m, err
	}
	list, err := c.desk.Members(ctx, who, id, page)
	if err != nil {
		return m, err
	}
	m.members = list.Items
	if m.mayManage = who.May(connector.RightManage, id, ""); !m.mayManage {
		return m, nil
	}
	m.mayOperate = who.May(connector.RightOperate, "", "")
	if m.directories, err = c.desk.Directories(ctx, who, id); err != nil {
		return m, err
	}
	tokens, err := c.desk.Tokens(ctx, who, admin.TokenOwner{Organization: id}, page)
	m.tokens = tokens.Items
	return m, err
}

func (c *Console) addMember(v *visit) error {
	id := connector.OrganizationID(v.r.PathValue("id"))
	role, _ := connector.ParseRole(v.field("role"))
	made, failed := c.desk.AddPerson(v.r.Context(), v.session.Actor, admin.PersonRequest{
		Email: v.field("email"), Name: v.field("name"), Organization: id, Role: role, Again: v.field("again") != "",
	})
	m, err := c.membersOf(v, id)
	if err != nil {
		return err
	}
	if failed != nil {
		return v.membersFailed(m, "invite", beside("/email", failed, connector.Conflict, connector.Forbidden))
	}
	if made.Link.Empty() {
		return v.done(m.path(), made.Email+" is a member now, and signs in as ever.")
	}
	m.link, m.about = v.absolute("/link/"+made.Link.Reveal()), made.Email
	return v.members(http.StatusOK, m)
}

// membersFailed shows the dialog again, with the error beside its field.
func (v *visit) membersFailed(m membersView, dialog string, failed error) error {
	if err := m.form.take(failed); err != nil {
		return err
	}
	m.dialog = dialog
	return v.members(http.StatusUnprocessableEntity, m)
}

func (c *Console) changeRole(v *visit) error {
	id := connector.OrganizationID(v.r.PathValue("id"))
	role, ok := connector.ParseRole(v.field("role"))
	if !ok {
		return connector.Invalid("/role", "The role is member or admin.")
	}
	m, err := c.desk.ChangeMember(v.r.Context(), v.session.Actor, admin.MemberChange{
		Organization: id, Person: connector.PersonID(v.r.PathValue("person")), Role: role,
	})
	if err != nil {
		return err
	}
	return v.done("/members?organization="+url.QueryEscape(string(id)), m.Email+" is "+m.Role.String()+" now.")
}

func (c *Console) resetMember(v *visit) error {
	id := connector.OrganizationID(v.r.PathValue("id"))
	made, err := c.desk.ResetPassword(v.r.Context(), v.session.Actor, id, connector.PersonID(v.r.PathValue("person")))
	if err != nil {
		return err
	}
	m, err := c.membersOf(v, id)
	if err != nil {
		return err
	}
	m.link, m.about, m.reset = v.absolute("/link/"+made.Link.Reveal()), made.Email, true
	return v.members(http.StatusOK, m)
}

func (c *Console) removeMember(v *visit) error {
	id, person := connector.OrganizationID(v.r.PathValue("id")), connector.PersonID(v.r.PathValue("person"))
	if err := c.desk.RemoveMember(v.r.Context(), v.session.Actor, id, person); err != nil {
		return err
	}
	if person == v.session.Person {
		return v.done("/console", "You left. You see nothing of this organization any more.")
	}
	return v.done("/members?organization="+url.QueryEscape(string(id)), "Removed. They see nothing of this organization any more.")
}

// lives are the ends that a token may have, in the order of the form.
var lives = [...]struct {
	word, label string
	life        time.Duration
}{
	{"90", "90 days", 90 * 24 * time.Hour}, {"365", "one year", 365 * 24 * time.Hour}, {"0", "no end", 0},
}

func (c *Console) createToken(v *visit) error {
	id := connector.OrganizationID(v.r.PathValue("id"))
	role, _ := connector.ParseRole(v.field("role"))
	r := admin.TokenRequest{Name: v.field("name"), Organization: id, Role: role}
	for _, l := range lives {
		if l.word == v.field("expires") {
			r.Life = l.life
		}
	}
	made, failed := c.desk.CreateToken(v.r.Context(), v.session.Actor, r)
	m, err := c.membersOf(v, id)
	if err != nil {
		return err
	}
	if failed != nil {
		return v.membersFailed(m, "token", failed)
	}
	m.text, m.about = made.Text.Reveal(), made.Name
	return v.members(http.StatusOK, m)
}

func (c *Console) revokeToken(v *visit) error {
	if err := c.desk.RevokeToken(v.r.Context(), v.session.Actor, connector.TokenID(v.r.PathValue("token"))); err != nil {
		return err
	}
	return v.done("/members?organization="+url.QueryEscape(v.r.PathValue("id")), "The token is refused from now on.")
}

// absolute is a path of this console as somebody else reaches it.
func (v *visit) absolute(path string) string {
	if v.origin != "" {
		return v.origin + path
	}
	scheme := "http://"
	if v.r.TLS != nil {
		scheme = "https://"
	}
	return scheme + v.r.Host + path
}
