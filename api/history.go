package api

import "time"

// Name is what a lock is on: either a Key or a Ref.
type Name struct {
	Key string `json:"key,omitempty"`
	Ref string `json:"ref,omitempty"`
}

// History is the answer to GET /v1/history: how the last grants of a name
// ended. A name of which nothing is remembered has no endings.
type History struct {
	// Name is the one asked for, a reference in canonical form.
	Name
	// Endings are at most eight, the newest first.
	Endings []Ending `json:"endings"`
}

// Ending is how one grant of a name ended. Its times are wall times, for people.
type Ending struct {
	RunID string `json:"run_id"`
	Token uint64 `json:"token"`
	Mode  Mode   `json:"mode"`
	// Scope is absent for keys.
	Scope      Scope     `json:"scope,omitempty"`
	End        End       `json:"end"`
	AcquiredAt time.Time `json:"acquired_at"`
	EndedAt    time.Time `json:"ended_at"`
	HeldMS     int64     `json:"held_ms"`
	// Reason and Client are those of the acquire; Client is nil if it named none.
	Reason string  `json:"reason,omitempty"`
	Client *Client `json:"client,omitempty"`
	// By says who broke the hold; nil unless End is WasBroken.
	By *BrokenBy `json:"by,omitempty"`
}

// BrokenBy is who broke a hold, and why.
type BrokenBy struct {
	Reason string `json:"reason"`
	// Client is as the break's body named it, else the host that it came from.
	Client *Client `json:"client,omitempty"`
}
