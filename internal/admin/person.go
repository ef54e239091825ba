package admin

import (
	"cmp"
	"context"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// LinkLife is how long a link to choose a password by is valid.
const LinkLife = 7 * 24 * time.Hour

// PersonRequest asks for a person: a new one, or one who is known by their
// address and gets a new link.
type PersonRequest struct {
	Email, Name  string
	Operator     bool
	Organization connector.OrganizationID // to be a member of; empty: none
	Role         connector.Role           // in it; zero: member
	// Again: also whose access was ended, with nothing of what they had; for operators.
	Again bool
}

// Invited is a person with the secret of a link by which they choose a password,
// once. Link is empty where they have an account that is not only this
// organization's: they sign in as ever, and nobody else gets into it.
type Invited struct {
	Member // without a role where no organization was named

	Link connector.Secret
}

// AddPerson makes a person, or finds them by their address, as a member of an
// organization where one is named.
func (a *Admin) AddPerson(ctx context.Context, who connector.Actor, r PersonRequest) (Invited, error) {
	if err := connector.CheckEmail("/email", r.Email); err != nil {
		return Invited{}, err
	}
	if r.Name != "" {
		if err := connector.CheckName("/name", r.Name); err != nil {
			return Invited{}, err
		}
	}
	if r.Operator || r.Again || r.Organization == "" {
		if !who.May(connector.RightOperate, "", "") {
			return Invited{}, connector.Refused(connector.RightOperate)
		}
	}
	if r.Organization != "" {
		if _, err := a.onOrganization(ctx, who, connector.RightManage, r.Organization); err != nil {
			return Invited{}, err
		}
		r.Role = cmp.Or(r.Role, connector.RoleMember)
	}
	id, link, err := a.invite(ctx, who, r)
	if err != nil {
		return Invited{}, err
	}
	if r.Organization == "" {
		known, err := a.store.PersonByEmail(ctx, r.Email)
		return Invited{Member: known, Link: link}, err
	}
	joined, err := a.store.Member(ctx, r.Organization, id)
	return Invited{Member: joined, Link: link}, err
}

// Members lists the members of an organization, for its members.
func (a *Admin) Members(ctx context.Context, who connector.Actor, of connector.OrganizationID, page connector.Page) (connector.List[store.Member], error) {
	if _, err := a.onOrganization(ctx, who, connector.RightView, of); err != nil {
		return connector.List[store.Member]{}, err
	}
	return a.store.Members(ctx, of, page)
}

// Member returns one member of an organization.
func (a *Admin) Member(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.PersonID) (store.Member, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightView, of); err != nil {
		return store.Member{}, err
	}
	return a.store.Member(ctx, of, id)
}

// ChangeMember changes a member's role. The last admin stays one.
func (a *Admin) ChangeMember(ctx context.Context, who connector.Actor, n store.MemberChange) (store.Member, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightManage, n.Organization); err != nil {
		return store.Member{}, err
	}
	n.By = who.Name
	if err := a.store.ChangeMember(ctx, n); err != nil {
		return store.Member{}, err
	}
	return a.store.Member(ctx, n.Organization, n.Person)
}

// ResetPassword makes a link by which a member who belongs to no other
// organization chooses a new password.
func (a *Admin) ResetPassword(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.PersonID) (Invited, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightManage, of); err != nil {
		return Invited{}, err
	}
	m, err := a.store.Member(ctx, of, id)
	if err != nil {
		return Invited{}, err
	}
	link, err := keyring.NewToken()
	if err != nil {
		return Invited{}, err
	}
	err = a.store.LinkMember(ctx, store.NewLink{Organization: of, Person: id, Hash: keyring.Hash(link), Life: LinkLife, By: who.Name})
	if err != nil {
		return Invited{}, err
	}
	return Invited{Member: m, Link: connector.NewSecret(link)}, nil
}

// MemberEnds is what ends when somebody leaves an organization.
type MemberEnds = store.MemberEnds

// MemberEnds says what would end, before it does.
func (a *Admin) MemberEnds(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.PersonID) (MemberEnds, error) {
	if err := a.mayEnd(ctx, who, of, id); err != nil {
		return MemberEnds{}, err
	}
	return a.store.MemberEnds(ctx, of, id)
}

// mayEnd: everybody may leave, and who manages may remove.
func (a *Admin) mayEnd(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.PersonID) error {
	need := connector.RightManage
	if who.Person == id {
		need = connector.RightView
	}
	_, err := a.onOrganization(ctx, who, need, of)
	return err
}

// RemoveMember takes a member out of an organization. Their account and their
// other organizations stay; what their tokens could do here ends with it.
func (a *Admin) RemoveMember(ctx context.Context, who connector.Actor, of connector.OrganizationID, id connector.PersonID) error {
	if err := a.mayEnd(ctx, who, of, id); err != nil {
		return err
	}
	return a.store.ChangeMember(ctx, store.MemberChange{Organization: of, Person: id, By: who.Name})
}

// People lists everybody who has an account, for operators.
func (a *Admin) People(ctx context.Context, who connector.Actor, page connector.Page) (connector.List[store.Member], error) {
	if !who.May(connector.RightOperate, "", "") {
		return connector.List[store.Member]{}, connector.Refused(connector.RightOperate)
	}
	return a.store.Members(ctx, "", page)
}

// PersonByEmail finds a person by their address, for operators.
func (a *Admin) PersonByEmail(ctx context.Context, who connector.Actor, email string) (store.Member, error) {
	if !who.May(connector.RightOperate, "", "") {
		return store.Member{}, connector.Refused(connector.RightOperate)
	}
	return a.store.PersonByEmail(ctx, email)
}

// RemovePerson ends a person's access to everything: links, sessions and tokens end with it.
func (a *Admin) RemovePerson(ctx context.Context, who connector.Actor, id connector.PersonID) error {
	if !who.May(connector.RightOperate, "", "") {
		return connector.Refused(connector.RightOperate)
	}
	return a.store.DisablePerson(ctx, id, who.Name)
}
