package etcd

import "time"

const (
	// nodes is the size of the cluster; portsPerNode are for clients and peers.
	nodes        = 3
	portsPerNode = 2
	// defaultTTL is that of a caller without one: etcd's own default.
	defaultTTL = 60 * time.Second
	// attemptTime bounds one attempt of a call that does not wait for a lock:
	// what was proposed to a leader that died is not answered for longer.
	attemptTime = 3 * time.Second
	// dialTime bounds the making of one connection.
	dialTime = 5 * time.Second
	// probeTime bounds one question whether a server is ready or leads.
	probeTime = 3 * time.Second
	// quotaBytes is etcd's own advice for the largest database.
	quotaBytes = 8 << 30
)
