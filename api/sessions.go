package api

import "time"

// SessionOpen is the body of POST /v1/sessions.
type SessionOpen struct {
	TTL       Duration `json:"ttl"`
	LockDelay Duration `json:"lock_delay,omitempty"`
	Client    *Client  `json:"client,omitempty"`
}

// SessionOpened is the 201 answer to SessionOpen.
type SessionOpened struct {
	ID          string `json:"id"`
	TTLMS       int64  `json:"ttl_ms"`
	LockDelayMS int64  `json:"lock_delay_ms"`
	ExpiresInMS int64  `json:"expires_in_ms"`
}

// SessionKept is the 200 answer to POST /v1/sessions/{id}/keepalive.
type SessionKept struct {
	ID          string `json:"id"`
	TTLMS       int64  `json:"ttl_ms"`
	ExpiresInMS int64  `json:"expires_in_ms"`
	// Lost counts the holds taken from the session so far by break or move.
	Lost uint64 `json:"lost"`
}

// KeepAlive is the body of POST /v1/sessions/keepalive.
type KeepAlive struct {
	IDs []string `json:"ids"`
}

// Alive is one living session of a batch keepalive.
type Alive struct {
	ID          string `json:"id"`
	ExpiresInMS int64  `json:"expires_in_ms"`
	// Lost counts the holds taken from the session so far by break or move.
	Lost uint64 `json:"lost"`
}

// KeptAlive is the 200 answer to KeepAlive.
type KeptAlive struct {
	Alive []Alive  `json:"alive"`
	Gone  []string `json:"gone"`
}

// SessionState is one session: the answer to GET /v1/sessions/{id}.
type SessionState struct {
	ID          string `json:"id"`
	TTLMS       int64  `json:"ttl_ms"`
	LockDelayMS int64  `json:"lock_delay_ms"`
	// ExpiresInMS is absent in answers that the leader did not make.
	ExpiresInMS *int64 `json:"expires_in_ms,omitempty"`
	// Private sessions were opened by an acquire with a ttl.
	Private  bool      `json:"private"`
	OpenedAt time.Time `json:"opened_at"`
	Holds    int       `json:"holds"`
	Requests int       `json:"requests"`
	// Lost counts the holds taken from the session so far by break or move.
	Lost   uint64 `json:"lost"`
	Client Client `json:"client"`
}

// SessionList is a page of GET /v1/sessions, in the order of opening.
type SessionList struct {
	Sessions []SessionState `json:"sessions"`
	Index    uint64         `json:"index"`
	// Next is the next page's after; absent on the last page.
	Next string `json:"next,omitempty"`
}
