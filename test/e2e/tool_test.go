package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockd/test/real"
)

// toolTime ends a lockctl that should have ended long before.
const toolTime = 45 * time.Second

// A tool runs lockctl against one cluster.
type tool struct {
	tb   testing.TB
	env  []string
	path string
}

func newTool(tb testing.TB, c *real.Cluster) *tool {
	return &tool{tb: tb, path: binaries.Lockctl(), env: append(os.Environ(), "LOCKD_ADDR="+c.URLs(), "LOCKD_RUN_ID=")}
}

func (k *tool) command(args ...string) *exec.Cmd {
	cmd := exec.Command(k.path, args...)
	cmd.Env = k.env
	return cmd
}

// run runs lockctl to its end, which must have that exit code.
func (k *tool) run(want int, args ...string) (stdout, stderr string) {
	k.tb.Helper()
	var out, err bytes.Buffer
	cmd := k.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	if startErr := cmd.Start(); startErr != nil {
		k.tb.Fatal(startErr)
	}
	if got := exit(cmd); got != want {
		k.tb.Fatalf("lockctl %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, &out, &err)
	}
	return out.String(), err.String()
}

// exit waits for a started command and returns its exit code.
func exit(cmd *exec.Cmd) int {
	timer := time.AfterFunc(toolTime, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return -2
	}
	return cmd.ProcessState.ExitCode()
}

// A holding is a lockctl run whose command has begun.
type holding struct {
	cmd   *exec.Cmd
	in    io.Closer
	lines *bufio.Reader
	err   *bytes.Buffer
}

// hold starts a lockctl run and waits for the first line of its command.
func (k *tool) hold(args ...string) *holding {
	k.tb.Helper()
	h := &holding{cmd: k.command(append([]string{"run"}, args...)...), err: new(bytes.Buffer)}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		k.tb.Fatal(err)
	}
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		k.tb.Fatal(err)
	}
	h.cmd.Stderr = h.err
	if err := h.cmd.Start(); err != nil {
		k.tb.Fatal(err)
	}
	k.tb.Cleanup(func() {
		if h.cmd.ProcessState == nil {
			_ = h.cmd.Process.Kill()
			_ = h.cmd.Wait()
		}
	})
	h.lines = bufio.NewReader(out)
	if _, err := h.lines.ReadString('\n'); err != nil {
		k.tb.Fatalf("%v: %s", err, h.err)
	}
	return h
}

// end ends the command's stdin and waits for the end of lockctl, and of everything
// that has its stdout.
func (h *holding) end() int {
	_ = h.in.Close()                    // it may have been closed by the end of lockctl
	_, _ = io.Copy(io.Discard, h.lines) // the pipe ends with its last writer
	return exit(h.cmd)
}

func (h *holding) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := h.cmd.Process.Signal(s); err != nil {
		tb.Fatal(err)
	}
}

func parsed[T any](tb testing.TB, text string) T {
	tb.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	return value
}
