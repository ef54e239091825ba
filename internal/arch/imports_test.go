package arch_test

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// checkPlan holds the arrows: a package is a room of the plan and imports only
// rooms that the plan gives it.
func checkPlan(t *tree) (found []problem) {
	for _, s := range t.sources {
		if s.file == nil || s.test {
			continue
		}
		i := slices.IndexFunc(rooms, func(r room) bool { return r.path == s.dir })
		if i < 0 {
			found = append(found, problem{"plan", s.path, "package " + s.dir + " is not on the plan"})
			continue
		}
		for _, imp := range s.file.Imports {
			in, ours := strings.CutPrefix(importPath(imp), module+"/")
			may := slices.Contains(rooms[i].may, in) || slices.Contains(rooms[i].may, "*") && !slices.Contains(testOnly, in)
			if ours && !may {
				found = append(found, problem{"plan", s.path, s.dir + " may not import " + in})
			}
		}
	}
	return found
}

// checkReserved holds the packages that are only for some rooms.
func checkReserved(t *tree) (found []problem) {
	for _, s := range t.sources {
		if s.file == nil || s.test {
			continue
		}
		for _, imp := range s.file.Imports {
			name := importPath(imp)
			if imp.Name != nil && imp.Name.Name == "." {
				found = append(found, problem{"reserved", s.path, "dot import of " + name + " hides where names come from"})
			}
			for _, r := range reserved {
				if below(name, r.path) && !slices.Contains(r.rooms, s.dir) {
					found = append(found, problem{"reserved", s.path, s.dir + " may not import " + name + ": " + r.why})
				}
			}
		}
	}
	return found
}

// checkStdlib holds the rooms that depend on nothing.
func checkStdlib(t *tree) (found []problem) {
	for _, s := range t.sources {
		if s.file == nil || s.test || !slices.Contains(stdlibOnly, s.dir) {
			continue
		}
		for _, imp := range s.file.Imports {
			if name := importPath(imp); !standard(name) {
				found = append(found, problem{"stdlib", s.path, s.dir + " may import only the standard library, not " + name})
			}
		}
	}
	return found
}

func importPath(imp *ast.ImportSpec) string {
	name, err := strconv.Unquote(imp.Path.Value)
	if err != nil {
		return imp.Path.Value
	}
	return name
}

// standard reports whether a package is the standard library's: only its first
// element has no dot.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}
