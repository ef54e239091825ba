package admin

import (
	"context"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Organization is a company, with the link of its first admin where that was asked for.
type Organization struct {
	OrganizationRow
	// AdminLink is the secret of a link by which the admin chooses a password; empty: none was asked for.
	AdminLink connector.Secret
}

// OrganizationRequest asks for an organization.
type OrganizationRequest struct {
	Name       string
	AdminEmail string // of its first admin; empty: none yet
}

// CreateOrganization makes an organization, and its first admin.
func (a *Admin) CreateOrganization(ctx context.Context, who connector.Actor, r OrganizationRequest) (Organization, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Organization{}, connector.Refused(connector.RightOperate)
	}
	if err := connector.CheckName("/name", r.Name); err != nil {
		return Organization{}, err
	}
	if r.AdminEmail != "" {
		if err := connector.CheckEmail("/adminEmail", r.AdminEmail); err != nil {
			return Organization{}, err
		}
	}
	made, err := a.store.CreateOrganization(ctx, r.Name, who.Name)
	if err != nil || r.AdminEmail == "" {
		return Organization{OrganizationRow: made}, err
	}
	_, link, err := a.invite(ctx, who, PersonRequest{Email: r.AdminEmail, Organization: made.ID, Role: connector.RoleAdmin})
	return Organization{OrganizationRow: made, AdminLink: link}, err
}

// Organizations lists organizations: for an operator all, else those one is a member of.
func (a *Admin) Organizations(ctx context.Context, who connector.Actor, page connector.Page) (connector.List[store.Organization], error) {
	if who.May(connector.RightOperate, "", "") {
		return a.store.Organizations(ctx, "", page)
	}
	if who.Person != "" {
		return a.store.Organizations(ctx, who.Person, page)
	}
	var list connector.List[store.Organization]
	for id := range who.Roles { // an organization's token: there is one
		org, err := a.store.Organization(ctx, id)
		if err != nil {
			return list, err
		}
		if string(id) > page.After {
			list.Items = append(list.Items, org)
		}
	}
	return list, nil
}

// Organization returns one organization.
func (a *Admin) Organization(ctx context.Context, who connector.Actor, id connector.OrganizationID) (store.Organization, error) {
	return a.onOrganization(ctx, who, connector.RightView, id)
}

// ChooseOrganization finds the organization that a person means, by its name
// (whatever its case) or its id.
func (a *Admin) ChooseOrganization(ctx context.Context, who connector.Actor, called string) (found store.Organization, err error) {
	if connector.ValidID(connector.OrganizationPrefix, called) {
		return a.Organization(ctx, who, connector.OrganizationID(called))
	}
	page := connector.Page{Limit: 200}
	for {
		list, err := a.Organizations(ctx, who, page)
		if err != nil {
			return found, err
		}
		for _, org := range list.Items {
			switch {
			case !strings.EqualFold(org.Name, called):
			case found.ID != "":
				return found, connector.Errorf(connector.InvalidField, "Several organizations are named %q. Give the id of one: %s or %s.", called, found.ID, org.ID)
			default:
				found = org
			}
		}
		if page.After = list.Next; page.After == "" {
			break
		}
	}
	if found.ID == "" {
		return found, connector.Errorf(connector.NotFound, "There is no organization %q.", called)
	}
	return found, nil
}

// OrganizationChange is what is to stand in an organization; nil: as it is.
type OrganizationChange struct {
	Organization connector.OrganizationID
	Version      int64 // must stand; 0: any
	Name         *string
	Suspended    *bool
}

// ChangeOrganization renames an organization, suspends it, or lets it send again.
func (a *Admin) ChangeOrganization(ctx context.Context, who connector.Actor, r OrganizationChange) (store.Organization, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightOperate, r.Organization); err != nil {
		return store.Organization{}, err
	}
	if r.Name != nil {
		if err := connector.CheckName("/name", *r.Name); err != nil {
			return store.Organization{}, err
		}
	}
	return a.store.ChangeOrganization(ctx, store.OrganizationChange{
		Organization: r.Organization, Version: r.Version, Name: r.Name, Suspended: r.Suspended, By: who.Name,
	})
}

// EraseOrganization ends an organization for good: keys, tokens, members,
// webhooks, texts. Its name must be repeated, because nothing brings it back.
func (a *Admin) EraseOrganization(ctx context.Context, who connector.Actor, id connector.OrganizationID, name string) error {
	org, err := a.onOrganization(ctx, who, connector.RightOperate, id)
	if err != nil {
		return err
	}
	if name != org.Name {
		return connector.Invalid("/confirm", "Erasing can't be undone. Repeat the organization's name as confirm to go on.")
	}
	return a.store.Erase(ctx, id, who.Name)
}

// AuditRequest chooses entries of the audit log; what is empty chooses all.
type AuditRequest = store.AuditFilter

// Audit lists changes, the newest first: an organization's for its admins, all for operators.
func (a *Admin) Audit(ctx context.Context, who connector.Actor, r AuditRequest, page connector.Page) (connector.List[store.AuditEntry], error) {
	if err := a.mayAudit(ctx, who, r.Organization); err != nil {
		return connector.List[store.AuditEntry]{}, err
	}
	return a.store.Audit(ctx, r, page)
}

// WholeAudit gives all entries that Audit lists, the newest first. It stops at the first error of give.
func (a *Admin) WholeAudit(ctx context.Context, who connector.Actor, r AuditRequest, give func(*AuditEntry) error) error {
	if err := a.mayAudit(ctx, who, r.Organization); err != nil {
		return err
	}
	return pages(func(page connector.Page) (connector.List[store.AuditEntry], error) {
		return a.store.Audit(ctx, r, page)
	}, give)
}

func (a *Admin) mayAudit(ctx context.Context, who connector.Actor, of connector.OrganizationID) error {
	if of != "" {
		_, err := a.onOrganization(ctx, who, connector.RightManage, of)
		return err
	}
	if !who.May(connector.RightOperate, "", "") {
		return connector.Refused(connector.RightOperate)
	}
	return nil
}

// invite makes a person, or finds them, with a link to choose a password by. It
// is the one place from where an invitation could go out as an e-mail; until
// then whoever asked copies the link.
func (a *Admin) invite(ctx context.Context, who connector.Actor, r PersonRequest) (connector.PersonID, connector.Secret, error) {
	link, err := keyring.NewToken()
	if err != nil {
		return "", connector.Secret{}, err
	}
	operator := who.May(connector.RightOperate, "", "")
	id, linked, err := a.store.AddPerson(ctx, store.NewPerson{
		Email: r.Email, Name: r.Name, Operator: r.Operator, Join: r.Organization, Role: r.Role,
		Link: keyring.Hash(link), LinkLife: LinkLife, By: who.Name, Again: r.Again,
		LinkAnyway: operator, KnownOnly: a.closed && !operator,
	})
	if !linked {
		return id, connector.Secret{}, err
	}
	return id, connector.NewSecret(link), err
}
