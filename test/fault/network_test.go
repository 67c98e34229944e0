package fault

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"lockd/test/real"
)

const (
	clientPort = 7410
	peerPort   = 7411
)

// A network joins the namespaces of a cluster's nodes, one each, by a bridge on
// which the clients are.
type network struct {
	tb     testing.TB
	nodes  int
	prefix string
	subnet string
}

// newNetwork makes the namespaces; they go with the test. What an earlier run
// could not remove is removed: its names bear the pid of a process that is gone.
func newNetwork(tb testing.TB, nodes int) *network {
	tb.Helper()
	removeOrphans(tb)
	pid := os.Getpid()
	n := &network{tb: tb, nodes: nodes, prefix: fmt.Sprintf("lk%d", pid), subnet: fmt.Sprintf("10.%d.%d", 64+pid%128, pid/128%256)}
	tb.Cleanup(n.remove)
	n.ip("link", "add", n.prefix, "type", "bridge")
	n.ip("addr", "add", n.address(254)+"/24", "dev", n.prefix)
	n.ip("link", "set", n.prefix, "up")
	for i := range nodes {
		space, outer := n.space(i), n.outer(i)
		n.ip("netns", "add", space)
		n.ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
		n.ip("link", "set", outer, "master", n.prefix, "up")
		n.ip("-n", space, "addr", "add", n.address(i+1)+"/24", "dev", "eth0")
		n.ip("-n", space, "link", "set", "eth0", "up")
		n.ip("-n", space, "link", "set", "lo", "up")
	}
	return n
}

func (n *network) space(node int) string    { return fmt.Sprintf("%sn%d", n.prefix, node+1) }
func (n *network) outer(node int) string    { return fmt.Sprintf("%sv%d", n.prefix, node+1) }
func (n *network) address(host int) string  { return fmt.Sprintf("%s.%d", n.subnet, host) }
func (n *network) hub(port int) string      { return fmt.Sprintf("%s:%d", n.address(254), port) }
func (n *network) peerAddr(node int) string { return fmt.Sprintf("%s:%d", n.address(node+1), peerPort) }

// cluster is one of nodes in the namespaces; it is not started.
func (n *network) cluster(args ...string) *real.Cluster {
	n.tb.Helper()
	c := real.New(n.tb, binaries, n.nodes, append([]string{"--insecure"}, args...)...)
	for i, node := range c.Nodes {
		node.Prefix = []string{"ip", "netns", "exec", n.space(i)}
		node.URL = fmt.Sprintf("http://%s:%d", n.address(i+1), clientPort)
		node.PeerAddr = n.peerAddr(i)
	}
	return c
}

// cut drops all packets that from sends to to.
func (n *network) cut(from, to int) {
	n.tb.Helper()
	n.firewall(to, "-A", "INPUT", "-s", n.address(from+1), "-j", "DROP")
}

// lose drops that part of the packets between any two nodes.
func (n *network) lose(part float64) {
	n.tb.Helper()
	for to := range n.nodes {
		for from := range n.nodes {
			if from != to {
				n.firewall(to, "-A", "INPUT", "-s", n.address(from+1), "-m", "statistic", "--mode", "random",
					"--probability", fmt.Sprint(part), "-j", "DROP")
			}
		}
	}
}

// isolate cuts a node off from all others, not from the clients.
func (n *network) isolate(node int) {
	n.tb.Helper()
	for other := range n.nodes {
		if other != node {
			n.cut(node, other)
			n.cut(other, node)
		}
	}
}

// heal undoes all cuts and losses.
func (n *network) heal() {
	n.tb.Helper()
	for i := range n.nodes {
		n.firewall(i, "-F", "INPUT")
	}
}

func (n *network) firewall(node int, args ...string) {
	n.tb.Helper()
	n.ip(append([]string{"netns", "exec", n.space(node), "iptables", "-w"}, args...)...)
}

func (n *network) ip(args ...string) {
	n.tb.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.tb.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (n *network) remove() {
	for i := range n.nodes {
		// Some may not have been made. A namespace's end does not wait for that of
		// its links.
		_ = exec.Command("ip", "link", "del", n.outer(i)).Run()
		_ = exec.Command("ip", "netns", "del", n.space(i)).Run()
	}
	_ = exec.Command("ip", "link", "del", n.prefix).Run()
}

// removeOrphans removes the networks of test processes that were killed.
func removeOrphans(tb testing.TB) {
	tb.Helper()
	spaces, err := os.ReadDir("/run/netns")
	if err != nil {
		return // nobody has made any yet
	}
	for _, entry := range spaces {
		var pid, node int
		if _, err := fmt.Sscanf(entry.Name(), "lk%dn%d", &pid, &node); err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
			continue
		}
		(&network{nodes: 3, prefix: fmt.Sprintf("lk%d", pid)}).remove()
	}
}
