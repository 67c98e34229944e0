package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"lockd/cluster"
)

// settings are the options, checked and completed.
type settings struct {
	name          string
	dataDir       string
	listen        string
	advertise     string
	peerListen    string
	peerAdvertise string
	members       []cluster.Member
	// clientTLS and peerTLS are nil for plain connections.
	clientTLS, peerTLS *tls.Config
	logStore           cluster.LogStore
	logLevel           hclog.Level
	logJSON            bool
	timingMultiplier   float64
	// The snapshot knobs; zero leaves the cluster's own.
	snapshotEntries, snapshotBytes, trailingLogs uint64
	snapshotInterval, shutdownTimeout            time.Duration
}

// settle checks the options together. Its errors say what to do.
func (o *options) settle() (*settings, error) {
	s := &settings{
		name: o.name, dataDir: o.dataDir, listen: o.listen, advertise: o.advertise,
		peerListen: o.peerListen, peerAdvertise: o.peerAdvertise,
		timingMultiplier: o.timingMultiplier, snapshotEntries: o.snapshotEntries,
		snapshotBytes: o.snapshotBytes, trailingLogs: o.trailingLogs, snapshotInterval: o.snapshotInterval,
		shutdownTimeout: o.shutdownTimeout,
	}
	for _, step := range []func(*options) error{
		s.settleValues, s.settleTLS, s.settleClientAddress, s.settleMembers, s.settleExposure,
	} {
		if err := step(o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *settings) settleValues(o *options) error {
	switch {
	case o.name == "" || strings.ContainsAny(o.name, "=,"):
		return fmt.Errorf("--name %q: a name is needed, without '=' and ','", o.name)
	case o.dataDir == "":
		return errors.New("--data-dir is empty: name the folder for this node's files")
	case o.timingMultiplier < minMultiplier || o.timingMultiplier > maxMultiplier:
		return fmt.Errorf("--timing-multiplier %v: between %v and %v", o.timingMultiplier, minMultiplier, maxMultiplier)
	case o.shutdownTimeout <= 0:
		return fmt.Errorf("--shutdown-timeout %v: must be positive", o.shutdownTimeout)
	}
	switch s.logStore = cluster.LogStore(o.logStore); s.logStore {
	case cluster.LogBolt, cluster.LogWAL:
	default:
		return fmt.Errorf("--log-store %q: %s or %s", o.logStore, cluster.LogBolt, cluster.LogWAL)
	}
	switch o.logFormat {
	case "text":
	case "json":
		s.logJSON = true
	default:
		return fmt.Errorf("--log-format %q: text or json", o.logFormat)
	}
	if s.logLevel = hclog.LevelFromString(o.logLevel); s.logLevel == hclog.NoLevel {
		return fmt.Errorf("--log-level %q: trace, debug, info, warn, error or off", o.logLevel)
	}
	return nil
}

func (s *settings) settleTLS(o *options) (err error) {
	if s.clientTLS, err = clientTLS(o.tlsCert, o.tlsKey); err != nil {
		return err
	}
	s.peerTLS, err = peerTLS(o.peerCert, o.peerKey, o.peerCA)
	return err
}

func (s *settings) settleClientAddress(*options) error {
	host, port, err := net.SplitHostPort(s.listen)
	if err != nil {
		return fmt.Errorf("--listen %q: HOST:PORT is needed, such as 127.0.0.1:7410", s.listen)
	}
	if s.advertise == "" {
		if isUnspecified(host) || port == "0" {
			return fmt.Errorf("--listen %s names no address that others can reach: give it with --advertise, such as https://n1.example.com:7410", s.listen)
		}
		scheme := "http"
		if s.clientTLS != nil {
			scheme = "https"
		}
		s.advertise = scheme + "://" + s.listen
	}
	u, err := url.Parse(s.advertise)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("--advertise %q: a URL is needed, such as https://n1.example.com:7410", s.advertise)
	}
	s.advertise = u.Scheme + "://" + u.Host
	return nil
}

func (s *settings) settleMembers(o *options) error {
	host, port, err := net.SplitHostPort(s.peerListen)
	if err != nil {
		return fmt.Errorf("--peer-listen %q: HOST:PORT is needed, such as 127.0.0.1:7411", s.peerListen)
	}
	if o.initialCluster == "" {
		if s.peerAdvertise == "" {
			if isUnspecified(host) || port == "0" {
				return fmt.Errorf("--peer-listen %s names no address that others can reach: give it with --peer-advertise", s.peerListen)
			}
			s.peerAdvertise = s.peerListen
		}
		s.members = []cluster.Member{{Name: s.name, PeerAddr: s.peerAdvertise}}
		return nil
	}
	if s.members, err = parseMembers(o.initialCluster); err != nil {
		return err
	}
	for _, m := range s.members {
		if m.Name != s.name {
			continue
		}
		if s.peerAdvertise != "" && s.peerAdvertise != m.PeerAddr {
			return fmt.Errorf("--peer-advertise %s, but --initial-cluster has %s=%s: make them equal", s.peerAdvertise, m.Name, m.PeerAddr)
		}
		s.peerAdvertise = m.PeerAddr
		return nil
	}
	return fmt.Errorf("--initial-cluster %s does not have this node, %s: add it, or give the right --name", o.initialCluster, s.name)
}

func parseMembers(list string) ([]cluster.Member, error) {
	var members []cluster.Member
	names, addresses := make(map[string]bool), make(map[string]bool)
	for part := range strings.SplitSeq(list, ",") {
		name, address, found := strings.Cut(strings.TrimSpace(part), "=")
		_, port, err := net.SplitHostPort(address)
		switch {
		case !found || name == "" || err != nil || port == "" || port == "0":
			return nil, fmt.Errorf("--initial-cluster: %q: NAME=HOST:PORT is needed, such as n1=10.0.0.1:7411", part)
		case names[name]:
			return nil, fmt.Errorf("--initial-cluster: %s is there twice", name)
		case addresses[address]:
			return nil, fmt.Errorf("--initial-cluster: two nodes have the address %s", address)
		}
		names[name], addresses[address] = true, true
		members = append(members, cluster.Member{Name: name, PeerAddr: address})
	}
	return members, nil
}

// settleExposure refuses a port that the network can reach in the clear, unless
// that was asked for.
func (s *settings) settleExposure(o *options) error {
	switch {
	case o.insecure:
		return nil
	case s.clientTLS == nil && !isLoopback(s.listen):
		return fmt.Errorf("--listen %s is not loopback and would serve locks in the clear: "+
			"give --tls-cert and --tls-key, or say --insecure if the network is trusted", s.listen)
	case s.peerTLS == nil && !isLoopback(s.peerListen):
		return fmt.Errorf("--peer-listen %s is not loopback and anybody who reaches it could change the log: "+
			"give --peer-cert, --peer-key and --peer-ca, or say --insecure if the network is trusted", s.peerListen)
	}
	return nil
}

func isUnspecified(host string) bool {
	if host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsUnspecified()
}

// isLoopback trusts no name but localhost: what another resolves to may change.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
