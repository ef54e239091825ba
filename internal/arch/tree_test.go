package arch_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"strings"
)

// tree is the module as the rules see it.
type tree struct {
	fset     *token.FileSet
	sources  []*source
	packages map[string]*pkg
	goMod    string
	register string // docs/dependencies.md
}

// source is one file of Go or templ.
type source struct {
	path, dir string
	test      bool
	generated bool
	lines     int
	file      *ast.File // nil: not Go
}

// pkg is the shipped part of one package: neither tests nor generated files.
type pkg struct {
	dir   string
	files []*source
	info  *types.Info
	types *types.Package
}

// problem is a place where the house differs from the plan.
type problem struct{ rule, where, what string }

func (p problem) String() string { return p.rule + ": " + p.where + ": " + p.what }

func load(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), packages: map[string]*pkg{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return enter(fsys, name)
		case strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".templ"):
			return t.add(fsys, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range t.packages {
		p.check(t.fset)
	}
	if t.goMod, err = readText(fsys, "go.mod"); err != nil {
		return nil, err
	}
	t.register, err = readText(fsys, "docs/dependencies.md")
	return t, err
}

// enter skips what is not part of the module or not ours.
func enter(fsys fs.FS, dir string) error {
	base := path.Base(dir)
	switch {
	case dir == ".":
		return nil
	case base == "testdata" || base == "node_modules" || base == "vendor" || base[0] == '.' || base[0] == '_':
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t *tree) add(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	s := &source{path: name, dir: path.Dir(name), lines: bytes.Count(text, []byte("\n"))}
	t.sources = append(t.sources, s)
	if !strings.HasSuffix(name, ".go") {
		return nil
	}
	s.file, err = parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	s.test = strings.HasSuffix(name, "_test.go")
	s.generated = ast.IsGenerated(s.file)
	if s.test || s.generated {
		return nil
	}
	p := t.packages[s.dir]
	if p == nil {
		p = &pkg{dir: s.dir}
		t.packages[s.dir] = p
	}
	p.files = append(p.files, s)
	return nil
}

// check resolves the names of one package. What it imports stays unknown, so
// its type errors mean nothing: only names and types of its own are used.
func (p *pkg) check(fset *token.FileSet) {
	var files []*ast.File
	for _, s := range p.files {
		files = append(files, s.file)
	}
	p.info = &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: nothing{}, Error: func(error) {}, FakeImportC: true}
	p.types, _ = conf.Check(module+"/"+p.dir, fset, files, p.info) // incomplete on purpose
}

// nothing is an importer that finds nothing.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not looked at") }

// imported returns the path of the package that an identifier names, or "".
func (p *pkg) imported(e ast.Expr) string {
	id, ok := e.(*ast.Ident)
	if !ok {
		return ""
	}
	if name, ok := p.info.Uses[id].(*types.PkgName); ok {
		return name.Imported().Path()
	}
	return ""
}

func (t *tree) at(s *source, n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, t.fset.Position(n.Pos()).Line)
}

func readText(fsys fs.FS, name string) (string, error) {
	b, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

func below(name, parent string) bool { return name == parent || strings.HasPrefix(name, parent+"/") }
