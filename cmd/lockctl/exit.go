package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"lockd/api"
	"lockd/client"
)

// The exit codes that scripts rely on. A command that lockctl ran keeps its own
// code, and 128+n if signal n ended it.
const (
	exitOK       = 0
	exitRefused  = 1
	exitUsage    = 64
	exitNoQuorum = 69
	exitOccupied = 75
	exitDenied   = 77
	exitLost     = 79
	exitOverdue  = 124
	exitFailed   = 125
	exitCannot   = 126
	exitNotFound = 127
	// exitSignal plus a signal's number says that the signal ended it.
	exitSignal = 128
)

// exitError is an error with the exit code that it deserves. A nil err has been
// told already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + i.signal.String() }

var refusals = map[api.Code]int{
	api.CodeInvalidRequest:  exitUsage,
	api.CodeUnauthenticated: exitDenied,
	api.CodeForbidden:       exitDenied,
	api.CodeOccupied:        exitOccupied,
	api.CodeNotHeld:         exitRefused,
	api.CodeDeadlock:        exitRefused,
	api.CodeAlreadyWaiting:  exitRefused,
	api.CodeLimitMismatch:   exitRefused,
	api.CodeStaleRequest:    exitRefused,
	api.CodeSeqReused:       exitRefused,
	api.CodeSessionNotFound: exitRefused,
	api.CodeNoLeader:        exitNoQuorum,
	api.CodeOutcomeUnknown:  exitNoQuorum,
	api.CodeShuttingDown:    exitNoQuorum,
	api.CodeOverloaded:      exitNoQuorum,
}

// exitCode is what err means to a script.
func exitCode(err error) int {
	var own *exitError
	var signalled interrupted
	var refused *client.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &signalled):
		return exitSignal + int(signalled.signal)
	case errors.As(err, &refused):
		if code, known := refusals[refused.Problem.Code]; known {
			return code
		}
		return exitFailed
	case errors.Is(err, client.ErrConfig):
		return exitUsage
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		return exitNoQuorum
	}
	return exitFailed
}
