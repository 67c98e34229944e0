package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestFilesAndFunctionsFitTheReader(t *testing.T) {
	for _, s := range allSources(t) {
		report(t, tooLong(s))
		report(t, emptyNames(s))
	}
}

func tooLong(s *source) []string {
	var wrong []string
	if s.lines > maxFileLines {
		wrong = append(wrong, fmt.Sprintf("%s has %d lines, more than %d", s.file, s.lines, maxFileLines))
	}
	for _, d := range s.syntax.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && s.span(f) > maxFunctionLines {
			wrong = append(wrong, fmt.Sprintf("%s: %s has %d lines, more than %d", s.at(f), f.Name.Name, s.span(f), maxFunctionLines))
		}
	}
	return wrong
}

func emptyNames(s *source) []string {
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.file), ".go"), "_test")
	for _, word := range append(strings.Split(name, "_"), path.Base(s.folder)) {
		if slices.Contains(emptyWords, word) {
			return []string{fmt.Sprintf("%s: the name %q says nothing", s.file, word)}
		}
	}
	return nil
}

func TestEveryPackageOpensWithADocFile(t *testing.T) {
	report(t, undocumented(allSources(t)))
}

func undocumented(all []*source) []string {
	documented := make(map[string]bool)
	for _, s := range all {
		if s.isTest() {
			continue
		}
		ok := documented[s.folder]
		if path.Base(s.file) == "doc.go" && s.syntax.Doc != nil {
			words := strings.Fields(s.syntax.Doc.Text())
			ok = ok || len(words) > 1 && (words[0] == "Package" || words[0] == "Command")
		}
		documented[s.folder] = ok
	}
	var wrong []string
	for folder, ok := range documented {
		if !ok {
			wrong = append(wrong, folder+" has no doc.go that begins with \"Package\" or \"Command\"")
		}
	}
	slices.Sort(wrong)
	return wrong
}

func TestPackagesKeepNoState(t *testing.T) {
	for _, s := range allSources(t) {
		if !s.isTest() {
			report(t, packageState(s))
		}
	}
}

// packageState finds package variables that are given no value where they are
// declared: they can only be state.
func packageState(s *source) []string {
	var wrong []string
	for _, d := range s.syntax.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if ok && len(v.Values) == 0 && !isEmbedded(group.Doc) && !isEmbedded(v.Doc) {
				wrong = append(wrong, fmt.Sprintf("%s: package variable %s is state", s.at(v), v.Names[0].Name))
			}
		}
	}
	return wrong
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// A test sleeps only in packages whose tests run in virtual time.
func TestNoTestSleepsOutsideVirtualTime(t *testing.T) {
	report(t, sleeps(allSources(t)))
}

func sleeps(all []*source) []string {
	virtual := make(map[string]bool)
	for _, s := range all {
		if s.isTest() && s.imports()["synctest"] == "testing/synctest" {
			virtual[s.folder] = true
		}
	}
	var wrong []string
	for _, s := range all {
		if !s.isTest() || virtual[s.folder] || s.imports()["time"] != "time" {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					wrong = append(wrong, s.at(sel)+": time.Sleep in a test: wait for what should happen instead")
				}
			}
			return true
		})
	}
	return wrong
}

func TestBrokenHouseRulesAreFound(t *testing.T) {
	long := strings.Repeat("\tprintln()\n", maxFunctionLines)
	wantOne(t, tooLong(mustParse(t, "a/x.go", "package a\nfunc F() {\n"+long+"}\n")), "F has 72 lines")
	wantOne(t, tooLong(mustParse(t, "a/x.go", "package a\n"+strings.Repeat("\n", maxFileLines))), "has 401 lines")
	wantOne(t, tooLong(mustParse(t, "a/x_test.go", "package a\nfunc TestF() {\n"+long+"}\n")), "TestF has 72 lines")
	wantOne(t, emptyNames(mustParse(t, "a/peer_util.go", "package a\n")), "util")
	wantOne(t, emptyNames(mustParse(t, "common/x.go", "package common\n")), "common")
	wantOne(t, undocumented([]*source{mustParse(t, "a/doc.go", "// A.\npackage a\n")}), "a has no doc.go")
	wantOne(t, undocumented([]*source{mustParse(t, "a/x.go", "// Package a is.\npackage a\n")}), "a has no doc.go")
	wantOne(t, packageState(mustParse(t, "a/x.go", "package a\nvar n int\nvar m = 1\n")), "variable n")
	sleeper := mustParse(t, "a/x_test.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }\n")
	bubble := mustParse(t, "a/y_test.go", "package a\nimport \"testing/synctest\"\nvar _ = synctest.Wait\n")
	wantOne(t, sleeps([]*source{sleeper}), "x_test.go:3")
	report(t, sleeps([]*source{sleeper, bubble}))
}
