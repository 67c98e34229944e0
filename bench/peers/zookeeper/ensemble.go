package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lockd/bench/process"
	"lockd/bench/system"
)

const (
	// jar is ZooKeeper where Debian puts it; its manifest names what it needs.
	jar = "/usr/share/java/zookeeper.jar"
	// mainClass runs a member of an ensemble.
	mainClass = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
	// locks and bareLocks are the nodes below which locks are.
	locks     = "/locks"
	bareLocks = "/bare"
)

// Driver starts ensembles.
type Driver struct {
	// Bare takes a node without the lock recipe.
	Bare bool
	// WarmUp is how long locks are taken and given back before Start returns.
	// Servers that have just started run slow: Java compiles what has run often.
	WarmUp time.Duration
}

// Name is "zookeeper", or "zookeeper bare".
func (d Driver) Name() string {
	if d.Bare {
		return "zookeeper bare"
	}
	return "zookeeper"
}

// Check says what to install if it is missing.
func (d Driver) Check() error {
	if _, err := os.Stat(jar); err != nil {
		return errors.New("there is no " + jar + ": install zookeeper (Debian), or run 'make bench-peers-deps' as root")
	}
	if _, err := exec.LookPath("java"); err != nil {
		return errors.New("ZooKeeper needs java: install default-jre-headless (Debian)")
	}
	return nil
}

// Start starts three servers and returns when all of them serve.
func (d Driver) Start(ctx context.Context, site system.Site) (system.Service, error) {
	port, err := process.Ports(site.Port, nodes*portsPerNode)
	if err != nil {
		return nil, err
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, err
	}
	e := &ensemble{driver: d, java: java, dir: site.Dir, port: port}
	for i := range nodes {
		if err := e.configure(i); err != nil {
			return nil, err
		}
	}
	e.Group, err = process.StartGroup(ctx, process.Layout{Size: nodes, Command: e.command, Ready: func(ctx context.Context, i int) error {
		_, err := e.mode(ctx, i)
		return err
	}})
	if err != nil {
		return nil, err
	}
	if err = e.plant(ctx); err == nil && d.WarmUp > 0 {
		err = e.warm(ctx, d.WarmUp)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// ensemble is three processes, some of which may have been killed.
type ensemble struct {
	*process.Group
	driver    Driver
	java, dir string
	port      int
}

func (e *ensemble) address(node int) string {
	return fmt.Sprintf("127.0.0.1:%d", e.port+portsPerNode*node)
}

func (e *ensemble) folder(node int) string { return filepath.Join(e.dir, fmt.Sprintf("n%d", node+1)) }

// configure writes the files of one server.
func (e *ensemble) configure(node int) error {
	dir := e.folder(node)
	lines := []string{
		"tickTime=2000", "initLimit=10", "syncLimit=5", "maxClientCnxns=0",
		"dataDir=" + dir, "clientPortAddress=127.0.0.1", fmt.Sprintf("clientPort=%d", e.port+portsPerNode*node),
		"admin.enableServer=false", "4lw.commands.whitelist=srvr",
	}
	for i := range nodes {
		first := e.port + portsPerNode*i
		lines = append(lines, fmt.Sprintf("server.%d=127.0.0.1:%d:%d", i+1, first+1, first+2))
	}
	return errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "zoo.cfg"), []byte(strings.Join(lines, "\n")+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "myid"), fmt.Appendf(nil, "%d\n", node+1), 0o600))
}

func (e *ensemble) command(node int) process.Command {
	return process.Command{
		Path: e.java,
		Args: []string{
			"-Xms256m", "-Xmx1g", "-Dzookeeper.root.logger=WARN,CONSOLE",
			"-cp", "/etc/zookeeper/conf:" + jar, mainClass, filepath.Join(e.folder(node), "zoo.cfg"),
		},
		Log: filepath.Join(e.dir, fmt.Sprintf("n%d.log", node+1)),
	}
}

// mode asks a server whether it leads or follows; an error if neither.
func (e *ensemble) mode(ctx context.Context, node int) (mode string, err error) {
	dialer := net.Dialer{Timeout: probeTime}
	conn, err := dialer.DialContext(ctx, "tcp", e.address(node))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(probeTime)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxModeBytes))
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut(string(answer), "Mode: ")
	if !found {
		return "", fmt.Errorf("it says %q", answer)
	}
	mode, _, _ = strings.Cut(rest, "\n")
	return mode, nil
}

// plant creates the nodes below which the locks will be.
func (e *ensemble) plant(ctx context.Context) error {
	u, err := e.dial(ctx, system.Caller{Name: "planter"})
	if err != nil {
		return err
	}
	return errors.Join(u.create(ctx, locks), u.create(ctx, bareLocks), u.Close(ctx))
}

// warm has clients of all servers take, query and give back locks of their own.
func (e *ensemble) warm(ctx context.Context, d time.Duration) error {
	failed := make([]error, warmers)
	end := time.Now().Add(d)
	var running sync.WaitGroup
	for i := range warmers {
		running.Go(func() {
			name := fmt.Sprintf("warm%d", i)
			u, err := e.Dial(ctx, system.Caller{Name: name, Node: i})
			if err != nil {
				failed[i] = err
				return
			}
			for err == nil && time.Now().Before(end) {
				err = cycle(ctx, u, name)
			}
			failed[i] = errors.Join(err, u.Close(ctx))
		})
	}
	running.Wait()
	return errors.Join(failed...)
}

func cycle(ctx context.Context, u system.Client, lock string) error {
	hold, err := u.TryLock(ctx, lock)
	if err != nil {
		return err
	}
	if _, err := u.Query(ctx, lock, false); err != nil {
		return err
	}
	return u.Unlock(ctx, hold)
}

// Leader asks all servers until one says that it leads.
func (e *ensemble) Leader(ctx context.Context) (int, error) {
	return e.AwaitLeader(ctx, func(ctx context.Context, i int) bool {
		mode, err := e.mode(ctx, i)
		return err == nil && mode == "leader"
	})
}

// Dial opens a session for the caller.
func (e *ensemble) Dial(ctx context.Context, caller system.Caller) (system.Client, error) {
	u, err := e.dial(ctx, caller)
	if err != nil {
		return nil, err
	}
	if e.driver.Bare {
		return &bare{u}, nil
	}
	return u, nil
}

// Close kills the processes: nobody needs their files any more.
func (e *ensemble) Close() error { return e.KillAll() }
