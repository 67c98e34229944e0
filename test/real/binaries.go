package real

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Binaries is a folder with lockd and lockctl in it.
type Binaries string

// Build builds lockd and lockctl into dir, with the race detector if that is
// asked for.
func Build(dir string, race bool) (Binaries, error) {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/lockd", "./cmd/lockctl")...)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return Binaries(dir), nil
}

// Lockd is the path of the server.
func (b Binaries) Lockd() string { return filepath.Join(string(b), "lockd") }

// Lockctl is the path of the command line.
func (b Binaries) Lockctl() string { return filepath.Join(string(b), "lockctl") }

// Root is the folder of this module's sources.
func Root() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		panic("real: the sources are not where they were built")
	}
	root := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		panic("real: " + err.Error())
	}
	return root
}
