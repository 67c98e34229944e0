package real

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Node is one member of a Cluster. Its process may come and go; its files and
// its ports stay.
type Node struct {
	Name string
	// URL is where it serves clients; PeerAddr is where the others reach it.
	URL      string
	PeerAddr string
	// Dir has its files; Log is what it said.
	Dir, Log string
	// Prefix is the command that starts the process, in the same process: such as
	// ip netns exec NAME. Empty starts it directly.
	Prefix []string
	// PeerListen is where it serves the others, if that is not PeerAddr but
	// something there passes on to it.
	PeerListen string
	// Output gets what it says instead of Log, if not nil.
	Output *os.File

	tb      testing.TB
	cluster *Cluster
	cmd     *exec.Cmd
	ended   chan struct{}
}

// Start starts the process and returns when it answers; no quorum is needed.
func (n *Node) Start() {
	n.tb.Helper()
	n.Launch()
	n.cluster.Await(startTime, n.Name+" answers", func() bool {
		select {
		case <-n.ended:
			n.tb.Fatalf("%s ended: %v\n%s", n.Name, n.cmd.ProcessState, n.lastWords())
		default:
		}
		return n.Answers("/livez")
	})
}

// Launch starts the process and waits for nothing.
func (n *Node) Launch() {
	n.tb.Helper()
	if n.Running() {
		n.tb.Fatalf("%s runs already", n.Name)
	}
	log, err := os.OpenFile(n.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.tb.Fatal(err)
	}
	defer log.Close()
	command := slices.Concat(n.Prefix, []string{n.cluster.binaries.Lockd()}, n.args())
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, tied()
	if n.Output != nil {
		cmd.Stdout, cmd.Stderr = n.Output, n.Output
	}
	if err := cmd.Start(); err != nil {
		n.tb.Fatal(err)
	}
	ended := make(chan struct{})
	n.cmd, n.ended = cmd, ended
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
}

func (n *Node) args() []string {
	args := []string{
		"--name=" + n.Name, "--data-dir=" + n.Dir,
		"--listen=" + strings.TrimPrefix(strings.TrimPrefix(n.URL, "https://"), "http://"),
		"--peer-listen=" + cmp.Or(n.PeerListen, n.PeerAddr), "--initial-cluster=" + n.cluster.list(),
	}
	return append(args, n.cluster.args...)
}

// Running says whether the process has not ended.
func (n *Node) Running() bool {
	if n.ended == nil {
		return false
	}
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// PID is the process's, which must have been started.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Signal sends a signal to the process, which must run.
func (n *Node) Signal(s syscall.Signal) {
	n.tb.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.tb.Fatalf("%v to %s: %v", s, n.Name, err)
	}
}

// Kill kills the process with SIGKILL and waits for its end.
func (n *Node) Kill() {
	n.tb.Helper()
	n.Signal(syscall.SIGKILL)
	<-n.ended
}

// Stop ends the process with SIGTERM and returns its exit code.
func (n *Node) Stop() int {
	n.tb.Helper()
	n.Signal(syscall.SIGTERM)
	return n.ExitCode()
}

// BySignal is the ExitCode of a process that a signal has ended.
const BySignal = -1

// ExitCode waits for the process's end and returns how it ended.
func (n *Node) ExitCode() int {
	n.tb.Helper()
	select {
	case <-n.ended:
		return n.cmd.ProcessState.ExitCode()
	case <-time.After(stopTime):
		n.tb.Fatalf("%s does not end\n%s", n.Name, n.lastWords())
		return -1
	}
}

// Answers says whether GET path is answered with 200.
func (n *Node) Answers(path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
	if err != nil {
		n.tb.Fatal(err)
	}
	answer, err := n.cluster.HTTP.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Ready says whether the node can serve everything.
func (n *Node) Ready() bool { return n.Answers("/readyz") }

// Leads says whether the node is the leader and serves as one.
func (n *Node) Leads() bool { return n.Running() && n.Answers("/leader") }

// Said says whether text is in the node's log.
func (n *Node) Said(text string) bool {
	log, err := os.ReadFile(n.Log)
	if err != nil {
		n.tb.Fatal(err)
	}
	return strings.Contains(string(log), text)
}

// lastWords is the end of the node's log.
func (n *Node) lastWords() string {
	text, err := os.ReadFile(n.Log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Sprintf("--- %s\n%s", filepath.Base(n.Log), strings.Join(lines[max(0, len(lines)-lastLines):], "\n"))
}
