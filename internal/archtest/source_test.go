package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// source is one parsed file of the module.
type source struct {
	// folder and file are slash-separated and relative to the module's root.
	folder, file string
	fset         *token.FileSet
	syntax       *ast.File
	lines        int
}

func (s *source) isTest() bool { return strings.HasSuffix(s.file, "_test.go") }

// at says where node is.
func (s *source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", s.file, s.fset.Position(node.Pos()).Line)
}

func (s *source) span(node ast.Node) int {
	return s.fset.Position(node.End()).Line - s.fset.Position(node.Pos()).Line + 1
}

// imports maps the name by which the file knows each import to its path.
func (s *source) imports() map[string]string {
	paths := make(map[string]string)
	for _, spec := range s.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = path
	}
	return paths
}

func parse(fset *token.FileSet, file string, text []byte) (*source, error) {
	syntax, err := parser.ParseFile(fset, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	folder := "."
	if i := strings.LastIndexByte(file, '/'); i >= 0 {
		folder = file[:i]
	}
	return &source{folder: folder, file: file, fset: fset, syntax: syntax, lines: strings.Count(string(text), "\n")}, nil
}

const moduleRoot = "../.."

// allSources parses every Go file of the module, whatever its build tags, into
// one file set.
func allSources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	fset := token.NewFileSet()
	err := filepath.WalkDir(moduleRoot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != moduleRoot && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(moduleRoot, path)
		if err != nil {
			return err
		}
		s, err := parse(fset, filepath.ToSlash(file), text)
		if err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// mustParse is one file of source that a test makes up.
func mustParse(t *testing.T, file, text string) *source {
	t.Helper()
	s, err := parse(token.NewFileSet(), file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func report(t *testing.T, wrong []string) {
	t.Helper()
	for _, w := range wrong {
		t.Error(w)
	}
}

// wantOne fails unless exactly one thing is wrong and its text has part in it.
func wantOne(t *testing.T, wrong []string, part string) {
	t.Helper()
	if len(wrong) != 1 || !strings.Contains(wrong[0], part) {
		t.Errorf("found %q, want one finding with %q", wrong, part)
	}
}
