package api

// NamedHold is a hold with its name: either Key or Ref.
type NamedHold struct {
	Key string `json:"key,omitempty"`
	Ref string `json:"ref,omitempty"`
	Hold
}

// RunRequest is what a run waits for: either Key (and Limit, if it asked for
// one) or Refs.
type RunRequest struct {
	Key     string     `json:"key,omitempty"`
	Limit   uint32     `json:"limit,omitempty"`
	Refs    []LockWant `json:"refs,omitempty"`
	Session string     `json:"session"`
	// Position is the worst one of its names, from 1.
	Position  uint32   `json:"position"`
	WaitMS    int64    `json:"wait_ms"`
	WaitedMS  int64    `json:"waited_ms"`
	BlockedBy []string `json:"blocked_by"`
	Reason    string   `json:"reason,omitempty"`
	Client    Client   `json:"client"`
}

// RunState is one run: the answer to GET /v1/runs/{run_id}.
type RunState struct {
	RunID string      `json:"run_id"`
	Holds []NamedHold `json:"holds"`
	// Request is nil unless the run waits.
	Request *RunRequest `json:"request,omitempty"`
}

// ReleasedCount is the answer to DELETE of a run or a session.
type ReleasedCount struct {
	// Released counts the holds that were given back.
	Released uint32 `json:"released"`
}
