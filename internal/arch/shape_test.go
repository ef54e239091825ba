package arch_test

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
)

// checkSize holds files and functions to what a reader keeps in mind at once.
func checkSize(t *tree) (found []problem) {
	for _, s := range t.sources {
		if s.test || s.generated {
			continue
		}
		if s.lines > maxFileLines {
			found = append(found, problem{"size", s.path, fmt.Sprintf("%d lines, the limit is %d", s.lines, maxFileLines)})
		}
		if s.file == nil {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if lines := t.fset.Position(n.End()).Line - t.fset.Position(n.Pos()).Line + 1; lines > maxFuncLines {
					found = append(found, problem{"size", t.at(s, n), fmt.Sprintf("func %s has %d lines, the limit is %d", n.Name.Name, lines, maxFuncLines)})
				}
			case *ast.FuncType:
				if count := params(n); count > maxParams {
					found = append(found, problem{"size", t.at(s, n), fmt.Sprintf("%d parameters after ctx, the limit is %d: use a struct", count, maxParams)})
				}
			}
			return true
		})
	}
	return found
}

// params counts the parameters of a function after its ctx.
func params(f *ast.FuncType) (count int) {
	for i, field := range f.Params.List {
		if sel, ok := field.Type.(*ast.SelectorExpr); ok && i == 0 && sel.Sel.Name == "Context" {
			continue
		}
		count += max(1, len(field.Names))
	}
	return count
}

// checkComment holds that every package says in its comment what it is for.
func checkComment(t *tree) (found []problem) {
	for dir, p := range t.packages {
		want := "Package " + p.files[0].file.Name.Name + " "
		if p.files[0].file.Name.Name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		var docs []string
		for _, s := range p.files {
			if s.file.Doc != nil {
				docs = append(docs, s.file.Doc.Text())
			}
		}
		switch {
		case len(docs) == 0:
			found = append(found, problem{"comment", dir, "no package comment"})
		case len(docs) > 1:
			found = append(found, problem{"comment", dir, "more than one package comment"})
		case !strings.HasPrefix(docs[0], want):
			found = append(found, problem{"comment", dir, fmt.Sprintf("the package comment does not start with %q", want)})
		}
	}
	return found
}

var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

// checkUnfinished holds that what is missing stands in an issue, not in the code.
func checkUnfinished(t *tree) (found []problem) {
	for _, s := range t.sources {
		if s.file == nil || s.generated {
			continue
		}
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if mark := unfinished.FindString(c.Text); mark != "" {
					found = append(found, problem{"unfinished", t.at(s, c), "a " + mark + ": finish it, or make it an issue"})
				}
			}
		}
	}
	return found
}
