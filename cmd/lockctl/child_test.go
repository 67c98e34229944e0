package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// startShell starts a script as CMD and waits for its first line, if it says one.
// The rest of its output ends when the last process that has it ended.
func startShell(t *testing.T, script string, killAfter time.Duration) (c *child, rest *bufio.Reader) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	if err := read.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	tool := &tool{stdin: os.Stdin, stdout: write, stderr: os.Stderr}
	path, err := findCommand("sh")
	if err != nil {
		t.Fatal(err)
	}
	c = tool.newChild(path, []string{"sh", "-c", script}, os.Environ(), killAfter)
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.signalGroup(syscall.SIGKILL) })
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(read)
	if _, err := lines.ReadString('\n'); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return c, lines
}

func TestTheCommandsOwnExitCodeIsPassedOn(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 128 + 9, "kill -TERM $$": 128 + 15} {
		c, _ := startShell(t, script, time.Minute)
		if code, lost := c.wait(context.Background()); code != want || lost {
			t.Errorf("%s: exit %d, lost %v", script, code, lost)
		}
	}
}

func TestALostLockEndsTheCommandByTERM(t *testing.T) {
	c, _ := startShell(t, `trap 'exit 3' TERM; echo ready; while :; do sleep 600 & wait; done`, time.Minute)
	lock, lose := context.WithCancel(context.Background())
	lose()
	if code, lost := c.wait(lock); code != 3 || !lost {
		t.Errorf("exit %d, lost %v", code, lost)
	}
}

func TestWhoIgnoresTERMIsKilledWithAllItStarted(t *testing.T) {
	c, rest := startShell(t, `trap '' TERM; sleep 600 & echo ready; sleep 600; sleep 600`, 50*time.Millisecond)
	lock, lose := context.WithCancel(context.Background())
	lose()
	if code, lost := c.wait(lock); code != exitSignal+int(syscall.SIGKILL) || !lost {
		t.Errorf("exit %d, lost %v", code, lost)
	}
	if _, err := io.ReadAll(rest); err != nil { // ends with the last of the group
		t.Error(err)
	}
}

func TestALostLockEndsAStoppedCommandToo(t *testing.T) {
	c, _ := startShell(t, `echo ready; kill -STOP $$; exit 5`, time.Minute)
	lock, lose := context.WithCancel(context.Background())
	lose()
	if code, lost := c.wait(lock); code != exitSignal+int(syscall.SIGTERM) || !lost {
		t.Errorf("exit %d, lost %v", code, lost)
	}
}

func TestSignalsReachTheWholeGroup(t *testing.T) {
	c, rest := startShell(t, `trap 'echo usr1; exit 4' USR1; sleep 600 & echo ready; wait`, time.Minute)
	c.signal(syscall.SIGUSR1)
	if code, lost := c.wait(context.Background()); code != 4 || lost {
		t.Errorf("exit %d, lost %v", code, lost)
	}
	if text, err := rest.ReadString('\n'); err != nil || text != "usr1\n" {
		t.Errorf("%q, %v", text, err)
	}
	c.signal(syscall.SIGTERM) // to nobody any more
}

func TestACommandThatCannotRunHasItsOwnExitCode(t *testing.T) {
	text := t.TempDir() + "/text"
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"lockctl-no-such-command": exitNotFound, "/nonexistent/x": exitNotFound, text: exitCannot} {
		if _, err := findCommand(name); exitCode(err) != want {
			t.Errorf("%s: %v exits with %d, want %d", name, err, exitCode(err), want)
		}
	}
}

func TestTheEnvironmentNamesTheLockOnce(t *testing.T) {
	env := environment([]string{"A=1", "LOCKD_FENCE=old", "LOCKD_ADDR=x"}, map[string]string{"LOCKD_REF": "r", "LOCKD_RUN_ID": "me", "LOCKD_FENCE": "7"})
	want := []string{"A=1", "LOCKD_ADDR=x", "LOCKD_REF=r", "LOCKD_RUN_ID=me", "LOCKD_FENCE=7"}
	if len(env) != len(want) {
		t.Fatalf("%q", env)
	}
	for i := range want {
		if env[i] != want[i] {
			t.Errorf("%q, want %q", env, want)
		}
	}
}
