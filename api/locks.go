package api

import "time"

// LockWant is one reference of an acquire.
type LockWant struct {
	Ref   string `json:"ref"`
	Mode  Mode   `json:"mode,omitempty"`
	Scope Scope  `json:"scope,omitempty"`
}

// LockAcquire is the body of POST /v1/locks/acquire: either Ref with Mode and
// Scope, or Refs.
type LockAcquire struct {
	Ref   string     `json:"ref,omitempty"`
	Mode  Mode       `json:"mode,omitempty"`
	Scope Scope      `json:"scope,omitempty"`
	Refs  []LockWant `json:"refs,omitempty"`
	RunID string     `json:"run_id"`
	// Session or TTL, not both; Wait needs one of them.
	Session string   `json:"session,omitempty"`
	TTL     Duration `json:"ttl,omitempty"`
	// Wait queues the request for at most that long; zero only tries.
	Wait Duration `json:"wait,omitempty"`
	// Poll bounds how long one answer is held back; nil means DefaultPoll.
	Poll   *Duration `json:"poll,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Once
}

// LockGrant is one reference that a run holds.
type LockGrant struct {
	// Ref is in canonical form.
	Ref      string    `json:"ref"`
	Mode     Mode      `json:"mode"`
	Scope    Scope     `json:"scope"`
	Token    uint64    `json:"token"`
	Previous *Previous `json:"previous,omitempty"`
}

// LockAcquired is the 200 answer to LockAcquire and LockDowngrade.
type LockAcquired struct {
	Result     Word        `json:"result"`
	RunID      string      `json:"run_id"`
	Session    string      `json:"session,omitempty"`
	Reentrant  bool        `json:"reentrant"`
	Locks      []LockGrant `json:"locks"`
	AcquiredAt time.Time   `json:"acquired_at"`
}

// Conflict is one reference that an acquire could not have.
type Conflict struct {
	Ref     string `json:"ref"`
	Holders []Hold `json:"holders"`
	// Waiting counts the requests queued at the reference.
	Waiting uint32 `json:"waiting"`
}

// LockGive is one reference of a release.
type LockGive struct {
	Ref string `json:"ref"`
	// Token, when set, must be the hold's.
	Token uint64 `json:"token,omitempty"`
}

// LockRelease is the body of POST /v1/locks/release: either Ref with Token, or
// Refs.
type LockRelease struct {
	Ref     string     `json:"ref,omitempty"`
	Token   uint64     `json:"token,omitempty"`
	Refs    []LockGive `json:"refs,omitempty"`
	RunID   string     `json:"run_id"`
	Session string     `json:"session,omitempty"`
	Once
}

// LockReleased is the 200 answer to LockRelease.
type LockReleased struct {
	Result Word     `json:"result"`
	Refs   []string `json:"refs"`
}

// LockDowngrade is the body of POST /v1/locks/downgrade: the hold becomes Mode
// and Scope, never stronger than it is, and keeps its token. An absent Mode or
// Scope stays as it is held; if both are absent, Mode is Shared.
type LockDowngrade struct {
	Ref     string `json:"ref"`
	RunID   string `json:"run_id"`
	Token   uint64 `json:"token,omitempty"`
	Mode    Mode   `json:"mode,omitempty"`
	Scope   Scope  `json:"scope,omitempty"`
	Session string `json:"session,omitempty"`
	Once
}

// LockBreak is the body of POST /v1/locks/break. Session is for Once only.
type LockBreak struct {
	Ref    string `json:"ref"`
	Token  uint64 `json:"token"`
	Reason string `json:"reason"`
	// Client says who breaks it, for the name's history.
	Client  *Client `json:"client,omitempty"`
	Session string  `json:"session,omitempty"`
	Once
}

// LockState is one reference: the answer to GET /v1/locks/{ref}.
type LockState struct {
	Ref     string `json:"ref"`
	Holders []Hold `json:"holders"`
	Waiters []Wait `json:"waiters"`
	// CoveredBy are the tree holds on references above.
	CoveredBy []Hold `json:"covered_by"`
}

// LockList is a page of GET /v1/locks, sorted by reference.
type LockList struct {
	Locks []LockState `json:"locks"`
	Index uint64      `json:"index"`
	// Next is the next page's after; absent on the last page.
	Next string `json:"next,omitempty"`
}
