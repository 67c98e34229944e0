package api

import "time"

// EventKind is the kind of a change: the event field of the stream.
type EventKind string

// The kinds of events.
const (
	EventAcquired       EventKind = "acquired"
	EventReleased       EventKind = "released"
	EventExpired        EventKind = "expired"
	EventBroken         EventKind = "broken"
	EventMoved          EventKind = "moved"
	EventQueued         EventKind = "queued"
	EventLeft           EventKind = "left"
	EventSessionOpened  EventKind = "session_opened"
	EventSessionClosed  EventKind = "session_closed"
	EventSessionExpired EventKind = "session_expired"
	EventLeader         EventKind = "leader"
)

// EventDropped is the event field of a stream's last message when the server
// gives the reader up; its data is a Problem, and it is no change of the table.
const EventDropped = "dropped"

// Event is the data of one message of GET /v1/events. Its id on the stream is
// the log index and the position in the entry: "1234-0".
type Event struct {
	Kind EventKind `json:"kind"`
	At   time.Time `json:"at"`
	// Key or Ref is the name that the change concerns, if any.
	Key     string `json:"key,omitempty"`
	Ref     string `json:"ref,omitempty"`
	RunID   string `json:"run_id,omitempty"`
	Session string `json:"session,omitempty"`
	Mode    Mode   `json:"mode,omitempty"`
	Scope   Scope  `json:"scope,omitempty"`
	// Token is the hold's; of a moved hold the new one.
	Token  uint64 `json:"token,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Actor is who broke a hold.
	Actor string `json:"actor,omitempty"`
	// Leader is the new leader of a leader event.
	Leader *Leader `json:"leader,omitempty"`
}
