package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/admin"
)

func (p process) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make tokens for the management API", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(p.tokenCreateCommand())
	return cmd
}

func (p process) tokenCreateCommand() *cobra.Command {
	var request admin.TokenRequest
	var operator bool
	cmd := &cobra.Command{
		Use:   "create --operator --name NAME",
		Short: "Make a token and print it, and nothing else",
		Long:  "Makes a token for the management API and prints it and nothing else. It is shown this once.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name"); err != nil {
				return err
			}
			if !operator {
				return usageError(errors.New("say whose token it is: --operator"))
			}
			request.By = shellUser()
			return p.atDesk(cmd.Context(), cmd.Flags(), dataCommand{of: faceData, begins: true, do: func(ctx context.Context, desk *admin.Admin) error {
				token, err := desk.CreateToken(ctx, request)
				if err != nil {
					return err
				}
				return p.say("%s\n", token.Reveal())
			}})
		},
	}
	addFlags(cmd.Flags(), faceData)
	cmd.Flags().BoolVar(&operator, "operator", false, "the token of an operator of this installation")
	cmd.Flags().StringVar(&request.Name, "name", "", "what the token is for (required)")
	return cmd
}
