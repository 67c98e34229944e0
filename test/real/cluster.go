package real

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long what should happen may take, on a machine that is busy with others.
const (
	startTime = 30 * time.Second
	stopTime  = 30 * time.Second
	readyTime = 60 * time.Second
	probeTime = 3 * time.Second
	pollEvery = 10 * time.Millisecond
	lastLines = 25
)

// A Cluster is a few nodes that know each other.
type Cluster struct {
	Nodes []*Node
	// HTTP is the client for all calls to the nodes.
	HTTP *http.Client

	tb       testing.TB
	binaries Binaries
	args     []string
}

// New prepares a cluster of size nodes, of which none runs yet; args are further
// flags for all of them.
func New(tb testing.TB, binaries Binaries, size int, args ...string) *Cluster {
	tb.Helper()
	dir := tb.TempDir()
	c := &Cluster{tb: tb, binaries: binaries, args: args, HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}}
	port := Ports(tb, 2*size)
	for i := range size {
		name := fmt.Sprintf("n%d", i+1)
		c.Nodes = append(c.Nodes, &Node{
			Name: name, URL: fmt.Sprintf("http://127.0.0.1:%d", port+2*i), PeerAddr: fmt.Sprintf("127.0.0.1:%d", port+2*i+1),
			Dir: filepath.Join(dir, name), Log: filepath.Join(dir, name+".log"), tb: tb, cluster: c,
		})
	}
	tb.Cleanup(c.end)
	return c
}

// Start is New with all nodes started and ready.
func Start(tb testing.TB, binaries Binaries, size int, args ...string) *Cluster {
	tb.Helper()
	c := New(tb, binaries, size, args...)
	c.StartAll()
	return c
}

// StartAll starts every node that does not run, and waits until all are ready.
func (c *Cluster) StartAll() {
	c.tb.Helper()
	for _, n := range c.Nodes {
		if !n.Running() {
			n.Start()
		}
	}
	c.AwaitReady(c.Nodes...)
}

// AwaitReady waits until the nodes can serve everything.
func (c *Cluster) AwaitReady(nodes ...*Node) {
	c.tb.Helper()
	for _, n := range nodes {
		c.Await(readyTime, n.Name+" is ready", n.Ready)
	}
}

// Await waits until done, which must be so within that time.
func (c *Cluster) Await(within time.Duration, what string, done func() bool) {
	c.tb.Helper()
	Await(c.tb, within, what, done)
}

// Await waits until done, which must be so within that time.
func Await(tb testing.TB, within time.Duration, what string, done func() bool) {
	tb.Helper()
	deadline := time.Now().Add(within)
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !done() {
		if time.Now().After(deadline) {
			tb.Fatalf("not within %v: %s", within, what)
		}
		<-ticker.C
	}
}

// Leader returns the node that leads, and waits for one.
func (c *Cluster) Leader() *Node {
	c.tb.Helper()
	var leader *Node
	c.Await(readyTime, "there is a leader", func() bool {
		for _, n := range c.Nodes {
			if n.Leads() {
				leader = n
				return true
			}
		}
		return false
	})
	return leader
}

// Followers returns the running nodes that do not lead.
func (c *Cluster) Followers() []*Node {
	c.tb.Helper()
	leader := c.Leader()
	var others []*Node
	for _, n := range c.Nodes {
		if n != leader && n.Running() {
			others = append(others, n)
		}
	}
	return others
}

// URLs are those of all nodes, separated by commas, as LOCKD_ADDR wants them.
func (c *Cluster) URLs() string {
	var urls []string
	for _, n := range c.Nodes {
		urls = append(urls, n.URL)
	}
	return strings.Join(urls, ",")
}

func (c *Cluster) list() string {
	var list []string
	for _, n := range c.Nodes {
		list = append(list, n.Name+"="+n.PeerAddr)
	}
	return strings.Join(list, ",")
}

// end ends all processes, and shows what they said if the test has failed.
func (c *Cluster) end() {
	c.HTTP.CloseIdleConnections()
	for _, n := range c.Nodes {
		if n.Running() {
			_ = n.cmd.Process.Signal(syscall.SIGKILL) // it may have ended just now
			<-n.ended
		}
		if c.tb.Failed() && n.cmd != nil {
			c.tb.Log(n.lastWords())
		}
	}
}
