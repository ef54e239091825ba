package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func (p process) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make, list and revoke tokens for the management API", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(p.tokenCreateCommand(), p.tokenListCommand(), p.tokenRevokeCommand())
	return cmd
}

// tokenWish is what the flags of token create say.
type tokenWish struct {
	name, organization, role, person, scopes, expires string
	operator                                          bool
}

func (p process) tokenCreateCommand() *cobra.Command {
	var w tokenWish
	cmd := &cobra.Command{
		Use:   "create --name NAME (--operator | --organization ORG --role ROLE | --person EMAIL)",
		Short: "Make a token and print it, and nothing else",
		Long: "Makes a token for the management API and prints it and nothing else. It is shown this once.\n" +
			"A person's token may what the person may; an organization's outlives whoever made it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			r, err := w.request()
			if err != nil {
				return usageError(err)
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, begins: w.operator, do: func(ctx context.Context, desk *admin.Admin) error {
				if err := w.owner(ctx, desk, &r); err != nil {
					return err
				}
				token, err := desk.CreateToken(ctx, shellActor(), r)
				if err != nil {
					return err
				}
				return p.say("%s\n", token.Text.Reveal())
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().BoolVar(&w.operator, "operator", false, "the token of an operator of this installation")
	cmd.Flags().StringVar(&w.organization, "organization", "", "name or id of the organization whose token it is")
	cmd.Flags().StringVar(&w.role, "role", "", "of an organization's token: member or admin")
	cmd.Flags().StringVar(&w.person, "person", "", "e-mail address of the person whose token it is")
	cmd.Flags().StringVar(&w.scopes, "scopes", "", "all that it may do: view,read,send,configure,license,manage,operate; all that its owner may when left out")
	cmd.Flags().StringVar(&w.expires, "expires", "", "how long it is valid, as 90d or 12h; for ever when left out")
	cmd.Flags().StringVar(&w.name, "name", "", "what the token is for (required)")
	return cmd
}

// request reads the flags as far as they need no data.
func (w *tokenWish) request() (r admin.TokenRequest, err error) {
	owners := 0
	for _, named := range []bool{w.operator, w.organization != "", w.person != ""} {
		if named {
			owners++
		}
	}
	if owners != 1 {
		return r, errors.New("say whose token it is: --operator, --organization ORG with --role ROLE, or --person EMAIL")
	}
	r.Name = w.name
	if w.role != "" {
		var ok bool
		if r.Role, ok = connector.ParseRole(w.role); !ok || w.organization == "" {
			return r, errors.New("--role is member or admin, and stands beside --organization")
		}
	}
	for word := range strings.FieldsFuncSeq(w.scopes, func(c rune) bool { return c == ',' || c == ' ' }) {
		right, ok := connector.ParseRight(word)
		if !ok {
			return r, fmt.Errorf("--scopes: there is no right %q; there are view, read, send, configure, license, manage and operate", word)
		}
		r.Scopes = append(r.Scopes, right)
	}
	r.Life, err = parseLife(w.expires)
	return r, err
}

// parseLife reads a span of time in days or as Go writes one.
func parseLife(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	life, err := time.ParseDuration(text)
	if days, inDays := strings.CutSuffix(text, "d"); inDays {
		var n int
		n, err = strconv.Atoi(days)
		life = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || life <= 0 || life > 100*365*24*time.Hour {
		return 0, fmt.Errorf("--expires %q is no span of time; write 90d, 12h or 30m", text)
	}
	return life, nil
}

// owner finds whose token it is.
func (w *tokenWish) owner(ctx context.Context, desk *admin.Admin, r *admin.TokenRequest) error {
	if w.organization != "" {
		org, err := desk.ChooseOrganization(ctx, shellActor(), w.organization)
		r.Organization = org.ID
		return err
	}
	if w.person != "" {
		person, err := desk.PersonByEmail(ctx, shellActor(), w.person)
		r.Person = person.ID
		return err
	}
	return nil
}

func (p process) tokenListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens that are valid, without their texts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				rows := []tokenJSON{}
				err := everyPage(func(page connector.Page) (string, error) {
					list, err := desk.Tokens(ctx, shellActor(), store.TokenOwner{Everybody: true}, page)
					for _, t := range list.Items {
						rows = append(rows, tokenAnswer(t))
					}
					return list.Next, err
				})
				if err != nil {
					return err
				}
				if asJSON {
					return p.sayJSON(listJSON[tokenJSON]{Items: rows})
				}
				out := [][]string{{"ID", "NAME", "OF", "SCOPES", "EXPIRES", "CREATED BY"}}
				for _, t := range rows {
					out = append(out, []string{t.ID, shown(t.Name), t.owner(), t.scopes(), cmp.Or(t.Expires, "never"), shown(t.CreatedBy)})
				}
				return p.sayTable(out)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

// everyPage reads a list to its end.
func everyPage(read func(page connector.Page) (next string, err error)) error {
	page := connector.Page{Limit: 200}
	for {
		next, err := read(page)
		if err != nil || next == "" {
			return err
		}
		page.After = next
	}
}

// tokenJSON has the field names of the management API.
type tokenJSON struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Organization string   `json:"organization,omitempty"`
	Person       string   `json:"person,omitempty"`
	Role         string   `json:"role,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
	Created      string   `json:"createdAt"`
	CreatedBy    string   `json:"createdBy"`
	Expires      string   `json:"expires,omitempty"`
}

func tokenAnswer(t store.Token) tokenJSON {
	j := tokenJSON{
		ID: string(t.ID), Name: t.Name, Organization: string(t.Organization), Person: string(t.Person),
		Created: t.Created.UTC().Format(time.RFC3339), CreatedBy: t.CreatedBy,
	}
	if t.Role != 0 {
		j.Role = t.Role.String()
	}
	for _, right := range t.Scopes {
		j.Scopes = append(j.Scopes, right.String())
	}
	if !t.Expires.IsZero() {
		j.Expires = t.Expires.UTC().Format(time.RFC3339)
	}
	return j
}

func (t *tokenJSON) owner() string {
	switch {
	case t.Organization != "":
		return t.Organization + " (" + t.Role + ")"
	case t.Person != "":
		return t.Person
	}
	return "operator"
}

func (t *tokenJSON) scopes() string {
	if t.Scopes == nil {
		return "all of its owner's"
	}
	return strings.Join(t.Scopes, " ")
}

func (p process) tokenRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Make a token invalid for good; a running service refuses it within one second",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				if !connector.ValidID(connector.TokenPrefix, args[0]) { // not quoted: it may be the token itself
					return connector.Errorf(connector.NotFound, "This is not the id of a token: one starts with %s. See them with: teamsconnector token list", connector.TokenPrefix)
				}
				if err := desk.RevokeToken(ctx, shellActor(), connector.TokenID(args[0])); err != nil {
					return err
				}
				return p.say("Revoked %s.\n", args[0])
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	return cmd
}
