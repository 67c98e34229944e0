package api

import "strconv"

// Code is a problem's code: what a program branches on.
type Code string

// The codes of all problems.
const (
	CodeInvalidRequest       Code = "invalid_request"
	CodeUnauthenticated      Code = "unauthenticated"
	CodeForbidden            Code = "forbidden"
	CodeSessionNotFound      Code = "session_not_found"
	CodeNotFound             Code = "not_found"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeOccupied             Code = "occupied"
	CodeNotHeld              Code = "not_held"
	CodeDeadlock             Code = "deadlock"
	CodeAlreadyWaiting       Code = "already_waiting"
	CodeLimitMismatch        Code = "limit_mismatch"
	CodeStaleRequest         Code = "stale_request"
	CodeSeqReused            Code = "seq_reused"
	CodeTooOld               Code = "too_old"
	CodeTooLarge             Code = "too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeUpgradeRequired      Code = "upgrade_required"
	CodeOverloaded           Code = "overloaded"
	CodeInternal             Code = "internal"
	CodeNoLeader             Code = "no_leader"
	CodeOutcomeUnknown       Code = "outcome_unknown"
	CodeShuttingDown         Code = "shutting_down"
)

// Applied says whether a failed request may have changed the lock table.
type Applied string

const (
	// AppliedNo: nothing was changed.
	AppliedNo Applied = "no"
	// AppliedUnknown: the change may have been made, or may yet be.
	AppliedUnknown Applied = "unknown"
)

// codeFacts is what is fixed for a code.
type codeFacts struct {
	status    int
	title     string
	retryable bool
	applied   Applied
}

var codes = map[Code]codeFacts{
	CodeInvalidRequest:       {400, "The request is malformed", false, AppliedNo},
	CodeUnauthenticated:      {401, "The caller is not authenticated", false, AppliedNo},
	CodeForbidden:            {403, "The caller may not do this", false, AppliedNo},
	CodeSessionNotFound:      {404, "No such session", false, AppliedNo},
	CodeNotFound:             {404, "No such path", false, AppliedNo},
	CodeMethodNotAllowed:     {405, "The path does not take this method", false, AppliedNo},
	CodeOccupied:             {409, "Held by another run", true, AppliedNo},
	CodeNotHeld:              {409, "Not held by this run", false, AppliedNo},
	CodeDeadlock:             {409, "Waiting would close a cycle", false, AppliedNo},
	CodeAlreadyWaiting:       {409, "The run waits for another request", false, AppliedNo},
	CodeLimitMismatch:        {409, "The key is in use with another limit", false, AppliedNo},
	CodeStaleRequest:         {409, "The answer to this seq was acknowledged", false, AppliedNo},
	CodeSeqReused:            {409, "The seq was used with another body", false, AppliedNo},
	CodeTooOld:               {410, "The events asked for are gone", false, AppliedNo},
	CodeTooLarge:             {413, "The body is too large", false, AppliedNo},
	CodeUnsupportedMediaType: {415, "The body is not JSON", false, AppliedNo},
	CodeUpgradeRequired:      {426, "The path takes a WebSocket only", false, AppliedNo},
	CodeOverloaded:           {429, "A queue or quota is full", true, AppliedNo},
	CodeInternal:             {500, "The node failed to answer", false, AppliedUnknown},
	CodeNoLeader:             {503, "No leader is known", true, AppliedNo},
	CodeOutcomeUnknown:       {503, "The outcome is unknown", false, AppliedUnknown},
	CodeShuttingDown:         {503, "The node is shutting down", true, AppliedNo},
}

// Codes returns all codes, in no particular order.
func Codes() []Code {
	all := make([]Code, 0, len(codes))
	for c := range codes {
		all = append(all, c)
	}
	return all
}

// Status returns the HTTP status that carries the code, or 500 for a string
// that is none of the codes.
func (c Code) Status() int {
	if facts, ok := codes[c]; ok {
		return facts.status
	}
	return 500
}

// Type returns the problem type URI of the code (RFC 9457).
func (c Code) Type() string { return "urn:lockd:problem:" + string(c) }

// Problem is every error answer: application/problem+json (RFC 9457) with
// lockd's code and the fields of that code. It is an error, too.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what to do about it.
	Detail string `json:"detail"`
	Code   Code   `json:"code"`
	// Retryable says that the same request may succeed if sent again.
	Retryable bool    `json:"retryable"`
	Applied   Applied `json:"applied"`

	// Result repeats the word of a refusal: occupied, not_held or deadlock.
	Result Word `json:"result,omitempty"`
	// Key is the key of an occupied or not_held key.
	Key string `json:"key,omitempty"`
	// HolderRunID is the first holder of an occupied key; absent only while
	// all its holds are lock delays.
	HolderRunID string `json:"holder_run_id,omitempty"`
	// Holders and Waiting describe an occupied key.
	Holders []Hold  `json:"holders,omitzero"`
	Waiting *uint32 `json:"waiting,omitempty"`
	// Conflicts are the references that an acquire could not have.
	Conflicts []Conflict `json:"conflicts,omitzero"`
	// WaitedMS is set when an occupied request had been queued and left the
	// queue; Withdrawn, when it left because its names were released, or was granted
	// and lost again before the node could tell.
	WaitedMS  *int64 `json:"waited_ms,omitempty"`
	Withdrawn bool   `json:"withdrawn,omitempty"`
	// AttemptingRunID and Refs (those not held) belong to not_held.
	AttemptingRunID string   `json:"attempting_run_id,omitempty"`
	Refs            []string `json:"refs,omitzero"`
	// Cycle is a deadlock's runs; the first and the last are the same.
	Cycle []string `json:"cycle,omitzero"`
	// Limit is the limit with which a key of limit_mismatch is in use.
	Limit uint32 `json:"limit,omitempty"`
}

// NewProblem returns a problem with the code's fixed facts and that detail.
func NewProblem(code Code, detail string) *Problem {
	facts, ok := codes[code]
	if !ok {
		panic("api: unknown problem code " + strconv.Quote(string(code)))
	}
	return &Problem{
		Type: code.Type(), Title: facts.title, Status: facts.status, Detail: detail,
		Code: code, Retryable: facts.retryable, Applied: facts.applied,
	}
}

// Error returns the code and the detail.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }
