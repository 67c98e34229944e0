package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lockd/client"
)

// The states that a report goes through: the first two while lockctl runs, one of
// the others at its end.
const (
	stateWaiting = "waiting"
	stateRunning = "running"
	// stateEnded: CMD ended while the lock was held.
	stateEnded = "ended"
	// stateLost: the lock was lost while CMD ran, or before it was given back.
	stateLost = "lost"
	// stateOverdue: --max-hold was over.
	stateOverdue = "max_hold"
	// stateRefused: the lock was not granted, or CMD could not be run.
	stateRefused = "refused"
)

// A report is what --status-file tells. Times are UTC and for display; spans are
// milliseconds. What is not known yet is absent.
type report struct {
	file string

	State string `json:"state"`
	// Refs are in canonical form once granted.
	Refs    []string          `json:"refs,omitempty"`
	Key     string            `json:"key,omitempty"`
	RunID   string            `json:"run_id"`
	Token   uint64            `json:"token,omitempty"`
	Tokens  map[string]uint64 `json:"tokens,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Command []string          `json:"command"`
	// PID is CMD's.
	PID        int        `json:"pid,omitempty"`
	WaitingAt  time.Time  `json:"waiting_at"`
	AcquiredAt *time.Time `json:"acquired_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	ReleasedAt *time.Time `json:"released_at,omitempty"`
	// CommandExitCode is CMD's, ExitCode lockctl's own.
	CommandExitCode *int `json:"command_exit_code,omitempty"`
	ExitCode        *int `json:"exit_code,omitempty"`
	// Lost is how the lock was lost.
	Lost string `json:"lost,omitempty"`
	// MarginMS is how long after the end of all that CMD started the cluster could
	// first give the lock to another.
	MarginMS *float64 `json:"margin_ms,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func newReport(h *holding) *report {
	r := &report{
		file: h.statusFile, State: stateWaiting, RunID: h.run, Reason: h.reason, Command: h.argv, WaitingAt: time.Now().UTC(),
	}
	if h.key {
		r.Key = h.names[0]
	} else {
		r.Refs = h.names
	}
	return r
}

func stamp() *time.Time {
	now := time.Now().UTC()
	return &now
}

func (r *report) acquired(guard *client.Guard) {
	r.State, r.AcquiredAt, r.Token, r.Tokens = stateRunning, stamp(), guard.Token(), guard.Tokens()
	if r.Key == "" {
		r.Refs = sortedNames(r.Tokens)
	}
}

func (r *report) ended(code int, lease time.Duration) {
	if r.EndedAt == nil {
		r.EndedAt, r.CommandExitCode = stamp(), &code
	}
	if r.MarginMS == nil {
		r.margin(lease)
	}
}

func (r *report) margin(d time.Duration) {
	ms := float64(d.Microseconds()) / 1000
	r.MarginMS = &ms
}

func (r *report) lost(cause error) {
	r.State, r.Lost = stateLost, cause.Error()
}

func (r *report) released() { r.ReleasedAt = stamp() }

// finish says how lockctl itself ended.
func (r *report) finish(ctx context.Context, err error) {
	code := exitCode(err)
	var own *exitError
	if err != nil && !errors.As(err, &own) && errors.As(context.Cause(ctx), new(interrupted)) {
		code = exitCode(context.Cause(ctx))
	}
	r.ExitCode = &code
	switch {
	case r.State == stateLost:
	case code == exitOverdue && r.EndedAt != nil:
		r.State = stateOverdue
	case r.EndedAt != nil:
		r.State = stateEnded
	default:
		r.State = stateRefused
	}
	if err != nil && (own == nil || own.err != nil) {
		r.Error = err.Error()
	}
}

// write replaces the file, if there is to be one: whoever reads it finds all of the
// old or all of the new.
func (r *report) write() error {
	if r.file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("--status-file: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(r.file), "."+filepath.Base(r.file)+".*")
	if err != nil {
		return fmt.Errorf("--status-file: %w", err)
	}
	_, err = draft.Write(append(text, '\n'))
	err = errors.Join(err, draft.Chmod(0o644), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), r.file)
	}
	if err != nil {
		return fmt.Errorf("--status-file: %w", errors.Join(err, os.Remove(draft.Name())))
	}
	return nil
}
