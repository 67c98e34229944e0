package lockd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

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
	port, err := site.Port, error(nil)
	if port == 0 {
		port, err = process.FreePorts(nodes * portsPerNode)
	} else {
		err = process.CheckPorts(port, nodes*portsPerNode)
	}
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(d.Path)
	if err != nil {
		return nil, err
	}
	c := &cluster{path: path, args: d.Args, stream: d.Stream, dir: site.Dir, port: port, probe: &http.Client{Timeout: probeTime}}
	for i := range nodes {
		if err := c.launch(i); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if err := c.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// cluster is three processes, some of which may have been killed.
type cluster struct {
	path, dir string
	args      []string
	stream    bool
	port      int
	probe     *http.Client

	mu        sync.Mutex
	processes [nodes]*process.Process
	// trunks are the shared connections, by the node that is preferred.
	trunks [nodes]*trunk
}

func (c *cluster) address(node int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.port+portsPerNode*node)
}

func (c *cluster) peerAddress(node int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.port+portsPerNode*node+1)
}

func (c *cluster) process(node int) *process.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.processes[node]
}

func (c *cluster) launch(node int) error {
	var members []string
	for i := range nodes {
		members = append(members, fmt.Sprintf("n%d=%s", i+1, c.peerAddress(i)))
	}
	name := fmt.Sprintf("n%d", node+1)
	p, err := process.Start(process.Command{
		Path: c.path,
		Args: append([]string{
			"--name=" + name, "--data-dir=" + filepath.Join(c.dir, name),
			"--listen=" + c.address(node), "--peer-listen=" + c.peerAddress(node),
			"--initial-cluster=" + strings.Join(members, ","),
		}, c.args...),
		Log: filepath.Join(c.dir, name+".log"),
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes[node] = p
	return nil
}

func (c *cluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for i := range nodes {
		for !c.answers(ctx, i, "/readyz") {
			select {
			case <-c.process(i).Ended():
				return fmt.Errorf("n%d ended\n%s", i+1, c.process(i).LastWords())
			case <-ctx.Done():
				return fmt.Errorf("n%d is not ready: %w\n%s", i+1, ctx.Err(), c.process(i).LastWords())
			case <-time.After(probeEvery):
			}
		}
	}
	return nil
}

// answers says whether GET path is answered with 200.
func (c *cluster) answers(ctx context.Context, node int, path string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address(node)+path, nil)
	if err != nil {
		panic("lockd: " + err.Error())
	}
	answer, err := c.probe.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswerBytes))
	return err == nil && answer.StatusCode == http.StatusOK
}

// Nodes are the nodes n1, n2 and n3.
func (c *cluster) Nodes() []system.Node {
	var all []system.Node
	for i := range nodes {
		all = append(all, c.process(i))
	}
	return all
}

// Leader asks all nodes until one says that it leads.
func (c *cluster) Leader(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		for i := range nodes {
			if c.answers(ctx, i, "/leader") {
				return i, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("no node leads: %w", ctx.Err())
		case <-time.After(probeEvery):
		}
	}
}

func (c *cluster) Kill(node int) error { return c.process(node).Kill() }

func (c *cluster) Restart(ctx context.Context, node int) error {
	if err := c.launch(node); err != nil {
		return err
	}
	return c.awaitReady(ctx)
}

// Close ends the processes, the orderly way all at the same time.
func (c *cluster) Close() error {
	c.probe.CloseIdleConnections()
	c.closeTrunks()
	var failed [nodes]error
	var ending sync.WaitGroup
	for i := range nodes {
		if p := c.process(i); p != nil {
			ending.Go(func() { failed[i] = p.Stop() })
		}
	}
	ending.Wait()
	return errors.Join(failed[:]...)
}

// Check says what to do if the binary is missing.
func (d Driver) Check() error {
	if found, err := os.Stat(d.Path); err != nil || found.IsDir() {
		return fmt.Errorf("there is no lockd at %s: run 'make build' in the folder above, or name one with -lockd", d.Path)
	}
	return nil
}
