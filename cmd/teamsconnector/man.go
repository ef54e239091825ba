package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (p process) manCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "man --out DIR",
		Short:   "Write the manual pages, one per command",
		Example: "  teamsconnector man --out /usr/local/share/man/man1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "out"); err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // manual pages are for everybody
				return fmt.Errorf("make the folder for the manual: %w", err)
			}
			return writeManual(cmd.Root(), out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder for the pages (required)")
	return cmd
}

func writeManual(root *cobra.Command, dir string) error {
	b := readBuild()
	made, err := time.Parse(time.RFC3339, b.Time)
	if err != nil {
		made = time.Unix(0, 0).UTC() // the same build makes the same pages
	}
	root.DisableAutoGenTag = true
	header := doc.GenManHeader{Title: "TEAMSCONNECTOR", Section: "1", Date: &made, Source: "Teams Connector " + b.Version, Manual: "Teams Connector"}
	if err := doc.GenManTree(root, &header, dir); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	return nil
}
