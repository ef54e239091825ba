package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (p process) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Explain, check and show the settings", Args: cobra.NoArgs}
	cmd.AddCommand(p.configReferenceCommand(), p.configCheckCommand(), p.configShowCommand())
	return cmd
}

func (p process) configReferenceCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "reference",
		Short: "Print every setting: for people, or as a config file to fill in",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch format {
			case "markdown":
				return p.say("%s", referenceMarkdown())
			case "yaml":
				return p.say("%s", referenceYAML())
			}
			return usageError(errors.New("--format should be markdown or yaml"))
		},
	}
	cmd.Flags().StringVar(&format, "format", "markdown", "markdown, or yaml: a config file with every setting commented out")
	return cmd
}

func (p process) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say everything that is wrong with a config file",
		Long:  "Reads the file as serve would, without the environment, and says all that is wrong: unknown keys, wrong values, files with secrets that can't be read.",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return p.checkConfigFile(args[0]) },
	}
}

func (p process) checkConfigFile(path string) error {
	flags := pflag.NewFlagSet("check", pflag.ContinueOnError)
	flags.String("config", path, "")
	file, err := p.readConfigFile(flags)
	if err != nil {
		return err
	}
	var c config
	var wrong []error
	for _, s := range settings() {
		got, err := file.find(s)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if len(got.values) == 0 && s.value != "" {
			got = given{"default", []string{s.value}}
		}
		if err := s.apply(&c, got.values); err != nil {
			wrong = append(wrong, s.refuse(got, err))
		}
	}
	if len(wrong) > 0 {
		return usageError(errors.Join(wrong...))
	}
	return p.say("%s is fine: %d settings\n", path, len(file))
}

// shownSetting is a setting with where its value came from.
type shownSetting struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // of a secret: only that it is set
	Source string   `json:"source"`
}

func (p process) configShowCommand() *cobra.Command {
	const of = faceServe | faceData | faceTargets
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the settings that serve would use here, and where each comes from",
		Long:  "Takes the same flags, environment and config file as serve. Secrets are not shown, only whether they are set.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := p.showSettings(cmd.Flags(), of)
			if err != nil {
				return err
			}
			if asJSON {
				return p.sayJSON(all)
			}
			rows := [][]string{{"SETTING", "VALUE", "FROM"}}
			for _, s := range all {
				rows = append(rows, []string{s.Name, strings.Join(s.Values, " "), s.Source})
			}
			return p.sayTable(rows)
		},
	}
	addFlags(cmd.Flags(), of)
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func (p process) showSettings(flags *pflag.FlagSet, of face) ([]shownSetting, error) {
	if _, err := p.loadConfig(flags, of); err != nil { // what does not hold is not shown as if it did
		return nil, err
	}
	file, err := p.readConfigFile(flags)
	if err != nil {
		return nil, err
	}
	var all []shownSetting
	for _, s := range settings() {
		if s.of&of == 0 {
			continue
		}
		got, err := p.find(s, flags, file)
		if err != nil {
			return nil, usageError(err)
		}
		if s.secret && len(got.values) > 0 {
			got.values = []string{"[secret]"}
		}
		all = append(all, shownSetting{s.name, append([]string{}, got.values...), got.source})
	}
	return all, nil
}

// readers says in words which commands read a setting.
func (of face) readers() string {
	words := []struct {
		bit  face
		word string
	}{
		{faceServe, "serve"},
		{faceData, "serve and every command that works on the data"},
		{faceTargets, "serve, webhook add and webhook edit"},
		{faceSend, "send"},
		{faceSimulator, "simulator"},
	}
	var all []string
	for _, w := range words {
		if of&w.bit != 0 {
			all = append(all, w.word)
		}
	}
	if len(all) == 0 {
		return "other commands"
	}
	return strings.Join(all, ", ")
}

// referenceMarkdown is the page docs/operate/configuration.md.
func referenceMarkdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Made by: teamsconnector config reference. Change the table in cmd/teamsconnector/config_*.go instead. -->

Every setting is a flag, a variable of the environment, and a key of the YAML file that ` + "`--config`" + ` or ` + "`TEAMSCONNECTOR_CONFIG`" + ` names. A flag beats the environment, which beats the file, which beats the default.
An empty variable counts as absent; an unknown key of the file stops the start and names the nearest known one. A secret has no flag of its own, because everybody sees the flags of a process: it is read from the environment, or from the file that its twin ending in ` + "`-file` (`_FILE`)" + ` names.

` + "`teamsconnector config show`" + ` says which values hold and where each comes from; ` + "`config check FILE`" + ` says all that is wrong with a file; ` + "`config reference --format yaml`" + ` prints a file to fill in.
`)
	tables := map[string]string{}
	var order []string
	for _, s := range settings() {
		readers := s.of.readers()
		if tables[readers] == "" {
			order = append(order, readers)
		}
		tables[readers] += s.row()
	}
	for _, readers := range order {
		fmt.Fprintf(&b, "\n## Read by %s\n\n| key | flag | environment | default | what it is |\n|---|---|---|---|---|\n%s", readers, tables[readers])
	}
	return b.String()
}

// row is the setting's line in the reference.
func (s setting) row() string {
	key, env, value := "`"+s.name+"`", "`"+envName(s.name)+"`", ""
	if s.secret {
		key += ", `" + s.name + fileSuffix + "`"
		env += ", `" + envName(s.name+fileSuffix) + "`"
	}
	if s.value != "" {
		value = "`" + s.value + "`"
	}
	usage := strings.ReplaceAll(s.usage, "|", `\|`)
	if s.many {
		usage += "; in the environment separated by spaces or commas, in the file a list"
	}
	return fmt.Sprintf("| %s | `--%s` | %s | %s | %s |\n", key, s.flagName(), env, value, usage)
}

// referenceYAML is a config file with every setting commented out.
func referenceYAML() string {
	var b strings.Builder
	b.WriteString("# Teams Connector. Take the # away from what you set; the rest keeps its default.\n")
	for _, s := range settings() {
		key, value := s.name, s.value
		if s.secret {
			key, value = key+fileSuffix, "/path/to/file"
		}
		if s.many {
			value = "[" + value + "]"
		}
		fmt.Fprintf(&b, "\n# %s\n#%s: %s\n", s.usage, key, value)
	}
	return b.String()
}
