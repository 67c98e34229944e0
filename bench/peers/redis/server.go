package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"lockd/bench/process"
	"lockd/bench/system"
)

const binary = "redis-server"

// Driver starts servers.
type Driver struct {
	// Pipelined has all clients share automatic pipelines.
	Pipelined bool
}

// Name is "redis", or "redis pipelined".
func (d Driver) Name() string {
	if d.Pipelined {
		return "redis pipelined"
	}
	return "redis"
}

// Check says what to install if it is missing.
func (d Driver) Check() error {
	if _, err := exec.LookPath(binary); err != nil {
		return errors.New("there is no redis-server: install redis-server (Debian), or run 'make bench-peers-deps' as root")
	}
	return nil
}

// Start starts one server and returns when it serves.
func (d Driver) Start(ctx context.Context, site system.Site) (system.Service, error) {
	port, err := process.Ports(site.Port, 1)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(binary)
	if err != nil {
		return nil, err
	}
	s := &server{path: path, dir: site.Dir, port: port}
	s.control = s.connect()
	s.Group, err = process.StartGroup(ctx, process.Layout{
		Size: 1, Command: s.command, Ready: func(ctx context.Context, _ int) error { return s.control.Ping(ctx).Err() },
	})
	if err == nil && d.Pipelined {
		s.pipeline, err = s.control.AutoPipeline()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// server is one process.
type server struct {
	*process.Group
	path, dir string
	port      int
	control   *redis.Client
	// pipeline is what all clients share; nil if each has a connection.
	pipeline *redis.AutoPipeliner
}

func (s *server) command(int) process.Command {
	return process.Command{
		Path: s.path,
		Args: []string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--daemonize", "no",
			"--appendonly", "yes", "--appendfsync", "always", "--save", "",
		},
		Log: filepath.Join(s.dir, "log"),
	}
}

// connect makes a client of one connection, made at the first call.
func (s *server) connect() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: fmt.Sprintf("127.0.0.1:%d", s.port), PoolSize: 1, MaxRetries: -1, ReadTimeout: answerTime, PoolTimeout: answerTime,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Leader is unsupported: there is nobody to take over.
func (s *server) Leader(context.Context) (int, error) {
	return 0, fmt.Errorf("one Redis has no leader: %w", errors.ErrUnsupported)
}

// Dial returns a client that extends what it holds.
func (s *server) Dial(_ context.Context, caller system.Caller) (system.Client, error) {
	u := &client{name: caller.Name, ttl: cmp.Or(caller.TTL, defaultTTL), held: make(map[string]held)}
	if s.pipeline != nil {
		u.over = s.pipeline
	} else {
		own := s.connect()
		u.over, u.own = own, own
	}
	u.extending = extend(u)
	return u, nil
}

// Close kills the process: nobody needs its files any more.
func (s *server) Close() error {
	var failed []error
	if s.pipeline != nil {
		failed = append(failed, s.pipeline.Close())
	}
	failed = append(failed, s.control.Close())
	if s.Group != nil {
		failed = append(failed, s.KillAll())
	}
	return errors.Join(failed...)
}

// stopped is the end of a goroutine.
type stopped struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

func (s *stopped) stop() {
	s.cancel()
	<-s.ended
}

// extend extends what u holds every third of its TTL.
func extend(u *client) *stopped {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stopped{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		ticker := time.NewTicker(u.ttl / renewalsPerTTL)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				u.extendAll(ctx)
			}
		}
	}()
	return s
}
