package lockd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"lockd/bench/process"
	"lockd/bench/system"
)

// Driver starts clusters of one binary.
type Driver struct {
	// Path is the lockd binary.
	Path string
	// Label is the driver's name; "lockd" if empty.
	Label string
	// Args are further arguments of every node.
	Args []string
	// Stream has all clients of a node share one stream, as those that ask for
	// Caller.Shared.
	Stream bool
}

// Name is the label.
func (d Driver) Name() string { return cmp.Or(d.Label, "lockd") }

// Start starts three nodes and returns when all of them are ready.
func (d Driver) Start(ctx context.Context, site system.Site) (system.Service, error) {
	port, err := process.Ports(site.Port, nodes*portsPerNode)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(d.Path)
	if err != nil {
		return nil, err
	}
	c := &cluster{path: path, args: d.Args, stream: d.Stream, dir: site.Dir, port: port, probe: &http.Client{Timeout: probeTime}}
	c.Group, err = process.StartGroup(ctx, process.Layout{Size: nodes, Command: c.command, Ready: func(ctx context.Context, i int) error {
		return c.answers(ctx, i, "/readyz")
	}})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// cluster is three processes, some of which may have been killed.
type cluster struct {
	*process.Group
	path, dir string
	args      []string
	stream    bool
	port      int
	probe     *http.Client

	mu sync.Mutex
	// trunks are the shared connections, by the node that is preferred.
	trunks [nodes]*trunk
	// snapshots are the names of those that were seen, by node.
	snapshots [nodes]map[string]bool
}

func (c *cluster) address(node int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.port+portsPerNode*node)
}

func (c *cluster) peerAddress(node int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.port+portsPerNode*node+1)
}

func (c *cluster) command(node int) process.Command {
	var members []string
	for i := range nodes {
		members = append(members, fmt.Sprintf("n%d=%s", i+1, c.peerAddress(i)))
	}
	name := fmt.Sprintf("n%d", node+1)
	return process.Command{
		Path: c.path,
		Args: append([]string{
			"--name=" + name, "--data-dir=" + filepath.Join(c.dir, name),
			"--listen=" + c.address(node), "--peer-listen=" + c.peerAddress(node),
			"--initial-cluster=" + strings.Join(members, ","),
		}, c.args...),
		Log: filepath.Join(c.dir, name+".log"),
	}
}

// answers returns nil if GET path is answered with 200.
func (c *cluster) answers(ctx context.Context, node int, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address(node)+path, nil)
	if err != nil {
		panic("lockd: " + err.Error())
	}
	answer, err := c.probe.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswerBytes))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is answered with status %d", path, answer.StatusCode)
	}
	return err
}

// Leader asks all nodes until one says that it leads.
func (c *cluster) Leader(ctx context.Context) (int, error) {
	return c.AwaitLeader(ctx, func(ctx context.Context, i int) bool { return c.answers(ctx, i, "/leader") == nil })
}

// Close ends the processes, the orderly way all at the same time.
func (c *cluster) Close() error {
	c.probe.CloseIdleConnections()
	c.closeTrunks()
	return c.Stop()
}

// Check says what to do if the binary is missing.
func (d Driver) Check() error {
	if found, err := os.Stat(d.Path); err != nil || found.IsDir() {
		return fmt.Errorf("there is no lockd at %s: run 'make build' in the folder above, or name one with -lockd", d.Path)
	}
	return nil
}
