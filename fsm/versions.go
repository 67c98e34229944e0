package fsm

import (
	"errors"
	"fmt"
)

// The newest version of each format that this build writes and reads. It reads
// all older ones too. A change that makes an old build misread what a new one
// writes, or apply it otherwise, needs the next number: an old node then halts
// where it would have gone its own way.
const (
	commandVersion = 1
	batchVersion   = 1
	resultVersion  = 1
	// snapshotVersion 2: the endings of a snapshot are all that are remembered of
	// each name; in version 1 they are the last bad one.
	snapshotVersion = 2
)

var (
	// ErrMalformed is wrapped by the error for bytes that no version of lockd
	// has written: damaged, cut short, or somebody else's.
	ErrMalformed = errors.New("malformed")
	// ErrNewer is wrapped by the error for bytes that a newer lockd has
	// written and this one does not understand in full.
	ErrNewer = errors.New("written by a newer lockd")
)

// checkVersion returns the error for a message of what in the given version, if
// this build cannot read it.
func checkVersion(what string, version, newest uint64) error {
	switch {
	case version == 0:
		return fmt.Errorf("%w: %s without a version", ErrMalformed, what)
	case version > newest:
		return fmt.Errorf("%w: %s version %d, this one reads up to %d", ErrNewer, what, version, newest)
	}
	return nil
}

// cutVersion takes the leading version byte off an encoded message.
func cutVersion(what string, b []byte, newest uint64) ([]byte, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: empty %s", ErrMalformed, what)
	}
	return b[1:], checkVersion(what, uint64(b[0]), newest)
}
