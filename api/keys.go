package api

import "time"

// KeyAcquire is the body of POST /v1/keys/acquire.
type KeyAcquire struct {
	Key   string `json:"key"`
	RunID string `json:"run_id"`
	// Session or TTL, not both; Wait needs one of them.
	Session string   `json:"session,omitempty"`
	TTL     Duration `json:"ttl,omitempty"`
	// Limit is the number of holders; zero means the key's present value, else 1.
	Limit uint32 `json:"limit,omitempty"`
	// Wait queues the request for at most that long; zero only tries.
	Wait Duration `json:"wait,omitempty"`
	// Poll bounds how long one answer is held back; nil means DefaultPoll.
	Poll   *Duration `json:"poll,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Once
}

// KeyAcquired is the 200 answer to KeyAcquire.
type KeyAcquired struct {
	Result     Word      `json:"result"`
	Key        string    `json:"key"`
	RunID      string    `json:"run_id"`
	Token      uint64    `json:"token"`
	Session    string    `json:"session,omitempty"`
	Reentrant  bool      `json:"reentrant"`
	AcquiredAt time.Time `json:"acquired_at"`
	Limit      uint32    `json:"limit"`
	Previous   *Previous `json:"previous,omitempty"`
}

// KeyRelease is the body of POST /v1/keys/release.
type KeyRelease struct {
	Key   string `json:"key"`
	RunID string `json:"run_id"`
	// Token, when set, must be the hold's.
	Token   uint64 `json:"token,omitempty"`
	Session string `json:"session,omitempty"`
	Once
}

// KeyReleased is the 200 answer to KeyRelease.
type KeyReleased struct {
	Result Word   `json:"result"`
	Key    string `json:"key"`
	RunID  string `json:"run_id"`
	// Token is absent when only a waiting request was withdrawn.
	Token uint64 `json:"token,omitempty"`
}

// KeyBreak is the body of POST /v1/keys/break. Session is for Once only.
type KeyBreak struct {
	Key    string `json:"key"`
	Token  uint64 `json:"token"`
	Reason string `json:"reason"`
	// Client says who breaks it, for the name's history.
	Client  *Client `json:"client,omitempty"`
	Session string  `json:"session,omitempty"`
	Once
}

// BrokenAnswer is the 200 answer to KeyBreak and LockBreak.
type BrokenAnswer struct {
	Result Word `json:"result"`
	// RunID held it; empty if it was a lock delay.
	RunID string `json:"run_id"`
	Token uint64 `json:"token"`
}

// KeyState is one key: the answer to GET /v1/keys/{key}.
type KeyState struct {
	Key         string `json:"key"`
	Occupied    bool   `json:"occupied"`
	HolderRunID string `json:"holder_run_id,omitempty"`
	Holders     []Hold `json:"holders"`
	Waiters     []Wait `json:"waiters"`
	Limit       uint32 `json:"limit"`
}

// KeyList is a page of GET /v1/keys, sorted by key.
type KeyList struct {
	Keys  []KeyState `json:"keys"`
	Index uint64     `json:"index"`
	// Next is the next page's after; absent on the last page.
	Next string `json:"next,omitempty"`
}

// Check is the body of POST /v1/check: is this token still a hold? Either Key
// or Ref.
type Check struct {
	Key   string `json:"key,omitempty"`
	Ref   string `json:"ref,omitempty"`
	Token uint64 `json:"token"`
}

// Checked is the 200 answer to Check.
type Checked struct {
	Valid bool `json:"valid"`
	// Current are the tokens of the name's holds.
	Current []uint64 `json:"current"`
	// Highest is the highest token ever granted in the cluster.
	Highest uint64 `json:"highest"`
}
