package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// directoryTyped is the form of a directory as it stands.
func directoryTyped(d admin.Directory) form {
	return form{values: map[string]string{
		"name": d.Name, "clientId": d.ClientID,
		"adminGroups": strings.Join(d.AdminGroups, "\n"), "memberGroups": strings.Join(d.MemberGroups, "\n"),
	}}
}

// directoryRequest is what was typed into the form of a directory. An empty
// secret of one that stands leaves its secret as it is.
func (v *visit) directoryRequest() (r admin.DirectoryRequest) {
	text := func(name string) *string { typed := strings.TrimSpace(v.field(name)); return &typed }
	groups := func(name string) *[]string {
		lines := slices.DeleteFunc(strings.Split(strings.ReplaceAll(v.field(name), "\r", ""), "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
		return &lines
	}
	r = admin.DirectoryRequest{ClientID: text("clientId"), AdminGroups: groups("adminGroups"), MemberGroups: groups("memberGroups")}
	if name := text("name"); *name != "" {
		r.Name = name
	}
	if typed := v.field("clientSecret"); typed != "" {
		secret := connector.NewSecret(typed)
		r.ClientSecret = &secret
	}
	switch from := text("from"); {
	case *from == "":
	case strings.Contains(*from, "/"):
		r.Issuer = from
	default:
		r.Tenant = from
	}
	return r
}

// bindDirectory makes a directory, or changes one.
func (c *Console) bindDirectory(v *visit) error {
	ctx, who, of := v.r.Context(), v.session.Actor, connector.OrganizationID(v.r.PathValue("id"))
	change := admin.DirectoryChange{Organization: of, Directory: connector.DirectoryID(v.r.PathValue("directory"))}
	var failed error
	if change.Directory == "" {
		_, failed = c.desk.CreateDirectory(ctx, who, of, v.directoryRequest())
	} else {
		_, failed = c.desk.ChangeDirectory(ctx, who, change, v.directoryRequest())
	}
	back := "/members?organization=" + url.QueryEscape(string(of))
	if failed == nil {
		return v.done(back, "Saved. It holds from the next sign-in on.")
	}
	m, err := c.membersOf(v, of)
	if err != nil {
		return err
	}
	m.directory = picked(m.directories, string(change.Directory), func(d admin.Directory) string { return string(d.ID) })
	m.form = v.typed("from", "name", "clientId", "adminGroups", "memberGroups")
	if err := m.form.take(beside("/from", failed, connector.Conflict)); err != nil {
		return err
	}
	for _, name := range []string{"tenantId", "issuer"} { // one field of this form
		if said := m.form.errs[name]; said != "" {
			m.form.errs["from"] = said
		}
	}
	m.dialog = "directory"
	return v.members(http.StatusUnprocessableEntity, m)
}

func (c *Console) unbindDirectory(v *visit) error {
	of := connector.OrganizationID(v.r.PathValue("id"))
	if err := c.desk.DeleteDirectory(v.r.Context(), v.session.Actor, of, connector.DirectoryID(v.r.PathValue("directory"))); err != nil {
		return err
	}
	return v.done("/members?organization="+url.QueryEscape(string(of)), "Nobody comes by it any more. Accounts and members stay.")
}

// redirectURI is what to register at the issuer of a directory.
func (v *visit) redirectURI(d admin.Directory) string {
	own := connector.DirectoryID("")
	if d.ClientID != "" {
		own = d.ID
	}
	return auth.Callback(auth.SignOnOptions{PublicURL: v.absolute("")}, own)
}
