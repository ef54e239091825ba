package arch_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// checkPure holds the engine's core to what a seed can replay bit for bit: no
// clock, no waiting, no lots, no I/O, no goroutine, no order of a map.
func checkPure(t *tree) (found []problem) {
	p := t.packages[pureCore]
	if p == nil {
		return nil
	}
	for _, s := range p.files {
		for _, imp := range s.file.Imports {
			name := importPath(imp)
			if !slices.Contains(pureImports, name) && !strings.HasPrefix(name, module+"/") {
				found = append(found, problem{"pure", s.path, "the pure core may not import " + name})
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if what := impurity(p, n); what != "" {
				found = append(found, problem{"pure", t.at(s, n), what})
			}
			return true
		})
	}
	return found
}

func impurity(p *pkg, n ast.Node) string {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		if p.imported(n.X) == "time" && slices.Contains(pureTime, n.Sel.Name) {
			return "time." + n.Sel.Name + ": the time comes with the event"
		}
		if p.imported(n.X) == "fmt" && (strings.HasPrefix(n.Sel.Name, "Print") || strings.HasPrefix(n.Sel.Name, "Scan")) {
			return "fmt." + n.Sel.Name + " does I/O"
		}
	case *ast.GoStmt:
		return "a goroutine: the runner's business"
	case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
		return "a channel: the runner's business"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "a channel: the runner's business"
		}
	case *ast.RangeStmt:
		if tv, ok := p.info.Types[n.X]; ok && tv.Type != nil {
			if _, ok := tv.Type.Underlying().(*types.Map); ok {
				return "range over a map: its order differs from run to run"
			}
		}
	}
	return ""
}

var (
	// branchConstant matches the constants of connector that a runner must not weigh.
	branchConstant = regexp.MustCompile(`^(State|Verdict|Lane|Reason)[A-Z]`)
	branchTypes    = []string{"LaneID", "LaneState"}
	// branchNames are the fields and methods that carry them.
	branchNames = []string{"State", "Verdict", "Reason", "Final", "Held"}
	comparisons = []token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}
)

// checkRunner holds dispatch to running the machine: what a state or verdict
// means is decided in lane alone, so no condition there may mention one.
func checkRunner(t *tree) (found []problem) {
	p := t.packages[runner]
	if p == nil {
		return nil
	}
	for _, s := range p.files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			for _, cond := range conditions(n) {
				what := weighed(p, cond)
				bad := problem{"runner", t.at(s, cond), "a branch on " + what + ": what it means is decided in lane"}
				if what != "" && !slices.Contains(found, bad) {
					found = append(found, bad)
				}
			}
			return true
		})
	}
	return found
}

// conditions returns what n decides by, if it decides anything.
func conditions(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.IfStmt:
		return []ast.Expr{n.Cond}
	case *ast.ForStmt:
		if n.Cond != nil {
			return []ast.Expr{n.Cond}
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			return []ast.Expr{n.Tag}
		}
	case *ast.CaseClause:
		return n.List
	case *ast.BinaryExpr:
		if slices.Contains(comparisons, n.Op) {
			return []ast.Expr{n}
		}
	}
	return nil
}

// weighed names the state or verdict that an expression mentions, or "".
func weighed(p *pkg, e ast.Expr) (what string) {
	ast.Inspect(e, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if what != "" || !ok {
			return what == ""
		}
		if p.imported(sel.X) == module+"/internal/connector" {
			if branchConstant.MatchString(sel.Sel.Name) && !slices.Contains(branchTypes, sel.Sel.Name) {
				what = "connector." + sel.Sel.Name
			}
			return false
		}
		if slices.Contains(branchNames, sel.Sel.Name) {
			what = "." + sel.Sel.Name
		}
		return true
	})
	return what
}
