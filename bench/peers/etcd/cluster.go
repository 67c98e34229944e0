package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"lockd/bench/process"
	"lockd/bench/system"
)

// Driver starts clusters of one binary.
type Driver struct {
	// Path is the etcd binary.
	Path string
	// Bare takes a key without the lock recipe.
	Bare bool
	// Connections is how many clients with connections to all endpoints the
	// callers share; zero gives each caller its own.
	Connections int
}

// Name is "etcd", or "etcd bare".
func (d Driver) Name() string {
	if d.Bare {
		return "etcd bare"
	}
	return "etcd"
}

// Check says what to do if the binary is missing.
func (d Driver) Check() error {
	if found, err := os.Stat(d.Path); err != nil || found.IsDir() {
		return fmt.Errorf("there is no etcd at %s: run 'make bench-peers-deps' at the top of the tree", d.Path)
	}
	return nil
}

// Start starts three servers and returns when all of them are healthy.
func (d Driver) Start(ctx context.Context, site system.Site) (system.Service, error) {
	port, err := process.Ports(site.Port, nodes*portsPerNode)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(d.Path)
	if err != nil {
		return nil, err
	}
	c := &cluster{driver: d, path: path, dir: site.Dir, port: port}
	if c.control, err = c.connect(); err != nil {
		return nil, err
	}
	for range d.Connections {
		shared, err := c.connect()
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.shared = append(c.shared, shared)
	}
	c.Group, err = process.StartGroup(ctx, process.Layout{Size: nodes, Command: c.command, Ready: c.ready})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// cluster is three processes, some of which may have been killed.
type cluster struct {
	*process.Group
	driver    Driver
	path, dir string
	port      int
	// control asks for health and leadership.
	control *clientv3.Client

	mu     sync.Mutex
	shared []*clientv3.Client
	dialed int
}

func (c *cluster) clientURL(node int) string {
	return fmt.Sprintf("http://127.0.0.1:%d", c.port+portsPerNode*node)
}

func (c *cluster) peerURL(node int) string {
	return fmt.Sprintf("http://127.0.0.1:%d", c.port+portsPerNode*node+1)
}

func (c *cluster) command(node int) process.Command {
	var members []string
	for i := range nodes {
		members = append(members, fmt.Sprintf("n%d=%s", i+1, c.peerURL(i)))
	}
	name := fmt.Sprintf("n%d", node+1)
	return process.Command{
		Path: c.path,
		Args: []string{
			"--name=" + name, "--data-dir=" + filepath.Join(c.dir, name),
			"--listen-client-urls=" + c.clientURL(node), "--advertise-client-urls=" + c.clientURL(node),
			"--listen-peer-urls=" + c.peerURL(node), "--initial-advertise-peer-urls=" + c.peerURL(node),
			"--initial-cluster=" + strings.Join(members, ","), "--initial-cluster-state=new",
			"--heartbeat-interval=100", "--election-timeout=500",
			fmt.Sprintf("--quota-backend-bytes=%d", int64(quotaBytes)), "--log-level=warn",
		},
		Log: filepath.Join(c.dir, name+".log"),
	}
}

// connect makes a client of all endpoints; it connects at the first call.
func (c *cluster) connect() (*clientv3.Client, error) {
	var endpoints []string
	for i := range nodes {
		endpoints = append(endpoints, c.clientURL(i))
	}
	return clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: dialTime, Logger: zap.NewNop()})
}

// ready asks for a server's status and whether it can read at a quorum.
func (c *cluster) ready(ctx context.Context, node int) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	status, err := c.control.Status(ctx, c.clientURL(node))
	if err != nil {
		return err
	}
	if status.Leader == 0 {
		return errors.New("it knows no leader")
	}
	_, err = c.control.Get(ctx, "ready")
	return err
}

// Leader asks all members until one says that it leads.
func (c *cluster) Leader(ctx context.Context) (int, error) {
	return c.AwaitLeader(ctx, func(ctx context.Context, i int) bool {
		ctx, done := context.WithTimeout(ctx, probeTime)
		defer done()
		status, err := c.control.Status(ctx, c.clientURL(i))
		return err == nil && status.Leader == status.Header.MemberId
	})
}

// client is the next shared client in turn, or one of the caller's own.
func (c *cluster) client() (over *clientv3.Client, own bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.shared) == 0 {
		over, err = c.connect()
		return over, true, err
	}
	c.dialed++
	return c.shared[c.dialed%len(c.shared)], false, nil
}

// Dial opens a session for the caller.
func (c *cluster) Dial(ctx context.Context, caller system.Caller) (system.Client, error) {
	over, own, err := c.client()
	if err != nil {
		return nil, err
	}
	u := &client{etcd: over, own: own, held: make(map[string]grip)}
	if err := u.open(ctx, cmp.Or(caller.TTL, defaultTTL)); err != nil {
		return nil, errors.Join(fmt.Errorf("open a session: %w", err), u.disconnect())
	}
	if c.driver.Bare {
		return &bare{client: u, name: caller.Name}, nil
	}
	return u, nil
}

// Close kills the processes: members that all end the orderly way wait for each
// other to take over.
func (c *cluster) Close() error {
	var failed []error
	for _, shared := range append(c.shared, c.control) {
		failed = append(failed, shared.Close())
	}
	if c.Group != nil {
		failed = append(failed, c.KillAll())
	}
	return errors.Join(failed...)
}
