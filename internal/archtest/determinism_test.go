package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestReplicasCannotDiffer(t *testing.T) {
	var paths []string
	for _, name := range deterministic {
		paths = append(paths, module+"/"+name)
	}
	imports := exportedTypes(t, paths...)
	byFolder := make(map[string][]*source)
	for _, s := range allSources(t) {
		if !s.isTest() {
			byFolder[s.folder] = append(byFolder[s.folder], s)
		}
	}
	for _, name := range deterministic {
		report(t, nondeterministic(t, imports, byFolder[name]))
	}
}

// exportedTypes resolves imports from the compiler's own export files, for the
// packages named and all that they import.
func exportedTypes(t *testing.T, packages ...string) func(path string) (io.ReadCloser, error) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Export"}, packages...)...)
	cmd.Dir = moduleRoot
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	files := make(map[string]string)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var listed struct{ ImportPath, Export string }
		if err := decoder.Decode(&listed); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		files[listed.ImportPath] = listed.Export
	}
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no export file of %s", path)
		}
		return os.Open(files[path])
	}
}

// nondeterministic finds what could make two replicas that run this package
// differ: goroutines, clocks, the random choice of a select, the order of a map.
func nondeterministic(t *testing.T, lookup func(string) (io.ReadCloser, error), files []*source) []string {
	t.Helper()
	if len(files) == 0 {
		return []string{"a deterministic package has no files"}
	}
	fset := files[0].fset
	check := &determinism{fset: fset, types: &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}}
	var syntax []*ast.File
	for _, s := range files {
		syntax = append(syntax, s.syntax)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	if _, err := config.Check(files[0].folder, fset, syntax, check.types); err != nil {
		t.Fatal(err)
	}
	for _, file := range syntax {
		check.excuses = excuses(fset, file)
		ast.Inspect(file, check.visit)
	}
	return check.wrong
}

type determinism struct {
	fset    *token.FileSet
	types   *types.Info
	excuses map[int]bool
	sorted  []ast.Expr
	wrong   []string
}

func (d *determinism) add(node ast.Node, what string) {
	at := d.fset.Position(node.Pos())
	d.wrong = append(d.wrong, fmt.Sprintf("%s:%d: %s", at.Filename, at.Line, what))
}

func (d *determinism) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		d.add(n, "a go statement in a deterministic package")
	case *ast.SelectStmt:
		if len(n.Body.List) > 1 {
			d.add(n, "a select chooses at random")
		}
	case *ast.RangeStmt:
		if d.isMap(n.X) && !d.excuses[d.fset.Position(n.Pos()).Line] {
			d.add(n, "a range over a map has no order: sort its keys, or say why none is needed with "+anyOrder)
		}
	case *ast.CallExpr:
		d.call(n)
	}
	return true
}

func (d *determinism) isMap(x ast.Expr) bool {
	typed, ok := d.types.Types[x]
	if !ok {
		return false
	}
	_, ok = typed.Type.Underlying().(*types.Map)
	return ok
}

func (d *determinism) call(call *ast.CallExpr) {
	from, name := d.callee(call)
	switch {
	case from == "time" && clockCalls[name]:
		d.add(call, "time."+name+" in a deterministic package: time comes with the command")
	case from == "slices" && strings.HasPrefix(name, "Sorted") && len(call.Args) > 0:
		d.sorted = append(d.sorted, call.Args[0])
	case from == "maps" && (name == "Keys" || name == "Values" || name == "All"):
		if !slices.Contains(d.sorted, ast.Expr(call)) && !d.excuses[d.fset.Position(call.Pos()).Line] {
			d.add(call, "maps."+name+" has no order: hand it to slices.Sorted")
		}
	}
}

// callee names the package and the function of a call of an imported function.
func (d *determinism) callee(call *ast.CallExpr) (from, name string) {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	f, ok := d.types.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Signature().Recv() != nil {
		return "", ""
	}
	return f.Pkg().Path(), f.Name()
}

// excuses lists the lines that say why a map's order does not matter there.
func excuses(fset *token.FileSet, file *ast.File) map[int]bool {
	lines := make(map[int]bool)
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, anyOrder) {
				line := fset.Position(comment.Pos()).Line
				lines[line], lines[line+1] = true, true
			}
		}
	}
	return lines
}

func TestNondeterminismIsFound(t *testing.T) {
	lookup := exportedTypes(t, "time", "maps", "slices")
	const head = "package gate\nimport (\n\"maps\"\n\"slices\"\n\"time\"\n)\n" +
		"var _, _, _ = maps.Keys[map[int]int], slices.Sorted[int], time.Unix\n" +
		"type table map[string]int\n"
	for _, c := range []struct{ body, part string }{
		{"func f() { go func() {}() }", "go statement"},
		{"func f() time.Time { return time.Now() }", "time.Now"},
		{"func f(t time.Time) time.Duration { return time.Since(t) }", "time.Since"},
		{"func f(a, b chan int) { select { case <-a: case <-b: } }", "select"},
		{"func f(m map[string]int) { for range m { } }", "range over a map"},
		{"func f(m table) { for k := range m { println(k) } }", "range over a map"},
		{"func f(m table) { for k := range maps.Keys(m) { println(k) } }", "maps.Keys"},
		{"func f(m table) []int { return slices.Collect(maps.Values(m)) }", "maps.Values"},
	} {
		s := mustParse(t, "gate/x.go", head+c.body+"\n")
		wantOne(t, nondeterministic(t, lookup, []*source{s}), c.part)
	}
	for _, body := range []string{
		"func f(m table) []string { return slices.Sorted(maps.Keys(m)) }",
		"func f(m table) (n int) {\n//archtest:any-order a sum has none\nfor _, v := range m {\nn += v\n}\nreturn n }",
		"func f(s []int) { for range s { } }",
		"func f(t time.Time) time.Time { return t.Add(time.Second) }",
	} {
		s := mustParse(t, "gate/x.go", head+body+"\n")
		report(t, nondeterministic(t, lookup, []*source{s}))
	}
}
