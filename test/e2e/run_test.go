package e2e

import (
	"strings"
	"syscall"
	"testing"

	"lockd/api"
	"lockd/test/real"
)

func TestRunHoldsTheLockExactlyWhileTheCommandRuns(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k, calls := newTool(t, c), newCaller(t, c)

	h := k.hold("a//b/", "--reason", "testing", "--", "sh", "-c", `echo begun; read wait || exit 7`)
	if got := calls.lock("a/b"); len(got.Holders) != 1 || got.Holders[0].Reason != "testing" {
		t.Errorf("%+v", got)
	}
	_, told := k.run(75, "run", "-n", "a/b", "--", "true")
	if !strings.Contains(told, "a/b is held by") {
		t.Errorf("a refused run says %q", told)
	}
	k.run(9, "run", "-w", "100ms", "-E", "9", "a/b", "--", "true")
	if code := h.end(); code != 7 {
		t.Errorf("exit %d: %s", code, h.err)
	}
	if got := calls.lock("a/b"); len(got.Holders) != 0 {
		t.Errorf("it was not given back: %+v", got)
	}
}

func TestRunPassesOnHowTheCommandEnded(t *testing.T) {
	k := newTool(t, real.Start(t, binaries, 3))
	k.run(0, "run", "r", "--", "true")
	k.run(3, "run", "r", "--", "sh", "-c", "exit 3")
	k.run(128+9, "run", "r", "--", "sh", "-c", "kill -9 $$")
	out, _ := k.run(0, "run", "r/./x", "--run-id", "me", "--", "sh", "-c", `echo "$LOCKD_REF|$LOCKD_RUN_ID|$LOCKD_FENCE"`)
	fields := strings.Split(strings.TrimSpace(out), "|")
	if len(fields) != 3 || fields[0] != "r/x" || fields[1] != "me" || fields[2] == "" {
		t.Errorf("%q", out)
	}
	out, _ = k.run(0, "run", "b", "a", "--", "sh", "-c", `echo "$LOCKD_REF"`)
	if out != "a\nb\n" {
		t.Errorf("%q", out)
	}
}

func TestRunSharesKeysAndTrees(t *testing.T) {
	k := newTool(t, real.Start(t, binaries, 3))
	inner := func(args ...string) []string { return append([]string{"run"}, args...) }
	wait := []string{"--", "sh", "-c", "echo begun; read wait; exit 0"}

	reader := k.hold(append([]string{"--shared", "r"}, wait...)...)
	k.run(0, inner("--shared", "-n", "r", "--", "true")...)
	k.run(75, inner("-n", "r", "--", "true")...)
	slot := k.hold(append([]string{"--key", "--limit", "2", "slots"}, wait...)...)
	k.run(0, inner("--key", "--limit", "2", "-n", "slots", "--", "true")...)
	tree := k.hold(append([]string{"--tree", "prod"}, wait...)...)
	k.run(75, inner("-n", "prod/db", "--", "true")...)
	for _, h := range []*holding{reader, slot, tree} {
		if code := h.end(); code != 0 {
			t.Errorf("exit %d: %s", code, h.err)
		}
	}
}

func TestRunForwardsSignalsAndGivesTheLockBack(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k, calls := newTool(t, c), newCaller(t, c)
	for s, want := range map[syscall.Signal]int{
		syscall.SIGUSR1: 41, syscall.SIGHUP: 42, syscall.SIGINT: 43, syscall.SIGTERM: 128 + 15,
	} {
		h := k.hold("r", "--", "sh", "-c",
			`trap 'exit 41' USR1; trap 'exit 42' HUP; trap 'exit 43' INT; echo begun; while :; do sleep 0.05; done`)
		h.signal(t, s)
		if code := h.end(); code != want {
			t.Errorf("%v: exit %d, want %d: %s", s, code, want, h.err)
		}
		if got := calls.lock("r"); len(got.Holders) != 0 {
			t.Errorf("%v: it was not given back: %+v", s, got)
		}
	}
}

func TestAWaitingRunCanBeInterrupted(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k, calls := newTool(t, c), newCaller(t, c)
	calls.acquireLock(api.LockAcquire{Ref: "r", RunID: "holder"})
	cmd := k.command("run", "r", "--", "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.Await(mostGap, "it waits", func() bool { return len(calls.lock("r").Waiters) == 1 })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := exit(cmd); code != 128+15 {
		t.Errorf("exit %d", code)
	}
	c.Await(mostGap, "it has left the queue", func() bool { return len(calls.lock("r").Waiters) == 0 })
}

func TestRunEndsTheCommandBeforeItsLeaseIsOver(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newTool(t, c)
	h := k.hold("r", "--ttl", "2s", "--", "sh", "-c", `trap '' TERM; echo begun; while :; do sleep 0.05; done`)
	for _, n := range c.Nodes {
		n.Kill()
	}
	if code := h.end(); code != 79 {
		t.Errorf("exit %d: %s", code, h.err)
	}
	if !strings.Contains(h.err.String(), "the lock was lost") {
		t.Errorf("it says %q", h.err)
	}
}

func TestRunEndsTheCommandWhenItsLockIsBroken(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k, calls := newTool(t, c), newCaller(t, c)
	h := k.hold("r", "--ttl", "3s", "--", "sh", "-c", `echo begun; while :; do sleep 0.05; done`)
	token := calls.lock("r").Holders[0].Token
	calls.post(200, "/v1/locks/break", api.LockBreak{Ref: "r", Token: token, Reason: "testing"})
	if code := h.end(); code != 79 {
		t.Errorf("exit %d: %s", code, h.err)
	}
}

func TestRunRidesOutTheDeathOfTheLeader(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k, calls := newTool(t, c), newCaller(t, c)
	h := k.hold("r", "--", "sh", "-c", `trap 'exit 5' USR1; echo begun; while :; do sleep 0.05; done`)
	held := calls.lock("r").Holders[0]
	leader := c.Leader()
	leader.Kill()
	calls.nodes = others(c, leader)
	if got := calls.lock("r"); len(got.Holders) != 1 || got.Holders[0].Token != held.Token {
		t.Errorf("before %+v, after %+v", held, got)
	}
	h.signal(t, syscall.SIGUSR1)
	if code := h.end(); code != 5 {
		t.Errorf("exit %d: %s", code, h.err)
	}
}

func TestTheCommandDoesNotOutliveLockctl(t *testing.T) {
	k := newTool(t, real.Start(t, binaries, 3))
	h := k.hold("r", "--", "sh", "-c", `echo begun; while :; do :; done`)
	h.signal(t, syscall.SIGKILL)
	if code := h.end(); code != real.BySignal { // end waits for the command, too
		t.Errorf("exit %d", code)
	}
}
