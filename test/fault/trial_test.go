package fault

import (
	"context"
	"errors"
	"fmt"
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
	"lockd/test/history"
	"lockd/test/real"
)

// A trial is one run of a scenario: a cluster, its clients and what they recorded.
type trial struct {
	*testing.T
	network  *network
	cluster  *real.Cluster
	proxies  []*proxy
	recorder *history.Recorder
	// multiplier is the nodes' --timing-multiplier.
	multiplier int
	// outside are clients in a process of their own, if the scenario has some.
	outside *process
	// pipes are the reading ends of the nodes' logs, if those go to pipes.
	pipes []*os.File

	faults int
	began  time.Time
	stop   context.CancelFunc
	all    sync.WaitGroup
}

func (r *trial) urls() []string {
	var urls []string
	for _, n := range r.cluster.Nodes {
		urls = append(urls, n.URL)
	}
	return urls
}

// indexOf is a node's place in the network.
func (r *trial) indexOf(node *real.Node) int {
	for i, n := range r.cluster.Nodes {
		if n == node {
			return i
		}
	}
	r.Fatalf("%s is not of this cluster", node.Name)
	return 0
}

// newTrial starts the cluster of a scenario.
func newTrial(t *testing.T, s scenario) *trial {
	needNamespaces(t)
	r := &trial{T: t, network: newNetwork(t, 3), recorder: new(history.Recorder), multiplier: max(s.multiplier, 1)}
	r.cluster = r.network.cluster(append(s.args, fmt.Sprintf("--timing-multiplier=%d", r.multiplier))...)
	if s.proxied {
		for i, n := range r.cluster.Nodes {
			n.PeerListen, n.PeerAddr = n.PeerAddr, r.network.hub(peerPort+1+i)
			r.proxies = append(r.proxies, newProxy(t, n.PeerAddr, n.PeerListen))
		}
	}
	if s.logPipes {
		r.pipeLogs()
	}
	r.cluster.StartAll()
	return r
}

// pipeLogs gives every node a pipe for its log that is full, and that nobody reads.
func (r *trial) pipeLogs() {
	for _, n := range r.cluster.Nodes {
		reading, writing, err := os.Pipe()
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() {
			_ = reading.Close()
			_ = writing.Close()
		})
		if err := writing.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			r.Fatal(err)
		}
		if n, err := writing.Write(make([]byte, 1<<24)); !errors.Is(err, os.ErrDeadlineExceeded) {
			r.Fatalf("the pipe took %d bytes: %v", n, err)
		}
		r.pipes = append(r.pipes, reading)
		n.Output = writing
	}
}

// begin starts the clients.
func (r *trial) begin(s scenario) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.began = stop, time.Now()
	r.Cleanup(func() {
		stop()
		r.all.Wait()
	})
	for i := range rawClients {
		w := newWorker(fmt.Sprintf("raw-%d", i+1), r.urls(), i, r.recorder)
		r.all.Go(func() { w.run(ctx) })
	}
	for i := range plainClients + streamClients {
		plain := i < plainClients
		name := fmt.Sprintf("stream-%d", i-plainClients+1)
		if plain {
			name = fmt.Sprintf("plain-%d", i+1)
		}
		g, err := newGuarded(name, r.urls(), i, plain, r.recorder)
		if err != nil {
			r.Fatal(err)
		}
		r.all.Go(func() { g.run(ctx) })
	}
	for i, url := range r.urls() {
		r.all.Go(func() { watch(ctx, fmt.Sprintf("watcher-%d", i+1), url, r.recorder) })
	}
	r.all.Go(func() { r.keep(ctx) })
	if s.outside {
		r.outside = startProcess(r.T, "clients", r.urls(), filepath.Join(r.TempDir(), "outside.jsonl"))
	}
}

// keep takes keys without a session, one after the other, and never gives them
// back: they must be there at the end.
func (r *trial) keep(ctx context.Context) {
	w := newWorker("keeper", r.urls(), 0, r.recorder)
	defer w.caller.http.CloseIdleConnections()
	for n := 1; ctx.Err() == nil; n++ {
		op := w.op(history.Acquire, []history.Want{{Name: history.Key(fmt.Sprintf("keep-%d", n))}})
		op.Run = fmt.Sprintf("keeper-%d", n)
		a := w.caller.send(context.Background(), answerTime, http.MethodPost, w.node(n%5 == 0), "/v1/keys/acquire",
			api.KeyAcquire{Key: op.Wants[0].Name.Text(), RunID: op.Run})
		outcome := a.outcome()
		op.Node, op.Index, op.Exact = a.node, a.index, true
		complete(&op, a, outcome)
		w.finish(op, outcome)
		rest(ctx, 200*time.Millisecond)
	}
}

// trouble makes the scenario's faults for that long, one after the other, and
// heals each before the next. It returns when all is healed.
func (r *trial) trouble(s scenario, length time.Duration) (healed time.Time) {
	ctx := context.Background()
	rest(ctx, faultEvery/2)
	for end := time.Now().Add(length); time.Now().Before(end); r.faults++ {
		next := time.Now().Add(faultEvery)
		heal := s.fault(r, r.faults)
		rest(ctx, faultEvery/2)
		heal()
		healed = time.Now()
		if time.Until(end) > faultEvery {
			rest(ctx, time.Until(next))
		}
	}
	return healed
}

// A process is a client of the cluster that runs in a process of its own, from
// this test's binary.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	file string
}

// The environment of such a process.
const (
	nodesVariable = "LOCKD_FAULT_NODES"
	fileVariable  = "LOCKD_FAULT_FILE"
)

func startProcess(t *testing.T, role string, nodes []string, file string, more ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self), file: file}
	p.cmd.Env = append(append(os.Environ(), roleVariable+"="+role,
		nodesVariable+"="+strings.Join(nodes, ","), fileVariable+"="+file), more...)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // the test has failed before finish
			_ = p.cmd.Wait()
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// finish ends the process in good order.
func (p *process) finish() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

// clientsProcess is the whole of a process with clients: they work until SIGTERM
// and then write down what they recorded.
func clientsProcess() int {
	const clients = 4
	ctx, stop := notified()
	defer stop()
	recorder := new(history.Recorder)
	var all sync.WaitGroup
	for i := range clients {
		w := newWorker(fmt.Sprintf("outside-%d", i+1), strings.Split(os.Getenv(nodesVariable), ","), i, recorder)
		all.Go(func() { w.run(ctx) })
	}
	all.Wait()
	if err := writeHistory(os.Getenv(fileVariable), recorder.Ops()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func writeHistory(path string, ops []history.Op) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := history.Write(file, ops); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
