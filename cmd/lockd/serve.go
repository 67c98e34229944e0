package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lockd/cluster"
	"lockd/transport/httpapi"
	"lockd/transport/peer"
)

// serve runs the node until ctx ends (then it stops gracefully and returns nil)
// or until it cannot go on.
func serve(ctx context.Context, s *settings, stderr io.Writer) error {
	logger := hclog.New(&hclog.LoggerOptions{
		Name: "lockd", Level: s.logLevel, JSONFormat: s.logJSON, Output: stderr,
	})
	listener, err := listen("--listen", s.listen)
	if err != nil {
		return err
	}
	if s.clientTLS != nil {
		config := s.clientTLS.Clone()
		config.NextProtos = []string{"h2", "http/1.1"}
		listener = tls.NewListener(listener, config)
	}
	// The port is bound first, so that a taken one is found before the log is
	// touched; the HTTP server closes it.
	peers, err := peer.Listen(s.peerConfig(logger))
	if err != nil {
		return errors.Join(hint("--peer-listen", err), listener.Close())
	}
	tuning, tuned := context.WithCancel(ctx)
	var heap sync.WaitGroup
	heap.Go(func() { tuneHeap(tuning) })
	defer heap.Wait()
	defer tuned()
	failed := make(chan error, 1)
	node, err := cluster.Start(s.nodeConfig(logger, peers, failed))
	if err != nil {
		return errors.Join(err, peers.Close(), listener.Close())
	}
	peers.Serve(node)
	return attend(ctx, s, logger, &parts{node: node, peers: peers, listener: listener, failed: failed})
}

// parts are what runs once the node has started.
type parts struct {
	node     *cluster.Node
	peers    *peer.Peer
	listener net.Listener
	// failed gets the reason when the node cannot go on safely.
	failed <-chan error
}

// attend serves clients and waits for the end.
func attend(ctx context.Context, s *settings, logger hclog.Logger, p *parts) error {
	api, err := newAPI(s, logger, p.node)
	if err != nil {
		return errors.Join(err, p.stop(s, nil, nil), p.listener.Close())
	}
	server := api.HTTPServer()
	served := make(chan error, 1)
	go func() { served <- server.Serve(p.listener) }()
	logger.Info("serving", "node", s.name, "clients", s.advertise, "peers", s.peerAdvertise,
		"members", len(s.members), "dir", s.dataDir, "version", version)

	select {
	case <-ctx.Done():
		logger.Info("stopping", "timeout", s.shutdownTimeout)
		err = p.stop(s, api, server)
		<-served
		if err == nil {
			logger.Info("stopped")
		}
		return err
	case err = <-served:
		return errors.Join(fmt.Errorf("serve clients: %w", err), p.stop(s, api, server))
	case err = <-p.failed:
		// What failed may hang every orderly way out: leave at once.
		logger.Error("giving up", "error", err)
		return err
	}
}

// stop refuses new work, drains, hands leadership over and closes everything.
// Until the node has stopped the API still answers, so that /readyz says so.
func (p *parts) stop(s *settings, api *httpapi.Server, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.shutdownTimeout)
	defer cancel()
	if api != nil {
		api.Drain()
	}
	failed := p.node.Shutdown(ctx)
	if server != nil {
		left, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if err := server.Shutdown(left); err != nil {
			failed = errors.Join(failed, server.Close())
		}
	}
	if api != nil {
		api.Close()
	}
	return errors.Join(failed, p.peers.Close())
}

func newAPI(s *settings, logger hclog.Logger, node *cluster.Node) (*httpapi.Server, error) {
	config := httpapi.DefaultConfig()
	config.Node = node
	config.NodeName = s.name
	config.Logger = logger.Named("http")
	config.Registry = prometheus.NewRegistry()
	err := errors.Join(
		config.Registry.Register(collectors.NewGoCollector()),
		config.Registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
	if err != nil {
		return nil, err
	}
	return httpapi.New(config)
}

func (s *settings) peerConfig(logger hclog.Logger) peer.Config {
	config := peer.DefaultConfig()
	config.Addr = s.peerListen
	config.Advertise = s.peerAdvertise
	config.ClusterID = cluster.ClusterID(s.members)
	config.Name = s.name
	config.TLS = s.peerTLS
	config.Logger = logger.Named("peer")
	for _, d := range []*time.Duration{&config.PingEvery, &config.PingTimeout, &config.DialTimeout, &config.RPCTimeout} {
		*d = time.Duration(float64(*d) * s.timingMultiplier)
	}
	return config
}

func (s *settings) nodeConfig(logger hclog.Logger, peers *peer.Peer, failed chan<- error) cluster.Config {
	config := cluster.DefaultConfig()
	config.Name = s.name
	config.DataDir = s.dataDir
	config.LogStore = s.logStore
	config.Members = s.members
	config.ClientURL = s.advertise
	config.Version = version
	config.Transport = peers.RaftTransport()
	config.Link = peers
	config.Reader = cluster.Reader(httpapi.Answer(config.Clock))
	config.Timing = config.Timing.Scale(s.timingMultiplier)
	if s.snapshotInterval > 0 {
		config.Timing.SnapshotCheck = s.snapshotInterval
	}
	for _, knob := range []struct{ field, value *uint64 }{
		{&config.SnapshotEntries, &s.snapshotEntries},
		{&config.SnapshotBytes, &s.snapshotBytes},
		{&config.TrailingLogs, &s.trailingLogs},
	} {
		if *knob.value > 0 {
			*knob.field = *knob.value
		}
	}
	config.Logger = logger
	config.OnFatal = func(err error) {
		select {
		case failed <- err:
		default: // the first reason is enough
		}
	}
	return config
}

func listen(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, hint(flag, err)
	}
	return listener, nil
}

// hint adds what to do about a port that cannot be had.
func hint(flag string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another program, or another lockd, serves there; end it or give another %s", err, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: no interface of this machine has that address; correct %s", err, flag)
	}
	return err
}
