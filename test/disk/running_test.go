//go:build linux

package disk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lockd/test/real"
)

// remedy is what a node says whose disk fails while it runs.
const remedy = "the process ends so that the other members go on; check the disk (space, health, mount), then start the node again"

// A fault strikes one node's disk.
type fault struct {
	name string
	// says is the cause in the node's last message.
	says string
	// disk makes the directory for the node's files; nil for an ordinary one.
	disk func(t *testing.T) string
	// strike breaks the disk of the running node, and returns its repair.
	strike func(t *testing.T, n *real.Node) (repair func())
	// lingers says that the process cannot end before the repair: the kernel
	// waits for the disk, with all of the process's sockets open.
	lingers bool
	// selected faults belong to the ordinary run.
	selected bool
	args     []string
}

func faults() []fault {
	var ext4 *journaled
	return []fault{
		{
			name: "full", says: "no space left on device", selected: true,
			disk: func(t *testing.T) string { return smallDisk(t, 4) },
			strike: func(t *testing.T, n *real.Node) func() {
				ballast := fill(t, filepath.Dir(n.Dir))
				return func() { remove(t, ballast) }
			},
		},
		{name: "failed sync of the log", says: "appending to the log: input/output error", selected: true, strike: injected("fdatasync", "error=EIO")},
		{
			name: "failed rename of a snapshot", says: "completing a snapshot: ", strike: injected("renameat", "error=EIO"),
			args: []string{"--snapshot-entries=40", "--snapshot-interval=200ms"},
		},
		{name: "failed write", says: "input/output error", strike: injected("pwrite64", "error=EIO")},
		{name: "hanging sync", says: "hangs for more than 3s", lingers: true, selected: true, strike: injected("fdatasync", "delay_enter=600000000")},
		{
			name: "read-only", says: "read-only file system", selected: true,
			disk: func(t *testing.T) string {
				ext4 = newJournaled(t)
				return ext4.dir
			},
			strike: func(t *testing.T, n *real.Node) func() {
				ext4.fail(t)
				return func() {
					launchAndEnd(t, n, "read-only file system", "check the disk")
					ext4.repair(t)
				}
			},
		},
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// injected has strace tamper with one of the node's system calls.
func injected(call, how string) func(*testing.T, *real.Node) func() {
	return func(t *testing.T, n *real.Node) func() {
		needs(t, "strace")
		var tracer *exec.Cmd
		ended := make(chan struct{})
		tracer = exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "-p", fmt.Sprint(n.PID()),
			"-e", "trace="+call, "-e", "inject="+call+":"+how)
		if err := tracer.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(ended)
			_ = tracer.Wait() // it ends with the node, or is killed
		}()
		stop := func() {
			_ = tracer.Process.Kill() // it may have ended
			<-ended
		}
		t.Cleanup(stop)
		return stop
	}
}

// launchAndEnd starts a node that must end at once, and say why.
func launchAndEnd(t *testing.T, n *real.Node, words ...string) {
	t.Helper()
	x := &trial{t: t}
	x.forget(n)
	n.Launch()
	x.said(n, words...)
}

func TestANodeWhoseDiskFailsEndsAndTheOthersServe(t *testing.T) {
	for i, f := range faults() {
		for j, role := range []string{"leader", "follower"} {
			if !whole() && (!f.selected || i%2 != j) {
				continue
			}
			t.Run(f.name+" of the "+role, func(t *testing.T) {
				needs(t, "mount")
				strikes(t, f, role == "leader")
			})
		}
	}
}

func strikes(t *testing.T, f fault, leads bool) {
	x := newTrial(t, f.args...)
	victim := x.Nodes[0]
	others := x.others(victim)
	if f.disk != nil {
		victim.Dir = filepath.Join(f.disk(t), "files")
	}
	x.StartAll()
	if leads {
		x.lead(victim)
	} else {
		x.lead(others[0])
	}
	x.holdMany(20, x.Nodes...)
	repair := f.strike(t, victim)

	began, last, gap := time.Now(), time.Now(), time.Duration(0)
	for victim.Running() && !(f.lingers && victim.Said(remedy)) {
		if time.Since(began) > endTime {
			t.Fatalf("%s goes on for %v", victim.Name, endTime)
		}
		if x.hold(others[x.tried%2]) == nil {
			gap, last = max(gap, time.Since(last)), time.Now()
		}
	}
	t.Logf("%s ended after %v", victim.Name, time.Since(began).Round(time.Millisecond))
	x.serves(others...)
	t.Logf("longest time without a grant: %v", max(gap, time.Since(last)).Round(time.Millisecond))
	x.holdMany(100, others...)
	x.nothingLost(others[1])

	if f.lingers {
		repair()
	}
	x.said(victim, f.says, remedy)
	if !f.lingers {
		repair()
	}
	victim.Start()
	x.AwaitReady(x.Nodes...)
	x.holdMany(10, x.Nodes...)
	x.nothingLost(victim)
	x.AwaitEqualTables(agreeTime, x.Nodes...)
}
