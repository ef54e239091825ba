package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"
)

// maxConfigFile is far above any config file; a larger file is the wrong one.
const maxConfigFile = 1 << 20

// configFile is what the YAML file says, by key.
type configFile map[string]given

// readConfigFile reads the file that --config or TEAMSCONNECTOR_CONFIG names;
// without one it is empty. An unknown key stops the start.
func (p process) readConfigFile(flags *pflag.FlagSet) (configFile, error) {
	path, err := flags.GetString("config")
	if err != nil {
		return nil, err
	}
	if path == "" {
		path, _ = p.lookup(envPrefix + "CONFIG") // absent and empty are the same
	}
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, usageError(fmt.Errorf("setting config: %w", err))
	}
	if info.IsDir() || info.Size() > maxConfigFile {
		return nil, usageError(fmt.Errorf("setting config: %s is not a config file", path))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError(fmt.Errorf("setting config: %w", err))
	}
	file, err := parseConfigFile(path, raw)
	if err != nil {
		return nil, usageError(err)
	}
	return file, nil
}

func parseConfigFile(path string, raw []byte) (configFile, error) {
	parsed, err := parser.ParseBytes(raw, 0)
	if err != nil {
		// Without the source: a line of it may hold a secret.
		return nil, fmt.Errorf("%s is not YAML: %s", path, yaml.FormatError(err, false, false))
	}
	file := configFile{}
	for i, doc := range parsed.Docs {
		if i > 0 && doc.Body != nil {
			return nil, fmt.Errorf("%s: holds more than one YAML document; keep one", path)
		}
		if doc.Body == nil {
			continue
		}
		entries, err := entriesOf(path, doc.Body)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if err := file.add(path, entry); err != nil {
				return nil, err
			}
		}
	}
	return file, nil
}

func entriesOf(path string, body ast.Node) ([]*ast.MappingValueNode, error) {
	switch node := body.(type) {
	case *ast.MappingNode:
		return node.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{node}, nil
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: should be lines such as \"listen: 127.0.0.1:8080\"", path)
}

// add takes one key of the file, if the table knows it.
func (file configFile) add(path string, entry *ast.MappingValueNode) error {
	token := entry.Key.GetToken()
	key := token.Value
	place := fmt.Sprintf("%s line %d", path, token.Position.Line)
	known := configKeys()
	if !known[key] {
		return fmt.Errorf("%s: there is no setting %q%s", place, key, nearestKey(key, known))
	}
	values, err := scalars(entry.Value)
	if err != nil {
		return fmt.Errorf("%s: setting %s: %w", place, key, err)
	}
	if len(values) > 0 {
		file[key] = given{place, values}
	}
	return nil
}

var errNotText = errors.New("should be a text, a number, true or false, or a list of them")

// scalars reads a value as a person wrote it: 8080 stays "8080".
func scalars(node ast.Node) ([]string, error) {
	switch node := node.(type) {
	case *ast.NullNode:
		return nil, nil
	case *ast.StringNode:
		return []string{node.Value}, nil
	case *ast.LiteralNode:
		return []string{strings.TrimRight(node.Value.Value, "\n")}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return []string{node.GetToken().Value}, nil
	case *ast.SequenceNode:
		var all []string
		for _, item := range node.Values {
			if _, nested := item.(*ast.SequenceNode); nested {
				return nil, errNotText
			}
			values, err := scalars(item)
			if err != nil {
				return nil, err
			}
			all = append(all, values...)
		}
		return all, nil
	}
	return nil, errNotText
}

// find looks a setting up in the file, its -file twin too.
func (file configFile) find(s setting) (given, error) {
	got, set := file[s.name]
	twin, setTwin := file[s.name+fileSuffix]
	switch {
	case set && s.secret && setTwin:
		return given{}, fmt.Errorf("%s and %s: both %s and %s are set; keep one of them", got.source, twin.source, s.name, s.name+fileSuffix)
	case s.secret && setTwin:
		return s.fromFile(twin.source, one(twin.values))
	case set && !s.many && len(got.values) > 1:
		return given{}, fmt.Errorf("%s: setting %s takes one value, not %d", got.source, s.name, len(got.values))
	}
	return got, nil
}

// configKeys is every key that a config file may hold, whichever command reads it.
func configKeys() map[string]bool {
	known := map[string]bool{}
	for _, s := range settings() {
		known[s.name] = true
		if s.secret {
			known[s.name+fileSuffix] = true
		}
	}
	return known
}

// nearestKey is the end of the sentence "there is no setting ...": the known
// key that was most likely meant.
func nearestKey(key string, known map[string]bool) string {
	best, _ := nearest(strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(key)), known)
	return fmt.Sprintf("; the nearest one is %q", best)
}

// nearest finds the known key with the fewest wrong characters, and their number.
func nearest(key string, known map[string]bool) (best string, wrong int) {
	wrong = math.MaxInt
	for k := range known {
		if d := distance(key, k); d < wrong || d == wrong && k < best {
			best, wrong = k, d
		}
	}
	return best, wrong
}

// distance is how many characters must be added, left out or changed to make
// one word of the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// strangers lists the variables that begin as ours do but set nothing, each
// with the name that was perhaps meant. They don't stop the start: a cluster
// sets such variables by itself, for a service of that name.
func (p process) strangers() []string {
	known := map[string]bool{"config": true}
	for key := range configKeys() {
		known[key] = true
	}
	var found []string
	for _, variable := range p.environ {
		name, _, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		key := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if ours && !known[key] {
			found = append(found, name+nearestVariable(key, known))
		}
	}
	return found
}

// nearEnough is up to how many wrong characters a variable is taken for a
// misspelt one.
const nearEnough = 3

func nearestVariable(key string, known map[string]bool) string {
	best, wrong := nearest(key, known)
	if wrong > nearEnough {
		return ""
	}
	return " (did you mean " + envName(best) + "?)"
}
