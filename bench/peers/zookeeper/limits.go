package zookeeper

import "time"

const (
	// nodes is the size of the ensemble; portsPerNode are for clients, peers and
	// elections.
	nodes        = 3
	portsPerNode = 3
	// defaultTTL is that of a caller without one.
	defaultTTL = 60 * time.Second
	// openTime bounds the opening of a session.
	openTime = 30 * time.Second
	// warmers is how many clients warm an ensemble up.
	warmers = 48
	// probeTime bounds one question for a server's mode.
	probeTime = 3 * time.Second
	// maxModeBytes bounds the answer.
	maxModeBytes = 64 << 10
)
