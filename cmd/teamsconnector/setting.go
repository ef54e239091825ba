package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// envPrefix stands before every setting in the environment.
const envPrefix = "TEAMSCONNECTOR_"

// fileSuffix marks the twin of a secret setting that names a file with the secret in it.
const fileSuffix = "-file"

// maxSecretFile is far above any secret of ours; a larger file is the wrong one.
const maxSecretFile = 64 << 10

// face is a set of commands that share settings.
type face int

// The faces.
const (
	faceServe     face = 1 << iota // serve
	faceData                       // serve, and every command that works on the data folder
	faceTargets                    // serve and webhook add: who decides which targets are trusted
	faceSend                       // send
	faceSimulator                  // simulator
	faceAll       face = 1<<iota - 1
)

// setting is one row of the table that drives flags, environment and config file.
type setting struct {
	name  string // in the config file; "admin-listen" is TEAMSCONNECTOR_ADMIN_LISTEN in the environment
	flag  string // where it is another word than name
	of    face
	usage string
	value string // the default, as a person would write it
	// many: it may be given several times; in the environment the values stand one per word.
	many bool
	// secret: no flag of its own (ps shows flags) and no value in any message; has a -file twin instead.
	secret bool
	// shown: secret, but with a flag of its own all the same: not every value holds a secret.
	shown bool
	// apply reads the values into the config, or says what would be right.
	apply func(c *config, values []string) error
}

// config is every setting, as the commands read it.
type config struct {
	net       netConfig
	signIn    signInConfig
	mail      mailConfig
	data      dataConfig
	orders    ordersConfig
	observe   observeConfig
	send      sendConfig
	simulator simulatorConfig
}

// settings is the one table, by theme.
func settings() []setting {
	var all []setting
	for _, theme := range [][]setting{netSettings(), mailSettings(), signInSettings(), dataSettings(), orderSettings(), observeSettings(), sendSettings(), simulatorSettings()} {
		all = append(all, theme...)
	}
	return all
}

func (s setting) flagName() string {
	name := s.name
	if s.flag != "" {
		name = s.flag
	}
	if s.secret && !s.shown {
		name += fileSuffix
	}
	return name
}

func envName(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// help is the flag's line in --help.
func (s setting) help() string {
	env := envName(s.name)
	if s.secret && !s.shown {
		return fmt.Sprintf("file with %s [$%s, $%s]", s.usage, envName(s.name+fileSuffix), env)
	}
	return fmt.Sprintf("%s [$%s]", s.usage, env)
}

// addFlags gives a command the flags of its faces.
func addFlags(flags *pflag.FlagSet, of face) {
	flags.String("config", "", "YAML file with settings; a key is a flag's name [$"+envPrefix+"CONFIG]")
	for _, s := range settings() {
		if s.of&of == 0 {
			continue
		}
		switch {
		case s.many:
			flags.StringArray(s.flagName(), nil, s.help())
		case s.secret:
			flags.String(s.flagName(), "", s.help())
			if s.shown {
				flags.String(s.name+fileSuffix, "", fmt.Sprintf("file with the value of --%s [$%s]", s.name, envName(s.name+fileSuffix)))
			}
		default:
			flags.String(s.flagName(), s.value, s.help())
		}
	}
}

// given is where a setting got its values from.
type given struct {
	source string // as a person would find it: --listen, $TEAMSCONNECTOR_LISTEN, teams.yaml line 3
	values []string
}

// loadConfig reads the settings of some faces: a flag beats the environment,
// which beats the config file, which beats the default.
func (p process) loadConfig(flags *pflag.FlagSet, of face) (config, error) {
	var c config
	file, err := p.readConfigFile(flags)
	if err != nil {
		return c, err
	}
	for _, s := range settings() {
		if s.of&of == 0 {
			continue
		}
		got, err := p.find(s, flags, file)
		if err != nil {
			return c, usageError(err)
		}
		if err := s.apply(&c, got.values); err != nil {
			return c, usageError(s.refuse(got, err))
		}
	}
	c.data.reread = func() (dataConfig, error) {
		again, err := p.loadConfig(flags, faceData)
		return again.data, err
	}
	return c, nil
}

// find looks a setting up in the four places.
func (p process) find(s setting, flags *pflag.FlagSet, file configFile) (given, error) {
	if got, err := s.findInFlags(flags); err != nil || got.source != "" {
		return got, err
	}
	if got, err := p.findInEnv(s); err != nil || got.source != "" {
		return got, err
	}
	if got, err := file.find(s); err != nil || got.source != "" {
		return got, err
	}
	if s.value == "" {
		return given{source: "default"}, nil
	}
	return given{"default", []string{s.value}}, nil
}

func (s setting) findInFlags(flags *pflag.FlagSet) (given, error) {
	own, twin := flags.Lookup(s.flagName()), flags.Lookup(s.name+fileSuffix)
	if s.shown && own != nil && own.Changed && twin.Changed {
		return given{}, fmt.Errorf("--%s and --%s are both given; keep one of them", own.Name, twin.Name)
	}
	for _, f := range []*pflag.Flag{own, twin} {
		if f == nil || !f.Changed {
			continue
		}
		source := "--" + f.Name
		if f.Value.String() == "" {
			return given{}, fmt.Errorf("%s is empty; leave the flag out, or give it a value (an unset variable of the shell?)", source)
		}
		if s.secret && f == twin {
			return s.fromFile(source, f.Value.String())
		}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			return given{source, many.GetSlice()}, nil
		}
		return given{source, []string{f.Value.String()}}, nil
	}
	return given{}, nil
}

