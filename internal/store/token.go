package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Token is a token without its text.
type Token struct {
	ID           connector.TokenID
	Organization connector.OrganizationID // whose it is; empty: an operator's or a person's
	Person       connector.PersonID       // whose it is; empty: the organization's or an operator's
	Name         string
	Role         connector.Role    // in its organization; 0: it has none
	Scopes       []connector.Right // all that it may do; nil: all that its owner may
	CreatedBy    string
	Created      time.Time
	Expires      time.Time // zero: never
	LastUsed     time.Time // zero: never
}

// NewToken is what CreateToken needs.
type NewToken struct {
	// Organization or Person is whose it is; both empty: an operator's.
	Organization connector.OrganizationID
	Person       connector.PersonID
	Name         string
	Role         connector.Role    // of an organization's
	Scopes       []connector.Right // nil: all that its owner may
	Hash         [32]byte
	Expires      time.Time // zero: never
	By           string
}

const insertToken = `
INSERT INTO token (public_id, organization, person, name, role, scopes, hash, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// CreateToken makes a token: of an organization, of a person, or an operator's.
func (s *Store) CreateToken(ctx context.Context, n NewToken) (t Token, err error) {
	id, err := newID(connector.TokenPrefix)
	if err != nil {
		return t, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "token.create", object: id, detail: n.Name}, func(ctx context.Context, c *change) error {
		t = Token{
			ID: connector.TokenID(id), Organization: n.Organization, Person: n.Person, Name: n.Name, Role: n.Role, Scopes: n.Scopes,
			CreatedBy: n.By, Created: s.Now(), Expires: n.Expires,
		}
		var organization, person int64
		if t.Organization != "" {
			if organization, _, err = c.organization(ctx, t.Organization); err != nil {
				return err
			}
			c.note.organization = organization
		}
		if t.Person != "" {
			if person, _, err = c.person(ctx, t.Person); err != nil {
				return err
			}
		}
		_, err := c.tx.exec(ctx, q(insertToken, id, orNull(organization), orNull(person), t.Name, int64(t.Role), scopeText(t.Scopes),
			n.Hash[:], n.By, micros(t.Created), micros(t.Expires)))
		return err
	})
	return t, err
}

const tokenRow = `
SELECT t.public_id, COALESCE(o.public_id, ''), COALESCE(p.public_id, ''), t.name, t.role, t.scopes, t.created_by, t.created_at, t.expires_at, t.last_used
FROM token t LEFT JOIN organization o ON o.id = t.organization LEFT JOIN person p ON p.id = t.person
WHERE t.revoked_at = 0 AND `

const (
	tokenByID       = tokenRow + `t.public_id = $1`
	tokensOfOrg     = tokenRow + `o.public_id = $1 AND t.public_id > $2 ORDER BY t.public_id LIMIT $3`
	tokensOfPerson  = tokenRow + `p.public_id = $1 AND t.public_id > $2 ORDER BY t.public_id LIMIT $3`
	operatorsTokens = tokenRow + `t.organization IS NULL AND t.person IS NULL AND t.public_id > $1 ORDER BY t.public_id LIMIT $2`
	allTokens       = tokenRow + `t.public_id > $1 ORDER BY t.public_id LIMIT $2`
)

// TokenOwner says whose tokens are meant: an organization's, a person's, or, when both are empty, the operators'.
type TokenOwner struct {
	Organization connector.OrganizationID
	Person       connector.PersonID
	Everybody    bool // all tokens there are
}

// Tokens returns tokens that were not revoked, in the order of their ids.
func (s *Store) Tokens(ctx context.Context, of TokenOwner, page connector.Page) (connector.List[Token], error) {
	by := q(operatorsTokens, page.After, page.Limit+1)
	switch {
	case of.Everybody:
		by = q(allTokens, page.After, page.Limit+1)
	case of.Organization != "":
		by = q(tokensOfOrg, string(of.Organization), page.After, page.Limit+1)
	case of.Person != "":
		by = q(tokensOfPerson, string(of.Person), page.After, page.Limit+1)
	}
	all, err := s.tokens(ctx, by)
	return connector.Cut(all, page.Limit, func(t Token) string { return string(t.ID) }), err
}

// TokenByID returns a token that was not revoked.
func (s *Store) TokenByID(ctx context.Context, id connector.TokenID) (Token, error) {
	all, err := s.tokens(ctx, q(tokenByID, string(id)))
	if err == nil && len(all) == 0 {
		err = connector.NoSuch("token", string(id))
	}
	if err != nil {
		return Token{}, err
	}
	return all[0], nil
}

func (s *Store) tokens(ctx context.Context, by statement) (all []Token, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var t Token
			var scopes string
			var created, expires, used int64
			err := rows.Scan(&t.ID, &t.Organization, &t.Person, &t.Name, &t.Role, &scopes, &t.CreatedBy, &created, &expires, &used)
			t.Scopes = parseScopes(scopes)
			t.Created, t.Expires, t.LastUsed = fromMicros(created), fromMicros(expires), fromMicros(used)
			all = append(all, t)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return all, nil
}

const revokeToken = `UPDATE token SET revoked_at = $2 WHERE public_id = $1 AND revoked_at = 0`

// RevokeToken makes a token invalid for good.
func (s *Store) RevokeToken(ctx context.Context, t Token, by string) error {
	return s.change(ctx, auditNote{by: by, action: "token.revoke", object: string(t.ID), detail: t.Name}, func(ctx context.Context, c *change) error {
		if t.Organization != "" {
			var err error
			if c.note.organization, _, err = c.organization(ctx, t.Organization); err != nil {
				return err
			}
		}
		n, err := c.tx.exec(ctx, q(revokeToken, string(t.ID), micros(s.Now())))
		if err == nil && n == 0 {
			return connector.NoSuch("token", string(t.ID))
		}
		return err
	})
}

// scopeText writes what parseScopes reads.
func scopeText(rights []connector.Right) string {
	text := ""
	for _, right := range rights {
		if text != "" {
			text += " "
		}
		text += right.String()
	}
	return text
}
