package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "lockd"

func TestPackagesImportOnlyTheirNeighbours(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range allSources(t) {
		seen[s.folder] = true
		if !s.isTest() {
			report(t, badImports(s))
		}
	}
	for name := range layers {
		if !seen[name] {
			t.Errorf("the layer %s has a rule but no package", name)
		}
	}
}

func badImports(s *source) []string {
	name, ruled := layerOf(s.folder)
	if !ruled {
		return nil
	}
	var wrong []string
	for _, imported := range s.imports() {
		if inner, found := strings.CutPrefix(imported, module+"/"); found && below(inner, name) {
			continue
		}
		if why := layers[name].refuses(imported); why != "" {
			wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", s.file, imported, why))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// layerOf names the layer that a folder belongs to: its own or the nearest above.
func layerOf(folder string) (name string, ruled bool) {
	for folder != "." {
		if _, ruled := layers[folder]; ruled {
			return folder, true
		}
		folder = path.Dir(folder)
	}
	return "", false
}

func below(inner, folder string) bool {
	return inner == folder || strings.HasPrefix(inner, folder+"/")
}

// refuses says why the layer may not import path, or nothing if it may.
func (l layer) refuses(path string) string {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case first == module:
		inner := strings.TrimPrefix(path, module+"/")
		if !slices.Contains(l.inside, inner) {
			return "not a neighbour of this layer"
		}
	case strings.Contains(first, "."):
		covers := func(allowed string) bool { return below(path, allowed) }
		if !slices.ContainsFunc(l.outside, covers) {
			return "not among this layer's modules"
		}
	case slices.Contains(l.never, path):
		return "this layer must not know it"
	}
	return ""
}

func TestAnImportAcrossLayersIsFound(t *testing.T) {
	for _, c := range []struct{ file, path, part string }{
		{"gate/x.go", "lockd/fsm", "not a neighbour"},
		{"gate/x.go", "sync", "must not know"},
		{"gate/x.go", "math/rand/v2", "must not know"},
		{"gate/x.go", "github.com/hashicorp/raft", "not among"},
		{"fsm/x.go", "lockd/cluster", "not a neighbour"},
		{"cluster/x.go", "net/http", "must not know"},
		{"cluster/x.go", "lockd/api", "not a neighbour"},
		{"transport/peer/x.go", "lockd/gate", "not a neighbour"},
		{"transport/httpapi/x.go", "lockd/fsm", "not a neighbour"},
		{"transport/httpapi/x.go", "github.com/hashicorp/raft", "not among"},
		{"api/x.go", "gopkg.in/yaml.v3", "not among"},
		{"client/x.go", "lockd/cluster", "not a neighbour"},
		{"transport/httpapi/inner/x.go", "lockd/fsm", "not a neighbour"},
		{"cmd/lockctl/x.go", "lockd/gate", "not a neighbour"},
	} {
		s := mustParse(t, c.file, fmt.Sprintf("package x\nimport _ %q\n", c.path))
		wantOne(t, badImports(s), c.part)
	}
}

func TestANeighbourAndAModuleBelowAnAllowedPathAreFine(t *testing.T) {
	s := mustParse(t, "transport/httpapi/x.go",
		"package x\nimport (\n_ \"lockd/api\"\n_ \"lockd/transport/httpapi/inner\"\n_ \"github.com/prometheus/client_golang/prometheus\"\n_ \"net/http\"\n)\n")
	report(t, badImports(s))
}
