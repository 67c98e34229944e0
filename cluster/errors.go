package cluster

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// The errors of a Node. What a command's refusal means is in its Result; these
// say that there is no Result.
var (
	// ErrNoLeader: no leader that could serve the request was found in time. A
	// command was not applied and never will be.
	ErrNoLeader = errors.New("no leader")
	// ErrOutcomeUnknown: the command may have been applied, or may still be.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrOverloaded: a queue on the way is full. A command was not applied.
	ErrOverloaded = errors.New("overloaded")
	// ErrShuttingDown: the node is about to end. A command was not applied.
	ErrShuttingDown = errors.New("node is shutting down")
	// ErrTooLarge: the command is larger than MaxCommandBytes; not applied.
	ErrTooLarge = errors.New("command too large")
	// ErrTooOld: the events asked for are gone.
	ErrTooOld = errors.New("events are too old")
	// ErrUnknownMember: no member has that name.
	ErrUnknownMember = errors.New("no such member")
	// ErrTransferFailed: leadership stayed where it was.
	ErrTransferFailed = errors.New("leadership was not transferred")

	// ErrConfig is what every error of Config.Validate wraps.
	ErrConfig = errors.New("bad configuration")
	// ErrForeignDirectory: the data directory belongs to another cluster,
	// another node, or another member list.
	ErrForeignDirectory = errors.New("data directory belongs to another node")
	// ErrIncompleteDirectory: the data directory lost its log.
	ErrIncompleteDirectory = errors.New("data directory is incomplete")
	// ErrDirectoryInUse: another process has the data directory open.
	ErrDirectoryInUse = errors.New("data directory is in use")
	// ErrStore: a write to the node's disk failed or hangs. The process must end.
	ErrStore = errors.New("store failed")
	// ErrDamaged: what the node's disk gives back is not what was stored there.
	// The message says what to do; until that is done the node must not start.
	ErrDamaged = errors.New("stored bytes are damaged")
)

// errNotApplied says of one attempt that it left no trace: it may be repeated.
var errNotApplied = errors.New("not applied")

// errMalformed: a message of another node cannot be read.
var errMalformed = errors.New("malformed message")

// outcomeOf sorts raft's errors into those that rule out that the entry is, or
// will be, in the log, and those that do not.
func outcomeOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader),
		errors.Is(err, raft.ErrLeadershipTransferInProgress),
		errors.Is(err, raft.ErrEnqueueTimeout):
		return fmt.Errorf("%w: %w", errNotApplied, err)
	default:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}
