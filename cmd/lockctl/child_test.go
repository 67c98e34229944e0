package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
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

// muchTime is what end is told when there is no hurry.
func muchTime() time.Duration { return time.Minute }

func TestTheCommandsOwnExitCodeIsPassedOn(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 128 + 9, "kill -TERM $$": 128 + 15} {
		c, _ := startShell(t, script, time.Minute)
		if code := c.wait(); code != want {
			t.Errorf("%s: exit %d", script, code)
		}
	}
}

// Its sleeps are short: one that is hit before it has become a sleep lives on.
func TestACommandIsEndedByItsSoftSignal(t *testing.T) {
	c, _ := startShell(t, `trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done`, time.Minute)
	_, killed := c.end(muchTime, 0)
	if code := c.wait(); code != 3 || killed {
		t.Errorf("exit %d, killed %v", code, killed)
	}
}

func TestWhoIgnoresTheSoftSignalIsKilledWithAllItStarted(t *testing.T) {
	c, rest := startShell(t, `trap '' TERM; sleep 600 & echo ready; sleep 600; sleep 600`, 50*time.Millisecond)
	_, killed := c.end(muchTime, 0)
	if code := c.wait(); code != exitSignal+int(syscall.SIGKILL) || !killed {
		t.Errorf("exit %d, killed %v", code, killed)
	}
	if _, err := io.ReadAll(rest); err != nil { // ends with the last of the group
		t.Error(err)
	}
}

func TestOneThatIsLeftBehindHasTheSameTimeAsTheCommand(t *testing.T) {
	c, rest := startShell(t, `(trap 'sleep 0.2; echo done; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait`, time.Minute)
	_, killed := c.end(muchTime, 0)
	if code := c.wait(); code != exitSignal+int(syscall.SIGTERM) || killed {
		t.Errorf("exit %d, killed %v", code, killed)
	}
	if text, err := io.ReadAll(rest); err != nil || string(text) != "done\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWhoLeftTheGroupIsEndedWithIt(t *testing.T) {
	c, rest := startShell(t, `setsid sh -c 'trap "" TERM; echo ready; sleep 600; sleep 600' & wait`, 50*time.Millisecond)
	if _, killed := c.end(muchTime, 0); !killed {
		t.Error("it was not killed")
	}
	c.wait()
	if _, err := io.ReadAll(rest); err != nil { // ends with the last that has the pipe
		t.Error(err)
	}
}

func TestNoTimeLeftMeansKillAtOnce(t *testing.T) {
	c, _ := startShell(t, `trap '' TERM; echo ready; while :; do sleep 600; done`, time.Minute)
	if _, killed := c.end(func() time.Duration { return 0 }, 0); !killed {
		t.Error("it was not killed")
	}
	if code := c.wait(); code != exitSignal+int(syscall.SIGKILL) {
		t.Errorf("exit %d", code)
	}
}

func TestAStoppedCommandIsEnded(t *testing.T) {
	c, _ := startShell(t, `echo ready; kill -STOP $$; exit 5`, time.Minute)
	c.end(muchTime, 0)
	if code := c.wait(); code != exitSignal+int(syscall.SIGTERM) {
		t.Errorf("exit %d", code)
	}
}

func TestAStoppedCommandIsNotContinuedWithoutTheLock(t *testing.T) {
	c, _ := startShell(t, `trap 'exit 4' TERM; echo ready; kill -STOP $$; exit 5`, time.Minute)
	c.mayGoOn = func() bool { return false }
	awaitStopped(t, c.pid)
	c.signal(syscall.SIGCONT)
	c.signal(syscall.SIGTERM)
	if s, ok := readState(c.pid); !ok || s != "T" {
		t.Errorf("state %s", s)
	}
	c.mayGoOn = nil
	c.signal(syscall.SIGCONT)
	if code := c.wait(); code != 4 {
		t.Errorf("exit %d", code)
	}
}

// readState is the state of a process as in proc_pid_stat(5).
func readState(pid int) (string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:min(1, len(rest))], err == nil
}

func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-ticker.C {
		if s, _ := readState(pid); s == "T" {
			return
		}
	}
	t.Fatal("it does not stop")
}

func TestSignalsReachTheWholeGroup(t *testing.T) {
	c, rest := startShell(t, `trap 'echo usr1; exit 4' USR1; sleep 600 & echo ready; wait`, time.Minute)
	c.signal(syscall.SIGUSR1)
	if code := c.wait(); code != 4 {
		t.Errorf("exit %d", code)
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
