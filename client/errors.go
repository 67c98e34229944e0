package client

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"lockd/api"
)

// Error is the server's answer to a request that it did not grant. Find it with
// errors.As; compare its code with errors.Is and the constants below.
type Error struct {
	// Problem is the answer as sent. A code of "" means that something else
	// than lockd answered, such as a load balancer.
	Problem api.Problem
	// Node answered; RequestID finds the request in its log.
	Node      string
	RequestID string
	// RetryAfter is how long the server asks to be left alone; zero if it did
	// not say.
	RetryAfter time.Duration
}

// Error returns the code and what to do about it.
func (e *Error) Error() string {
	code := string(e.Problem.Code)
	if code == "" {
		code = fmt.Sprintf("HTTP status %d", e.Problem.Status)
	}
	text := "lockd: " + code
	if e.Problem.Detail != "" {
		text += ": " + e.Problem.Detail
	}
	return text
}

// Unwrap makes errors.Is(err, ErrOccupied) and its like true.
func (e *Error) Unwrap() error { return codeError(e.Problem.Code) }

// codeError is what is the same in all answers with one code.
type codeError api.Code

func (c codeError) Error() string { return "lockd: " + string(c) }

// One error per problem code; errors.Is finds them in every error of this
// package that the server's answer caused. ErrOutcomeUnknown is also in the
// errors of requests that got no answer but may have been applied.
const (
	ErrInvalidRequest  = codeError(api.CodeInvalidRequest)
	ErrUnauthenticated = codeError(api.CodeUnauthenticated)
	ErrForbidden       = codeError(api.CodeForbidden)
	ErrSessionNotFound = codeError(api.CodeSessionNotFound)
	ErrNotFound        = codeError(api.CodeNotFound)
	ErrOccupied        = codeError(api.CodeOccupied)
	ErrNotHeld         = codeError(api.CodeNotHeld)
	ErrDeadlock        = codeError(api.CodeDeadlock)
	ErrAlreadyWaiting  = codeError(api.CodeAlreadyWaiting)
	ErrLimitMismatch   = codeError(api.CodeLimitMismatch)
	ErrStaleRequest    = codeError(api.CodeStaleRequest)
	ErrSeqReused       = codeError(api.CodeSeqReused)
	ErrTooOld          = codeError(api.CodeTooOld)
	ErrTooLarge        = codeError(api.CodeTooLarge)
	ErrOverloaded      = codeError(api.CodeOverloaded)
	ErrInternal        = codeError(api.CodeInternal)
	ErrNoLeader        = codeError(api.CodeNoLeader)
	ErrOutcomeUnknown  = codeError(api.CodeOutcomeUnknown)
	ErrShuttingDown    = codeError(api.CodeShuttingDown)
)

var (
	// ErrClosed is the error of everything after Close.
	ErrClosed = errors.New("client: closed")
	// ErrReleased is the cause of a guard's context after Release.
	ErrReleased = errors.New("client: lock released")
	// ErrLost is in every error that says that a lock was lost before it was
	// released; the constants below say how.
	ErrLost = errors.New("client: lock lost")
	// ErrConfig is in every error about a Config.
	ErrConfig = errors.New("client: bad config")
	// ErrUnreachable is in the errors of requests that reached no node.
	ErrUnreachable = errors.New("client: node not reached")
)

// lostError is one way to lose a lock.
type lostError string

func (l lostError) Error() string { return "client: lock lost: " + string(l) }

// Unwrap makes errors.Is(err, ErrLost) true.
func (l lostError) Unwrap() error { return ErrLost }

// The ways to lose a lock, as causes of a guard's context.
const (
	// ErrLeaseExpired: no keepalive was acknowledged in time. The cluster may
	// give the lock to another once the rest of the lease, at least the
	// margin, is over.
	ErrLeaseExpired = lostError("no keepalive was acknowledged in time")
	// ErrSessionEnded: the cluster has ended the session; another may hold the
	// lock already.
	ErrSessionEnded = lostError("the cluster has ended the session")
	// ErrTaken: an operator has broken the hold, or the same run has moved it to
	// another session.
	ErrTaken = lostError("the hold was broken or moved")
)

// An unansweredError is why a request was given up.
type unansweredError struct {
	// why is the context's error, or what happened to the only attempt.
	why error
	// last is how the last attempt failed, if there was one.
	last error
	// unknown says that some attempt may have been applied.
	unknown bool
}

func (u *unansweredError) Error() string {
	var text strings.Builder
	text.WriteString(u.why.Error())
	if u.unknown {
		text.WriteString("; the request may have been applied")
	}
	if u.last != nil {
		text.WriteString("; the last attempt failed: " + u.last.Error())
	}
	return text.String()
}

func (u *unansweredError) Unwrap() []error {
	errs := []error{u.why}
	if u.last != nil {
		errs = append(errs, u.last)
	}
	if u.unknown {
		errs = append(errs, ErrOutcomeUnknown)
	}
	return errs
}

// settled says that the lock table itself has answered: what the command said
// of other commands is known to the server, and a copy would get the same answer.
func settled(err error) bool {
	var e *Error
	return err == nil || errors.As(err, &e) && e.Problem.Status == api.CodeOccupied.Status()
}
