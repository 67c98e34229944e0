package lockctl

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"lockd/test/real"
)

const (
	// waitTime is how long what should happen may take, on a machine that is busy
	// with others.
	waitTime = 30 * time.Second
	// waitPause is the pause between two tries of waitfor.
	waitPause = 30 * time.Millisecond
)

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are those that scripts have beside testscript's own.
func commands() map[string]command {
	return map[string]command{
		"exits": counted(2, exits), "waitfor": counted(1, waitfor), "leader": counted(1, leader), "node": counted(2, node),
		"start": counted(2, start), "close": counted(1, closeInput), "signal": counted(2, signal), "ends": counted(2, ends),
	}
}

// counted refuses a command that is negated or has fewer arguments.
func counted(least int, do func(ts *testscript.TestScript, args []string)) command {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < least {
			ts.Fatalf("wrong use: see doc.go")
		}
		do(ts, args)
	}
}

func exits(ts *testscript.TestScript, args []string) {
	want := number(ts, args[0])
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if ended != nil {
		got = exitCode(ended.ProcessState)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// exitCode is the exit code that a shell would tell.
func exitCode(p *os.ProcessState) int {
	if status, ok := p.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.ExitCode()
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// prepare makes a command that runs where, and with the environment that, the
// script would run it.
func prepare(ts *testscript.TestScript, args []string) *exec.Cmd {
	file := filepath.Join(ts.Getenv("TMPDIR"), "environment")
	ts.Check(ts.Exec("sh", "-c", `exec env -0 >"$1"`, "sh", file))
	text, err := os.ReadFile(file)
	ts.Check(err)
	cmd := &exec.Cmd{Path: args[0], Args: args, Dir: ts.MkAbs("."), Env: strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")}
	if !strings.Contains(args[0], "/") {
		cmd.Path = search(ts, args[0])
	}
	return cmd
}

// search finds a program on the script's PATH.
func search(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if found, err := os.Stat(path); err == nil && found.Mode().IsRegular() && found.Mode()&0o111 != 0 {
			return path
		}
	}
	ts.Fatalf("%s is not on the PATH", name)
	return ""
}

func waitfor(ts *testscript.TestScript, args []string) {
	first := prepare(ts, args)
	ticker := time.NewTicker(waitPause)
	defer ticker.Stop()
	for deadline := time.Now().Add(waitTime); ; <-ticker.C {
		var out, errs bytes.Buffer
		cmd := &exec.Cmd{Path: first.Path, Args: first.Args, Dir: first.Dir, Env: first.Env, Stdout: &out, Stderr: &errs}
		err := cmd.Run()
		late := time.Now().After(deadline)
		if err == nil || late {
			_, _ = ts.Stdout().Write(out.Bytes()) // into memory
			_, _ = ts.Stderr().Write(errs.Bytes())
		}
		if err == nil {
			return
		}
		if late {
			ts.Fatalf("not within %v: %v", waitTime, err)
		}
	}
}

func leader(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], stageOf(ts).cluster.Leader().Name)
}

func node(ts *testscript.TestScript, args []string) {
	s := stageOf(ts)
	verb, nodes := args[0], s.nodes(ts, args[1])
	if !s.own && verb != "ready" {
		ts.Fatalf("the nodes are others' too: a script that touches them has a name that begins with cluster_")
	}
	for _, n := range nodes {
		switch verb {
		case "kill":
			n.Kill()
		case "stop":
			n.Stop()
		case "start":
			n.Start()
		case "pause":
			n.Signal(syscall.SIGSTOP)
		case "resume":
			n.Signal(syscall.SIGCONT)
		case "ready":
			s.cluster.AwaitReady(n)
		default:
			ts.Fatalf("nodes know no %q", verb)
		}
	}
}

// nodes finds those meant by a name.
func (s *stage) nodes(ts *testscript.TestScript, name string) []*real.Node {
	switch name {
	case "all":
		return s.cluster.Nodes
	case "leader":
		return []*real.Node{s.cluster.Leader()}
	}
	for _, n := range s.cluster.Nodes {
		if n.Name == name {
			return []*real.Node{n}
		}
	}
	ts.Fatalf("there is no node %q", name)
	return nil
}

// signalNumber is the number of a signal's name, such as TERM.
func signalNumber(ts *testscript.TestScript, name string) syscall.Signal {
	s := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG"))
	if s == 0 {
		ts.Fatalf("there is no signal %q", name)
	}
	return s
}
