package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (p process) userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Let people in, give them a new link, list and remove them", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(p.userCreateCommand(), p.userResetCommand(), p.userListCommand(), p.userRemoveCommand())
	return cmd
}

// userWish is what the flags say.
type userWish struct {
	request            admin.PersonRequest
	organization, role string
}

func (p process) userCreateCommand() *cobra.Command {
	var w userWish
	cmd := &cobra.Command{
		Use:   "create --email EMAIL [--organization ORG --role ROLE] [--operator]",
		Short: "Make an account and print the link by which its owner chooses a password",
		Long: "Makes an account, or finds the one of that address, and prints a link that works once within seven days: its owner chooses a\n" +
			"password there. Called again it makes a new link, and adds what the flags name.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "email"); err != nil {
				return err
			}
			if w.organization == "" && !w.request.Operator {
				return usageError(errors.New("say what they are for: --organization ORG (with --role member or admin), or --operator"))
			}
			if w.role != "" {
				var ok bool
				if w.request.Role, ok = connector.ParseRole(w.role); !ok || w.organization == "" {
					return usageError(errors.New("--role is member or admin, and stands beside --organization"))
				}
			}
			return p.linkFor(cmd, func(ctx context.Context, desk *admin.Admin) (admin.PersonRequest, error) {
				r := w.request
				if w.organization == "" {
					return r, nil
				}
				org, err := desk.ChooseOrganization(ctx, shellActor(), w.organization)
				r.Organization = org.ID
				return r, err
			})
		},
	}
	addFlags(cmd.Flags(), faceData|faceServe)
	cmd.Flags().StringVar(&w.request.Email, "email", "", "e-mail address, with which they sign in (required)")
	cmd.Flags().StringVar(&w.request.Name, "name", "", "their name")
	cmd.Flags().StringVar(&w.organization, "organization", "", "name or id of an organization that they belong to")
	cmd.Flags().StringVar(&w.role, "role", "", "in the organization: member (default) or admin")
	cmd.Flags().BoolVar(&w.request.Operator, "operator", false, "they run this installation")
	return cmd
}

func (p process) userResetCommand() *cobra.Command {
	var email string
	cmd := &cobra.Command{
		Use:   "reset --email EMAIL",
		Short: "Print a link by which somebody chooses a new password",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "email"); err != nil {
				return err
			}
			return p.linkFor(cmd, func(ctx context.Context, desk *admin.Admin) (admin.PersonRequest, error) {
				known, err := desk.PersonByEmail(ctx, shellActor(), email)
				return admin.PersonRequest{Email: known.Email}, err
			})
		},
	}
	addFlags(cmd.Flags(), faceData|faceServe)
	cmd.Flags().StringVar(&email, "email", "", "e-mail address of the account (required)")
	return cmd
}

// linkFor makes a link and prints where it leads.
func (p process) linkFor(cmd *cobra.Command, ask func(ctx context.Context, desk *admin.Admin) (admin.PersonRequest, error)) error {
	c, err := p.loadConfig(cmd.Flags(), faceData|faceServe)
	if err != nil {
		return err
	}
	base := c.net.publicURL
	if base == "" {
		base = "http://" + c.net.listen
	}
	return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData | faceServe, do: func(ctx context.Context, desk *admin.Admin) error {
		r, err := ask(ctx, desk)
		if err != nil {
			return err
		}
		made, err := desk.AddPerson(ctx, shellActor(), r)
		if err != nil {
			return err
		}
		return p.say("%s/link/%s\n", strings.TrimSuffix(base, "/"), made.Link.Reveal())
	}})
}

func (p process) userListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List everybody who has an account",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				list := listJSON[userJSON]{Items: []userJSON{}}
				rows := [][]string{{"ID", "EMAIL", "NAME", "OPERATOR", "LAST SEEN"}}
				err := everyPage(func(page connector.Page) (string, error) {
					part, err := desk.People(ctx, shellActor(), page)
					for _, m := range part.Items {
						list.Items = append(list.Items, userJSON{string(m.ID), m.Email, m.Name, m.Operator})
						rows = append(rows, []string{string(m.ID), m.Email, shown(m.Name), map[bool]string{true: "yes"}[m.Operator], when(m.LastSeen, "never")})
					}
					return part.Next, err
				})
				switch {
				case err != nil:
					return err
				case asJSON:
					return p.sayJSON(list)
				}
				return p.sayTable(rows)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

type userJSON struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	Operator bool   `json:"operator"`
}

func (p process) userRemoveCommand() *cobra.Command {
	var email string
	cmd := &cobra.Command{
		Use:   "remove --email EMAIL",
		Short: "End somebody's access: their sessions and tokens end with it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "email"); err != nil {
				return err
			}
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, do: func(ctx context.Context, desk *admin.Admin) error {
				known, err := desk.PersonByEmail(ctx, shellActor(), email)
				if err != nil {
					return err
				}
				if err := desk.RemovePerson(ctx, shellActor(), known.ID); err != nil {
					return err
				}
				return p.say("%s has no access any more.\n", known.Email)
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().StringVar(&email, "email", "", "e-mail address of the account (required)")
	return cmd
}
