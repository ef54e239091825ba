package arch_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// checkState holds that no package has a memory of its own: no init, and only
// package variables that never change.
func checkState(t *tree) (found []problem) {
	for _, p := range t.packages {
		for _, s := range p.files {
			for _, d := range s.file.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						found = append(found, problem{"state", t.at(s, d), "func init: everything a room needs comes through its constructor"})
					}
				case *ast.GenDecl:
					found = append(found, variables(t, p, s, d)...)
				}
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				for _, target := range written(n) {
					if name := packageVariable(p, target); name != "" {
						found = append(found, problem{"state", t.at(s, n), "package variable " + name + " is changed"})
					}
				}
				return true
			})
		}
	}
	return found
}

// variables looks at what a var declaration of a package starts with.
func variables(t *tree, p *pkg, s *source, d *ast.GenDecl) (found []problem) {
	if d.Tok != token.VAR {
		return nil
	}
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || embedded(d.Doc) || embedded(v.Doc) {
			continue
		}
		for i, name := range v.Names {
			if name.Name == "_" {
				continue // a claim to the compiler
			}
			if i >= len(v.Values) || !constant(p, s, v.Values[i]) {
				found = append(found, problem{"state", t.at(s, v), "package variable " + name.Name + " may change: give it to a constructor, or make it a constant or a table"})
			}
		}
	}
	return found
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// constant reports whether an expression makes a value that nobody changes.
func constant(p *pkg, s *source, e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncLit:
		return true
	case *ast.BasicLit:
		return s.file.Name.Name == "main" // the linker writes the version
	case *ast.CompositeLit:
		sel, ok := e.Type.(*ast.SelectorExpr)
		return !ok || !below(p.imported(sel.X), "sync")
	case *ast.CallExpr:
		switch f := e.Fun.(type) {
		case *ast.ArrayType: // a conversion: []byte("...")
			return true
		case *ast.Ident: // a table made by a function of this package
			return f.Name != "make" && f.Name != "new"
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok {
				return slices.Contains(constantCalls, x.Name+"."+f.Sel.Name)
			}
			return constant(p, s, f.X) // a chain: base32.NewEncoding(...).WithPadding(...)
		}
	}
	return false
}

// written returns what a statement writes to.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if _, ok := n.X.(*ast.Ident); ok && n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") {
			return n.Args[:min(1, len(n.Args))]
		}
	}
	return nil
}

// packageVariable names the package variable of p that an expression is a part
// of, or "".
func packageVariable(p *pkg, e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.Ident:
			v, ok := p.info.Uses[x].(*types.Var)
			if ok && p.types != nil && v.Parent() == p.types.Scope() {
				return x.Name
			}
			return ""
		default:
			return ""
		}
	}
}
