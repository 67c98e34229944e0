package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockd/test/real"
)

// A script is scripts/local-cluster.sh for one cluster.
type script struct {
	tb   testing.TB
	dir  string
	base int
	// from is the folder that it is called from.
	from string
}

func newScript(tb testing.TB) *script {
	tb.Helper()
	s := &script{tb: tb, dir: filepath.Join(tb.TempDir(), "a cluster"), base: real.Ports(tb, 50), from: tb.TempDir()}
	tb.Cleanup(func() {
		if out, err := s.command("down", "--purge").CombinedOutput(); err != nil {
			tb.Errorf("down --purge: %v\n%s", err, out)
		}
	})
	return s
}

func (s *script) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(real.Root(), "scripts", "local-cluster.sh"), append(args, "--dir", s.dir)...)
	cmd.Dir = s.from
	cmd.Env = append(os.Environ(), "LOCAL_CLUSTER_BIN="+string(binaries))
	return cmd
}

func (s *script) run(want int, args ...string) string {
	s.tb.Helper()
	cmd := s.command(args...)
	out, _ := cmd.CombinedOutput() // the exit code says all
	if got := cmd.ProcessState.ExitCode(); got != want {
		s.tb.Fatalf("%v: exit %d, want %d\n%s", args, got, want, out)
	}
	return string(out)
}

func (s *script) up() string {
	s.tb.Helper()
	return s.run(0, "up", "--port-base", strconv.Itoa(s.base))
}

func (s *script) pidFile(n int) string {
	return filepath.Join(s.dir, fmt.Sprintf("n%d", n), "lockd.pid")
}

func (s *script) pid(n int) int {
	s.tb.Helper()
	text, err := os.ReadFile(s.pidFile(n))
	if err != nil {
		s.tb.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.tb.Fatal(err)
	}
	return pid
}

func (s *script) answers(n int, path string) bool {
	client := http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.base+10*n, path))
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// alive says whether a process that the script started runs: not even a zombie is
// left of the others, or it is nobody's child any more.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestTheLocalClusterComesUpAndGoesDown(t *testing.T) {
	s := newScript(t)
	s.up()
	for n := 1; n <= 3; n++ {
		if !s.answers(n, "/readyz") {
			t.Errorf("n%d is not ready after up", n)
		}
		if _, err := os.Stat(filepath.Join(s.dir, fmt.Sprintf("n%d", n), "lockd.log")); err != nil {
			t.Error(err)
		}
	}
	before := []int{s.pid(1), s.pid(2), s.pid(3)}
	s.up()
	if after := []int{s.pid(1), s.pid(2), s.pid(3)}; fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("a second up started other processes: %v, before %v", after, before)
	}
	s.run(0, "status")
	s.run(0, "down")
	for _, pid := range before {
		if alive(pid) {
			t.Errorf("%d runs after down", pid)
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "n1")); err != nil {
		t.Errorf("down removed the files: %v", err)
	}
	s.run(1, "status")
	s.run(0, "down")
	s.run(0, "up") // which remembers the ports
	s.run(0, "down", "--purge")
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("down --purge left %s: %v", s.dir, err)
	}
	s.run(0, "down", "--purge")
}

func TestTheLocalClusterTreatsOneNodeAtATime(t *testing.T) {
	s := newScript(t)
	s.up()
	s.run(0, "kill", "2")
	if s.answers(2, "/livez") {
		t.Error("n2 answers after kill")
	}
	s.run(1, "kill", "2")
	s.run(0, "stop", "3")
	if s.answers(3, "/livez") {
		t.Error("n3 answers after stop")
	}
	s.run(0, "start", "3")
	if !s.answers(3, "/livez") {
		t.Error("n3 does not answer after start")
	}
	s.run(0, "start", "3")
	s.run(0, "up")
	s.run(0, "pause", "1")
	if out := s.run(1, "status"); !strings.Contains(out, "paused") {
		t.Errorf("status says\n%s", out)
	}
	s.run(0, "resume", "1")
	real.Await(t, mostGap, "n1 is ready again", func() bool { return s.answers(1, "/readyz") })
	s.run(0, "kill", "1")
	s.run(0, "kill", "2")
	s.run(0, "kill", "3")
	s.run(0, "start", "1") // no quorum is needed
	if !s.answers(1, "/livez") || s.answers(1, "/readyz") {
		t.Error("n1 alone must live and not be ready")
	}
}

func TestTheLocalClusterSignalsNobodyElse(t *testing.T) {
	s := newScript(t)
	s.up()
	s.run(0, "kill", "1")
	bystander := exec.Command("sleep", "600")
	bystander.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	stale := strconv.Itoa(bystander.Process.Pid) + "\n"
	if err := os.WriteFile(s.pidFile(1), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"kill", "stop", "pause", "resume"} {
		s.run(1, verb, "1")
	}
	s.run(0, "start", "1")
	if err := os.WriteFile(s.pidFile(2), []byte("no number\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := s.pid(3)
	s.run(1, "kill", "2")
	if !alive(second) || !alive(bystander.Process.Pid) {
		t.Error("somebody else was ended")
	}
	s.run(1, "start", "2") // its ports are taken, by the process that the file has lost
	s.run(0, "down")
	if !alive(bystander.Process.Pid) {
		t.Error("down ended somebody else")
	}
	endLost(t, s)
}

// endLost ends the node whose pid file the test has overwritten.
func endLost(t *testing.T, s *script) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "\x00--data-dir="+filepath.Join(s.dir, "n2")+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
}

func TestTwoLocalClustersLiveSideBySide(t *testing.T) {
	one, two := newScript(t), newScript(t)
	one.up()
	two.run(0, "up", "--nodes", "1", "--port-base", strconv.Itoa(two.base))
	one.run(0, "down")
	if !two.answers(1, "/readyz") {
		t.Error("the end of one cluster ended the other")
	}
	if out := two.run(1, "up", "--nodes", "3"); !strings.Contains(out, "--nodes 1") {
		t.Errorf("a cluster of another shape: %s", out)
	}
}

func TestTheLocalClusterScriptSaysHowItIsUsed(t *testing.T) {
	s := newScript(t)
	for _, args := range [][]string{
		{}, {"made-up"}, {"up", "--made-up"}, {"up", "--nodes", "0"}, {"up", "--nodes", "x"},
		{"up", "--port-base", "65530"}, {"up", "1"}, {"up", "--purge"},
	} {
		s.run(64, args...)
	}
	s.run(0, "--help")
	if out := s.run(1, "start", "1"); !strings.Contains(out, "local-cluster.sh up") {
		t.Errorf("start without a cluster says %s", out)
	}
}
