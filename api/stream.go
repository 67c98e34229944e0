package api

import "encoding/json"

// StreamRequest is one entry of a message that a client sends over GET
// /v1/stream: a request of the HTTP API, or with Cancel the end of one.
type StreamRequest struct {
	// ID is the client's: from 1 to 2^53-1, and of no other request that is not
	// answered yet.
	ID uint64 `json:"id"`
	// Method is POST if absent. Path has the query, too.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// Body is what the HTTP API takes as the body.
	Body json.RawMessage `json:"body,omitempty"`
	// Cancel gives up the answer of the request with that ID if it waits; the
	// request stays queued, and gets no answer.
	Cancel bool `json:"cancel,omitempty"`
}

// StreamMessage is one entry of a message that a node sends: an answer, or one of
// Hello, Leader and Lost.
type StreamMessage struct {
	// ID is that of the request answered, with the status and body that the HTTP
	// API would have given, and the log index at which they hold. A Status of 202
	// is followed by another answer when the request's wait is over.
	ID     uint64          `json:"id,omitempty"`
	Status int             `json:"status,omitempty"`
	Index  uint64          `json:"index,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
	// RetryAfterMS comes with the statuses 429 and 503, StalenessMS with stale
	// reads.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
	StalenessMS  int64 `json:"staleness_ms,omitempty"`

	Hello  *StreamHello `json:"hello,omitempty"`
	Leader *Leader      `json:"leader,omitempty"`
	Lost   *StreamLoss  `json:"lost,omitempty"`
}

// StreamHello is the first entry that a node sends.
type StreamHello struct {
	Node            string `json:"node"`
	MaxInFlight     int    `json:"max_in_flight"`
	MaxWaiting      int    `json:"max_waiting"`
	MaxMessageBytes int    `json:"max_message_bytes"`
}

// StreamLoss says what a session has lost that was opened or kept alive over the
// stream: itself, if Ended says how, or a hold that was broken or moved away.
type StreamLoss struct {
	Session string `json:"session"`
	// Ended is "expired" or "closed".
	Ended string `json:"ended,omitempty"`
	// Lost counts the holds taken from the session so far, as keepalives tell it.
	Lost uint64 `json:"lost,omitempty"`
	// Event is the change that took one.
	Event *Event `json:"event,omitempty"`
}
