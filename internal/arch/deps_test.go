package arch_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkDependencies holds that every direct dependency has a line in
// docs/dependencies.md, that no line is stale, and that the binary has few.
func checkDependencies(t *tree) (found []problem) {
	direct, indirect := requirements(t.goMod)
	shipped := map[string]bool{} // modules that shipped code imports
	for _, s := range t.sources {
		if s.file == nil || s.test {
			continue
		}
		for _, imp := range s.file.Imports {
			if m := moduleOf(importPath(imp), slices.Concat(direct, indirect)); m != "" {
				shipped[m] = true
			}
		}
	}
	if len(shipped) > maxDependencies {
		found = append(found, problem{"dependencies", "go.mod", fmt.Sprintf("%d direct dependencies in the binary, the limit is %d", len(shipped), maxDependencies)})
	}

	lines := registered(t.register)
	for _, m := range slices.Sorted(maps.Keys(union(direct, shipped))) {
		if !slices.Contains(lines, m) {
			found = append(found, problem{"dependencies", "docs/dependencies.md", "no line for " + m + ": say what it saves and how it could go"})
		}
	}
	for _, m := range lines {
		if !slices.Contains(direct, m) && !slices.Contains(indirect, m) {
			found = append(found, problem{"dependencies", "docs/dependencies.md", "a line for " + m + ", which is not in go.mod"})
		}
	}
	return found
}

// requirements reads the modules that a go.mod requires.
func requirements(goMod string) (direct, indirect []string) {
	block := false
	for line := range strings.Lines(goMod) {
		text, comment, _ := strings.Cut(strings.TrimSpace(line), "//")
		fields := strings.Fields(text)
		switch {
		case len(fields) == 2 && fields[0] == "require" && fields[1] == "(":
			block = true
			continue
		case len(fields) == 1 && fields[0] == ")":
			block = false
			continue
		case len(fields) == 3 && fields[0] == "require":
			fields = fields[1:]
		case !block || len(fields) != 2:
			continue
		}
		if strings.TrimSpace(comment) == "indirect" {
			indirect = append(indirect, fields[0])
		} else {
			direct = append(direct, fields[0])
		}
	}
	return direct, indirect
}

// registered reads the modules that docs/dependencies.md has a line for: the
// rows of its tables that start with a module path in backquotes.
func registered(text string) (modules []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(rest, "`")
			modules = append(modules, name)
		}
	}
	return modules
}

// moduleOf returns the module that a package belongs to: the longest that fits.
func moduleOf(name string, modules []string) (best string) {
	for _, m := range modules {
		if below(name, m) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

func union(list []string, set map[string]bool) map[string]bool {
	all := maps.Clone(set)
	for _, m := range list {
		all[m] = true
	}
	return all
}
