package client

import (
	"strings"
	"time"

	"lockd/api"
)

// Ref is one reference of LockAll: Ref, and Mode and Scope if they are not
// exclusive and node.
type Ref = api.LockWant

// Option changes how one lock is asked for.
type Option func(*want)

// WithRun makes the lock one of the run id's. Locks of one run do not exclude
// each other: asking for what the run holds already returns at once, and the last
// guard to be released gives the lock back. Without the option every call is a
// run of its own, so that goroutines exclude each other.
func WithRun(id string) Option { return func(w *want) { w.run = id } }

// Shared asks for a lock that excludes only exclusive ones.
func Shared() Option { return func(w *want) { w.mode = api.Shared } }

// Tree asks for a lock on the reference and everything below it.
func Tree() Option { return func(w *want) { w.scope = api.Tree } }

// Wait gives up with ErrOccupied when the lock was not granted for so long. Without
// it, the call waits until its context is done.
func Wait(d time.Duration) Option {
	return func(w *want) { w.wait, w.patience = d, bounded }
}

// NoWait gives up with ErrOccupied at once when the lock is not free.
func NoWait() Option {
	return func(w *want) { w.wait, w.patience = 0, bounded }
}

// Reason is shown to whoever asks who holds the lock.
func Reason(text string) Option { return func(w *want) { w.reason = text } }

// Limit makes a key a semaphore of n holders. All who use the key must say the
// same, else they get ErrLimitMismatch. It has no meaning for references.
func Limit(n uint32) Option { return func(w *want) { w.limit = n } }

// TTL hangs the lock on a session with that TTL instead of Config.TTL. All locks
// of the client with the same TTL share one session; a run whose locks have
// different ones moves what it enters again from one to the other.
func TTL(d time.Duration) Option { return func(w *want) { w.ttl = d } }

// patience says what ends a wait.
type patience uint8

const (
	// untilDone waits for the context's end.
	untilDone patience = iota
	// bounded waits as long as want.wait says.
	bounded
)

// A want is one acquire, as asked for.
type want struct {
	// key, or refs.
	isKey bool
	key   string
	refs  []Ref
	// mode and scope are for the refs that say nothing themselves.
	mode     api.Mode
	scope    api.Scope
	run      string
	limit    uint32
	reason   string
	wait     time.Duration
	patience patience
	ttl      time.Duration
}

// String names what is wanted, for errors.
func (w *want) String() string {
	if w.isKey {
		return "key " + w.key
	}
	names := make([]string, len(w.refs))
	for i, r := range w.refs {
		names[i] = r.Ref
	}
	return strings.Join(names, ", ")
}

func (c *Client) newWant(opts []Option) *want {
	w := &want{ttl: c.config.TTL}
	for _, o := range opts {
		o(w)
	}
	if w.run == "" {
		w.run = c.newRun()
	}
	return w
}

// setRefs takes the references, in canonical form as far as that is known here:
// only the server knows Unicode's.
func (w *want) setRefs(refs []Ref) {
	w.refs = make([]Ref, len(refs))
	for i, r := range refs {
		r.Ref = canonicalRef(r.Ref)
		if r.Mode == "" {
			r.Mode = w.mode
		}
		if r.Scope == "" {
			r.Scope = w.scope
		}
		w.refs[i] = r
	}
}

// names are the want's names, each once.
func (w *want) names() []holdName {
	if w.isKey {
		return []holdName{{run: w.run, key: true, text: w.key}}
	}
	seen := make(map[holdName]struct{}, len(w.refs))
	var names []holdName
	for _, r := range w.refs {
		n := holdName{run: w.run, text: r.Ref}
		if _, twice := seen[n]; !twice {
			seen[n] = struct{}{}
			names = append(names, n)
		}
	}
	return names
}

// canonicalRef resolves the segments of a reference; one that cannot be resolved
// is left for the server to refuse.
func canonicalRef(ref string) string {
	var path []string
	for segment := range strings.SplitSeq(ref, "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(path) == 0 {
				return ref
			}
			path = path[:len(path)-1]
		default:
			path = append(path, segment)
		}
	}
	if len(path) == 0 {
		return ref
	}
	return strings.Join(path, "/")
}
