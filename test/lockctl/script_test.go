package lockctl

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lockd/test/real"
)

func TestScripts(t *testing.T) {
	params := scripts(t)
	params.Dir = filepath.Join("testdata", "script")
	testscript.Run(t, params)
}

// A stage is what one script acts on.
type stage struct {
	cluster *real.Cluster
	// own says that the cluster is the script's own, to hurt as it likes.
	own bool
	// dir is where the script runs.
	dir string
	// processes are those that the script has started, by name.
	processes map[string]*process
}

type stageKey struct{}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// scripts are parameters with which testscript runs scripts as doc.go says. The
// shared cluster ends with t.
func scripts(t *testing.T) testscript.Params {
	t.Helper()
	// Elections are for those with a cluster of their own.
	shared := real.Start(t, binaries, 3, "--timing-multiplier=5")
	return testscript.Params{
		RequireUniqueNames: true,
		Cmds:               commands(),
		Setup: func(env *testscript.Env) error {
			name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			s := &stage{cluster: shared, dir: env.WorkDir, processes: make(map[string]*process)}
			if strings.HasPrefix(name, "cluster_") {
				s.cluster, s.own = real.Start(env.T().(testing.TB), binaries, 3), true
			}
			env.Values[stageKey{}] = s
			env.Defer(s.end)
			env.Setenv("NAME", name)
			env.Setenv("LOCKD_ADDR", s.cluster.URLs())
			env.Setenv("PATH", string(binaries)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return nil
		},
	}
}
