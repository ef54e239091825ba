package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/teamsconnector/teamsconnector/internal/mendix"
)

func (p process) mendixModuleCommand() *cobra.Command {
	var out string
	var options mendix.Options
	cmd := &cobra.Command{
		Use:   "mendix-module --out FILE [--service-url URL]",
		Short: "Write the module package for Mendix Studio Pro",
		Long: "Writes " + mendix.FileName + ", the module with the Microsoft Teams Connector activities, for Mendix Studio Pro " +
			mendix.StudioPro + " and later.\nWith --service-url its constant ServiceURL is filled in. The binding keys never are: they are set per app and environment.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "out"); err != nil {
				return err
			}
			return p.writeMendixModule(cmd.Context(), out, options)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the file to write, such as "+mendix.FileName+" (required)")
	cmd.Flags().StringVar(&options.ServiceURL, "service-url", "", "the address of this installation, such as https://teams.example.com")
	return cmd
}

func (p process) writeMendixModule(ctx context.Context, out string, options mendix.Options) error {
	module, err := mendix.Package(ctx, options)
	if err != nil {
		return err
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return usageError(fmt.Errorf("%s is a folder; name a file: --out %s", out, filepath.Join(out, mendix.FileName)))
	}
	if err := replaceFile(out, module); err != nil {
		return err
	}
	next := ""
	if options.ServiceURL == "" {
		next = "Set its constant ServiceURL to the address of your Teams Connector.\n"
	}
	return p.say("%s is written, for Mendix Studio Pro %s and later.\n"+
		"In Studio Pro: App Explorer, right-click the app, Import module package.\n%s", out, mendix.StudioPro, next)
}

// replaceFile writes a file whole or not at all.
func replaceFile(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, pathError(err))
	}
	defer func() { _ = os.Remove(f.Name()) }() // it is gone after the renaming
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Close()) // #nosec G302 -- it holds no secret and is handed around
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, pathError(err))
	}
	return nil
}

// pathError is an error without the name of the file that nobody asked for.
func pathError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
