package api

// Leader is a cluster's leader: the answer to GET /v1/leader.
type Leader struct {
	ID        string `json:"id"`
	ClientURL string `json:"client_url"`
	Term      uint64 `json:"term"`
}

// LeaderTransfer is the body of POST /v1/leader/transfer; To absent leaves the
// choice to the leader.
type LeaderTransfer struct {
	To string `json:"to,omitempty"`
}

// LeaderRef names a leader in Status.
type LeaderRef struct {
	ID        string `json:"id"`
	ClientURL string `json:"client_url"`
}

// StateHash is the hash of the whole lock table at one index. Two nodes with
// the same index and different hashes have diverged.
type StateHash struct {
	Index uint64 `json:"index"`
	// Hash is 16 hexadecimal digits.
	Hash string `json:"hash"`
}

// Member is one node of the cluster, as another sees it.
type Member struct {
	ID        string `json:"id"`
	PeerAddr  string `json:"peer_addr"`
	ClientURL string `json:"client_url"`
	// Suffrage is voter or nonvoter.
	Suffrage string `json:"suffrage"`
	Healthy  bool   `json:"healthy"`
	// AppliedLag is how many log entries it has yet to apply.
	AppliedLag uint64 `json:"applied_lag"`

	// What follows is what the member says of itself; absent unless it answered.

	// Role is leader, follower, candidate or shutdown.
	Role    string `json:"role,omitempty"`
	Term    uint64 `json:"term,omitempty"`
	Version string `json:"version,omitempty"`
	// LastContactMS is how long ago it heard of a leader; absent on the leader,
	// and if it never did.
	LastContactMS *int64 `json:"last_contact_ms,omitempty"`
	// Disk has the member's files; absent where that cannot be found out.
	Disk *Disk `json:"disk,omitempty"`
}

// Disk is the file system that has a node's files.
type Disk struct {
	TotalBytes uint64 `json:"total_bytes"`
	// FreeBytes are those that the node's user can still write.
	FreeBytes uint64 `json:"free_bytes"`
}

// Status is the answer to GET /v1/status: what the node asked knows, without a
// quorum if there is none.
type Status struct {
	Node string `json:"node"`
	// Role is leader, follower, candidate or shutdown.
	Role string `json:"role"`
	Term uint64 `json:"term"`
	// Leader is nil when none is known.
	Leader       *LeaderRef `json:"leader"`
	AppliedIndex uint64     `json:"applied_index"`
	CommitIndex  uint64     `json:"commit_index"`
	StateHash    StateHash  `json:"state_hash"`
	Members      []Member   `json:"members"`
	Version      string     `json:"version"`
}
