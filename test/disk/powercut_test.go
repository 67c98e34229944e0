//go:build linux

package disk

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

const (
	writers = 8
	// roundTime is how long the writers write before a power cut, at least.
	roundTime = 700 * time.Millisecond
)

// A forgetful is the running command of that name: a disk for each node.
type forgetful struct {
	t        *testing.T
	dirs     []string
	commands io.WriteCloser
	answers  *bufio.Scanner
}

func newForgetful(t *testing.T, disks int) *forgetful {
	t.Helper()
	needs(t, "go")
	if file, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("no FUSE here (modprobe fuse; a container needs --device /dev/fuse): %v", err)
	} else {
		_ = file.Close()
	}
	binary := filepath.Join(t.TempDir(), "forgetful")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = filepath.Join(real.Root(), "test", "disk", "forgetful")
	if out, err := build.CombinedOutput(); err != nil {
		if whole() {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		t.Skipf("its modules are missing: run 'make disk-deps' with access to a module proxy: %v\n%s", err, out)
	}
	f := &forgetful{t: t}
	for range disks {
		f.dirs = append(f.dirs, t.TempDir())
	}
	cmd := exec.Command(binary, f.dirs...)
	cmd.Stderr = os.Stderr
	commands, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = commands.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("forgetful: %v", err)
		}
	})
	f.commands, f.answers = commands, bufio.NewScanner(answers)
	if answer := f.answer(); answer != "mounted" {
		t.Fatalf("forgetful: %q", answer)
	}
	return f
}

func (f *forgetful) answer() string {
	f.t.Helper()
	if !f.answers.Scan() {
		f.t.Fatalf("forgetful has ended: %v", f.answers.Err())
	}
	return f.answers.Text()
}

func (f *forgetful) tell(command string) (answer string) {
	f.t.Helper()
	if _, err := fmt.Fprintln(f.commands, command); err != nil {
		f.t.Fatal(err)
	}
	return f.answer()
}

// onForgetful starts a cluster on disks that forget. It takes a snapshot every
// few entries, so that the cuts meet one.
func onForgetful(t *testing.T) (*trial, *forgetful) {
	f := newForgetful(t, 3)
	x := newTrial(t, "--snapshot-entries=100", "--trailing-logs=20", "--snapshot-interval=100ms")
	for i, n := range x.Nodes {
		n.Dir = filepath.Join(f.dirs[i], "lib", "lockd")
	}
	x.StartAll()
	return x, f
}

// write acquires keys and gives every third back, until it is told to stop, and
// returns what was acknowledged. A key that was given back has no run.
func (x *trial) write(name string, stop <-chan struct{}) map[string]grant {
	acknowledged := make(map[string]grant)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return acknowledged
		default:
		}
		key, node := fmt.Sprintf("%s-%d", name, i), x.Nodes[i%len(x.Nodes)]
		var got api.KeyAcquired
		if x.call(node, http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: name}, &got) != nil {
			continue
		}
		acknowledged[key] = grant{run: name, token: got.Token}
		if i%3 != 0 {
			continue
		}
		delete(acknowledged, key) // until the release is answered it may be either
		if x.call(node, http.MethodPost, "/v1/keys/release", api.KeyRelease{Key: key, RunID: name}, nil) == nil {
			acknowledged[key] = grant{}
		}
	}
}

// powerCut has writers write, takes the power from all disks in the middle of
// it, kills all nodes, and starts them on what the disks have kept.
func (x *trial) powerCut(f *forgetful, round int) {
	x.t.Helper()
	stop := make(chan struct{})
	var mu sync.Mutex
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			acknowledged := x.write(fmt.Sprintf("round-%d-writer-%d", round, w), stop)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(x.granted, acknowledged)
		})
	}
	<-time.After(roundTime + time.Duration(round%7)*37*time.Millisecond)
	lost := f.tell(fmt.Sprintf("cut %d", round))
	for _, n := range x.Nodes {
		if n.Running() {
			_ = syscall.Kill(n.PID(), syscall.SIGKILL) // it may have ended on its own: its disk fails
		}
		n.ExitCode()
	}
	close(stop)
	all.Wait()
	for _, g := range x.granted {
		x.highest = max(x.highest, g.token)
	}
	f.tell("restore")
	x.t.Logf("round %d: %d acknowledged changes so far, %s unsynced ones", round, len(x.granted), strings.Replace(lost, "cut", "the cut took", 1))
}

// missing counts the acknowledged changes that are not there any more.
func (x *trial) missing() (missing int) {
	x.t.Helper()
	held := make(map[string]grant)
	for after := ""; ; {
		var page api.KeyList
		x.Await(serveTime, "the keys are listed", func() bool {
			return x.call(x.Nodes[0], http.MethodGet, "/v1/keys?limit=1000&after="+after, nil, &page) == nil
		})
		for _, k := range page.Keys {
			held[k.Key] = grant{run: k.Holders[0].RunID, token: k.Holders[0].Token}
		}
		if page.Next == "" {
			break
		}
		after = page.Next
	}
	for key, want := range x.granted {
		if held[key] != want {
			missing++
			if missing <= 5 {
				x.t.Logf("%s: acknowledged %+v, now %+v", key, want, held[key])
			}
		}
	}
	return missing
}

func TestNothingAcknowledgedIsLostWhenThePowerGoesOnAllNodes(t *testing.T) {
	x, f := onForgetful(t)
	rounds := 3
	if whole() {
		rounds = 40
	}
	for round := range rounds {
		x.powerCut(f, round)
		x.StartAll()
		if missing := x.missing(); missing > 0 {
			t.Fatalf("%d of %d acknowledged changes are lost", missing, len(x.granted))
		}
		x.serves(x.Nodes...)
		x.AwaitEqualTables(agreeTime, x.Nodes...)
	}
}

// A disk that only says that it has synced must show in the test above.
func TestADiskThatLiesAboutItsSyncsIsSeen(t *testing.T) {
	x, f := onForgetful(t)
	f.tell("lie")
	x.powerCut(f, 0)
	x.StartAll()
	if x.missing() == 0 {
		t.Errorf("none of %d acknowledged changes is lost", len(x.granted))
	}
}