func (p process) findInEnv(s setting) (given, error) {
	name, twin := envName(s.name), envName(s.name+fileSuffix)
	value, set := p.lookup(name)
	set = set && value != "" // an empty variable counts as absent, as shells and compose files write them
	path, setTwin := "", false
	if s.secret {
		path, setTwin = p.lookup(twin)
		setTwin = setTwin && path != ""
	}
	switch {
	case set && setTwin:
		return given{}, fmt.Errorf("%s and %s are both set; unset one of them", name, twin)
	case setTwin:
		return s.fromFile("$"+twin, path)
	case set && s.many:
		return given{"$" + name, strings.Fields(strings.ReplaceAll(value, ",", " "))}, nil
	case set:
		return given{"$" + name, []string{value}}, nil
	}
	return given{}, nil
}

// fromFile reads a secret from the file that a -file twin names.
func (s setting) fromFile(source, path string) (given, error) {
	info, err := os.Stat(path)
	if err != nil {
		return given{}, fmt.Errorf("%s: the file with %s can't be read: %w", source, s.name, withoutPath(err))
	}
	if !info.Mode().IsRegular() && info.Size() > maxSecretFile || info.IsDir() || info.Size() > maxSecretFile {
		return given{}, fmt.Errorf("%s: %s is not a file with %s in it", source, path, s.usage)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return given{}, fmt.Errorf("%s: the file with %s can't be read: %w", source, s.name, withoutPath(err))
	}
	value := strings.TrimRight(string(raw), "\r\n")
	if value == "" {
		return given{}, fmt.Errorf("%s: %s is empty; it should hold %s", source, path, s.usage)
	}
	return given{source + " (" + path + ")", []string{value}}, nil
}

// withoutPath leaves out the name that was tried: where somebody gave the secret
// itself instead of a file's name, it is the secret.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// refuse says which setting is wrong, where it came from, its value unless it
// is secret, and what would be right.
func (s setting) refuse(got given, why error) error {
	shown := strings.Join(got.values, " ")
	if s.secret || shown == "" || strings.Contains(shown, "@") { // an address with a password in it

		return fmt.Errorf("setting %s (from %s): %w", s.name, got.source, why)
	}
	return fmt.Errorf("setting %s (from %s) is %q: %w", s.name, got.source, shown, why)
}

// one reads a setting with a single value; absent is the empty string.
func one(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
