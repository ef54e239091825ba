package admin

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Directory is where the people of an organization come from.
type Directory = store.Directory

// DirectoryRequest asks for a directory, or for a change of one; nil: as it is, or the default.
type DirectoryRequest struct {
	// Tenant is an Entra tenant's id; Issuer any issuer's URL. One of them makes a directory, and neither changes.
	Tenant, Issuer *string
	Name           *string // as people read it when they sign in
	ClientID       *string
	ClientSecret   *connector.Secret
	AdminGroups    *[]string
	MemberGroups   *[]string
}

// Directories lists those of an organization, for its admins.
func (a *Admin) Directories(ctx context.Context, who connector.Actor, of connector.OrganizationID) ([]Directory, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightManage, of); err != nil {
		return nil, err
	}
	return a.store.Directories(ctx, of)
}

// Directory returns one of an organization, for its admins.
func (a *Admin) Directory(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.DirectoryID) (Directory, error) {
	return a.onDirectory(ctx, who, connector.RightManage, DirectoryChange{Organization: of, Directory: id})
}

// onDirectory looks a directory of an organization up for somebody who wants to do something with it.
func (a *Admin) onDirectory(ctx context.Context, who connector.Actor, do connector.Right, at DirectoryChange) (Directory, error) {
	d, err := a.store.Directory(ctx, at.Directory)
	if err == nil && (d.Organization != at.Organization || !who.Sees(d.Organization, "")) {
		err = connector.NoSuch("directory", string(at.Directory))
	}
	if err == nil && !who.May(do, d.Organization, "") {
		err = connector.Refused(do)
	}
	if err != nil {
		return Directory{}, err
	}
	return d, nil
}

// CreateDirectory binds an organization to an issuer: its people come by it from then on.
func (a *Admin) CreateDirectory(ctx context.Context, who connector.Actor, of connector.OrganizationID, r DirectoryRequest) (Directory, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightOperate, of); err != nil {
		return Directory{}, err
	}
	n := store.NewDirectory{By: who.Name, Directory: Directory{Organization: of, Name: "Sign in with Microsoft"}}
	var err error
	if n.Issuer, err = a.issuer(r); err != nil {
		return Directory{}, err
	}
	if r.ClientSecret != nil {
		n.Secret = *r.ClientSecret
	}
	if err := r.into(&n.Directory); err != nil {
		return Directory{}, err
	}
	return a.store.CreateDirectory(ctx, n)
}

var tenantForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// issuer is the URL that tokens of the directory's people name.
func (a *Admin) issuer(r DirectoryRequest) (string, error) {
	switch {
	case (r.Tenant == nil) == (r.Issuer == nil):
		return "", connector.Invalid("/tenantId", "Give either the tenant id of an Entra directory, or the issuer of any other provider.")
	case r.Tenant != nil:
		tenant := strings.ToLower(strings.TrimSpace(*r.Tenant))
		if !tenantForm.MatchString(tenant) {
			return "", connector.Invalid("/tenantId", "A tenant id looks like 8f2c1d3e-0000-0000-0000-000000000000; the Entra admin center shows it on its overview.")
		}
		return "https://login.microsoftonline.com/" + tenant + "/v2.0", nil
	}
	u, err := url.Parse(*r.Issuer)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && !slices.Contains(a.trusted, u.Scheme+"://"+u.Host) {
		return "", connector.Invalid("/issuer", "An issuer is an https URL without a query, such as https://id.contoso.com; its page /.well-known/openid-configuration names it. One that is not https or not public must stand in trust-target.")
	}
	for _, shared := range []string{"/common/", "/organizations/", "/consumers/"} {
		if strings.Contains(*r.Issuer, shared) {
			return "", connector.Invalid("/issuer", "This is an address that all Entra tenants share. Give the tenant's id instead.")
		}
	}
	return *r.Issuer, nil
}

// ChangeDirectory changes what is given; the issuer stays.
func (a *Admin) ChangeDirectory(ctx context.Context, who connector.Actor, c DirectoryChange, r DirectoryRequest) (Directory, error) {
	if _, err := a.onDirectory(ctx, who, connector.RightOperate, c); err != nil {
		return Directory{}, err
	}
	c.By, c.Secret, c.Edit = who.Name, r.ClientSecret, r.into
	return a.store.ChangeDirectory(ctx, c)
}

// DirectoryChange says which directory is changed.
type DirectoryChange = store.DirectoryChange

// DeleteDirectory ends that people come by a directory. Accounts and members stay.
func (a *Admin) DeleteDirectory(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.DirectoryID) error {
	if _, err := a.onDirectory(ctx, who, connector.RightOperate, DirectoryChange{Organization: of, Directory: id}); err != nil {
		return err
	}
	return a.store.DeleteDirectory(ctx, of, id, who.Name)
}

const (
	maxGroups     = 50
	maxGroupBytes = 256
)

// into applies what is given.
func (r *DirectoryRequest) into(d *Directory) error {
	if r.Name != nil {
		if err := connector.CheckName("/name", *r.Name); err != nil {
			return err
		}
		d.Name = *r.Name
	}
	if r.ClientID != nil {
		if len(*r.ClientID) > maxGroupBytes || strings.ContainsAny(*r.ClientID, "\x00\r\n") {
			return connector.Invalid("/clientId", "The client id has at most %d bytes in one line.", maxGroupBytes)
		}
		d.ClientID = *r.ClientID
	}
	if r.ClientSecret != nil && !r.ClientSecret.Empty() && d.ClientID == "" {
		return connector.Invalid("/clientId", "A client secret needs the client id that it belongs to.")
	}
	for pointer, of := range map[string]struct {
		given *[]string
		into  *[]string
	}{"/adminGroups": {r.AdminGroups, &d.AdminGroups}, "/memberGroups": {r.MemberGroups, &d.MemberGroups}} {
		if of.given == nil {
			continue
		}
		if err := checkGroups(pointer, *of.given); err != nil {
			return err
		}
		*of.into = *of.given
	}
	return nil
}

func checkGroups(pointer string, groups []string) error {
	if len(groups) > maxGroups {
		return connector.Invalid(pointer, "There are %d groups; the limit is %d.", len(groups), maxGroups)
	}
	for _, group := range groups {
		if group == "" || len(group) > maxGroupBytes || strings.ContainsAny(group, "\x00\r\n") {
			return connector.Invalid(pointer, "A group or role has 1 to %d bytes in one line.", maxGroupBytes)
		}
	}
	return nil
}
