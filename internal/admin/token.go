package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// TokenRequest asks for a token: of an organization, of a person, or an operator's.
type TokenRequest struct {
	Name         string                   // what it is for
	Organization connector.OrganizationID // whose it is; it survives whoever made it
	Role         connector.Role           // of an organization's token
	Person       connector.PersonID       // whose it is
	Scopes       []connector.Right        // all that it may do; nil: all that its owner may
	Life         time.Duration            // zero: no end
}

// Token is a token as it was made. Its text is not kept and can't be shown again.
type Token struct {
	store.Token
	Text connector.Secret
}

// CreateToken makes a token. It never may more than whoever makes it.
func (a *Admin) CreateToken(ctx context.Context, who connector.Actor, r TokenRequest) (Token, error) {
	if err := connector.CheckName("/name", r.Name); err != nil {
		return Token{}, err
	}
	if r.Life < 0 {
		return Token{}, connector.Invalid("/expires", "A token can't have expired before it is made.")
	}
	if err := a.mayGive(ctx, who, &r); err != nil {
		return Token{}, err
	}
	text, err := keyring.NewToken()
	if err != nil {
		return Token{}, fmt.Errorf("make a token: %w", err)
	}
	n := store.NewToken{
		Organization: r.Organization, Person: r.Person, Name: r.Name, Role: r.Role, Scopes: r.Scopes, Hash: keyring.Hash(text), By: who.Name,
	}
	if r.Life > 0 {
		n.Expires = a.store.Now().Add(r.Life)
	}
	made, err := a.store.CreateToken(ctx, n)
	return Token{Token: made, Text: connector.NewSecret(text)}, err
}

// mayGive refuses a token that could do more than whoever makes it, and narrows its scopes to theirs.
func (a *Admin) mayGive(ctx context.Context, who connector.Actor, r *TokenRequest) error {
	switch {
	case r.Organization != "" && r.Person != "":
		return connector.Invalid("/person", "A token belongs to an organization or to a person, not to both.")
	case r.Organization != "":
		if _, err := a.onOrganization(ctx, who, connector.RightManage, r.Organization); err != nil {
			return err
		}
		if r.Role == 0 {
			return connector.Invalid("/role", "Say which role the token has in its organization: member or admin.")
		}
	case r.Person != "" && r.Person != who.Person, r.Person == "":
		if !who.May(connector.RightOperate, "", "") {
			return connector.Refused(connector.RightOperate)
		}
	}
	if who.Scopes != nil {
		if r.Scopes == nil {
			r.Scopes = who.Scopes
		}
		for _, right := range r.Scopes {
			if !slices.Contains(who.Scopes, right) {
				return connector.Refused(right)
			}
		}
	}
	return nil
}

// Tokens lists tokens of an organization, of a person, or the operators'.
func (a *Admin) Tokens(ctx context.Context, who connector.Actor, of store.TokenOwner, page connector.Page) (connector.List[store.Token], error) {
	if err := a.mayHandle(ctx, who, of); err != nil {
		return connector.List[store.Token]{}, err
	}
	return a.store.Tokens(ctx, of, page)
}

func (a *Admin) mayHandle(ctx context.Context, who connector.Actor, of store.TokenOwner) error {
	switch {
	case of.Organization != "":
		_, err := a.onOrganization(ctx, who, connector.RightManage, of.Organization)
		return err
	case of.Person != "" && of.Person == who.Person, who.May(connector.RightOperate, "", ""):
		return nil
	}
	return connector.Refused(connector.RightOperate)
}

// RevokeToken makes a token invalid for good, everywhere within one second.
func (a *Admin) RevokeToken(ctx context.Context, who connector.Actor, id connector.TokenID) error {
	t, err := a.store.TokenByID(ctx, id)
	if err != nil {
		return err
	}
	err = a.mayHandle(ctx, who, store.TokenOwner{Organization: t.Organization, Person: t.Person})
	if isCode(err, connector.NotFound) || t.Organization == "" && isCode(err, connector.Forbidden) {
		return connector.NoSuch("token", string(id)) // nobody learns which tokens others have
	}
	if err != nil {
		return err
	}
	return a.store.RevokeToken(ctx, t, who.Name)
}

func isCode(err error, code connector.Code) bool {
	var rule *connector.Error
	return errors.As(err, &rule) && rule.Code == code
}
