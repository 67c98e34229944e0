package client

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// exported returns what the package exports: functions, types and values as
// "client.X", methods as "T.X".
func exported(t *testing.T) map[string]bool {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if f.Recv == nil {
				names["client."+f.Name.Name] = true
			} else if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
				names[star.X.(*ast.Ident).Name+"."+f.Name.Name] = true
			}
		}
	}
	return names
}

func TestTheReadmeCallsWhatThereIs(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(readme), "```go\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatal("the README has no Go")
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "README.md", "package p\nfunc f() error {\n"+code+"return nil }", 0); err != nil {
		t.Error(err)
	}
	there, of := exported(t), map[string]string{"client": "client", "c": "Client", "guard": "Guard"}
	calls := regexp.MustCompile(`\b(client|c|guard)\.(\w+)\(`).FindAllStringSubmatch(code, -1)
	if len(calls) < 5 {
		t.Errorf("only %d calls", len(calls))
	}
	for _, call := range calls {
		if !there[of[call[1]]+"."+call[2]] {
			t.Errorf("there is no %s.%s", call[1], call[2])
		}
	}
}
