package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/cluster"
)

const description = `With no flags: a cluster of one node on loopback, its files in ./lockd-data.

Every flag can be given as a variable (--data-dir: LOCKD_DATA_DIR) or as a key of
the YAML file that --config names (data-dir: /var/lib/lockd). A flag wins over a
variable, a variable over the file.

A cluster of three has the same --initial-cluster on every node:

  lockd --name n1 --listen 10.0.0.1:7410 --peer-listen 10.0.0.1:7411 \
    --initial-cluster n1=10.0.0.1:7411,n2=10.0.0.2:7411,n3=10.0.0.3:7411 \
    --tls-cert node.crt --tls-key node.key \
    --peer-cert node.crt --peer-key node.key --peer-ca ca.crt`

// options are the settings as given: the flags' own values.
type options struct {
	config              string
	name                string
	dataDir             string
	listen, advertise   string
	peerListen          string
	peerAdvertise       string
	initialCluster      string
	insecure            bool
	tlsCert, tlsKey     string
	peerCert, peerKey   string
	peerCA              string
	logStore            string
	logLevel, logFormat string
	timingMultiplier    float64
	snapshotEntries     uint64
	snapshotBytes       uint64
	trailingLogs        uint64
	snapshotInterval    time.Duration
	shutdownTimeout     time.Duration
}

func (o *options) flags() []cli.Flag {
	own := cluster.DefaultConfig()
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Destination: &o.config, Usage: "read settings from the YAML `FILE`"},
		&cli.StringFlag{Name: "name", Destination: &o.name, Value: "n1", Usage: "this node's `NAME` in --initial-cluster"},
		&cli.StringFlag{Name: "data-dir", Destination: &o.dataDir, Value: "lockd-data", Usage: "keep the log and the snapshots in `DIR`"},
		&cli.StringFlag{Name: "listen", Destination: &o.listen, Value: "127.0.0.1:7410", Usage: "serve clients on `HOST:PORT`"},
		&cli.StringFlag{Name: "advertise", Destination: &o.advertise, Usage: "the `URL` where clients reach this node (default: that of --listen)"},
		&cli.StringFlag{Name: "peer-listen", Destination: &o.peerListen, Value: "127.0.0.1:7411", Usage: "serve the other nodes on `HOST:PORT`"},
		&cli.StringFlag{Name: "peer-advertise", Destination: &o.peerAdvertise, Usage: "the `HOST:PORT` where the other nodes reach this one (default: as in --initial-cluster, else that of --peer-listen)"},
		&cli.StringFlag{Name: "initial-cluster", Destination: &o.initialCluster, Usage: "all nodes, the same `LIST` on each: n1=host:port,n2=host:port,n3=host:port (default: this node alone)"},
		&cli.BoolFlag{Name: "insecure", Destination: &o.insecure, Usage: "listen beyond loopback without TLS"},
		&cli.StringFlag{Name: "tls-cert", Destination: &o.tlsCert, Usage: "certificate `FILE` (PEM) of the client port"},
		&cli.StringFlag{Name: "tls-key", Destination: &o.tlsKey, Usage: "key `FILE` (PEM) of the client port"},
		&cli.StringFlag{Name: "peer-cert", Destination: &o.peerCert, Usage: "certificate `FILE` (PEM) of the peer port, for both directions"},
		&cli.StringFlag{Name: "peer-key", Destination: &o.peerKey, Usage: "key `FILE` (PEM) of the peer port"},
		&cli.StringFlag{Name: "peer-ca", Destination: &o.peerCA, Usage: "certificate `FILE` (PEM) of the authority that signed every node's peer certificate"},
		&cli.StringFlag{Name: "log-store", Destination: &o.logStore, Value: string(cluster.LogBolt), Usage: "keep the log in `STORE`: bolt, or wal, which is faster and sees less damage (docs/RECOVERY.md); fixed with the data directory"},
		&cli.StringFlag{Name: "log-level", Destination: &o.logLevel, Value: "info", Usage: "`LEVEL`: trace, debug, info, warn, error or off"},
		&cli.StringFlag{Name: "log-format", Destination: &o.logFormat, Value: "text", Usage: "`FORMAT`: text or json"},
		&cli.Float64Flag{Name: "timing-multiplier", Destination: &o.timingMultiplier, Value: 1, Usage: "stretch elections and heartbeats by `X` on slow machines or networks; the same on every node"},
		&cli.Uint64Flag{Name: "snapshot-entries", Destination: &o.snapshotEntries, DefaultText: fmt.Sprint(own.SnapshotEntries), Usage: "take a snapshot after `N` log entries"},
		&cli.Uint64Flag{Name: "snapshot-bytes", Destination: &o.snapshotBytes, DefaultText: fmt.Sprint(own.SnapshotBytes), Usage: "take a snapshot after `N` bytes of log"},
		&cli.Uint64Flag{Name: "trailing-logs", Destination: &o.trailingLogs, DefaultText: fmt.Sprint(own.TrailingLogs), Usage: "keep `N` log entries behind a snapshot for nodes that lag"},
		&cli.DurationFlag{Name: "snapshot-interval", Destination: &o.snapshotInterval, DefaultText: own.Timing.SnapshotCheck.String(), Usage: "look every `DURATION` whether a snapshot is due"},
		&cli.DurationFlag{Name: "shutdown-timeout", Destination: &o.shutdownTimeout, Value: 10 * time.Second, Usage: "give a graceful stop at most `DURATION`"},
	}
}
