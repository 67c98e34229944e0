package timekeeper

import (
	"time"

	"lockd/gate"
)

// Keeper runs the timers of one term.
//
// It keeps a time of its own, which stands still while the process does: when
// two calls are further apart than the stall it was made with, that time does
// not count. A process that was stopped could not receive keepalives, so it must
// not hold their absence against anybody.
type Keeper struct {
	stall time.Duration
	// last is the time of the last call, elapsed the keeper's own time then.
	last    time.Time
	elapsed time.Duration
	timers  map[timerKey]time.Duration
	running *Schedule[timerKey]
	// ending are the timers whose expiry was proposed and not settled yet.
	ending map[timerKey]bool
	// seen is the highest Timer.Restart so far.
	seen uint64
}

type timerKey struct {
	kind gate.TimerKind
	id   uint64
}

// Expiry is one batch of timers that are over: the numbers of sessions and
// requests, and the tokens of lock delays.
type Expiry struct {
	Sessions, Requests, Delays []uint64
	// Seen is the highest Timer.Restart that was known then: what a logged
	// command restarts later is not meant.
	Seen uint64
}

// Empty reports whether nothing is over.
func (e *Expiry) Empty() bool {
	return len(e.Sessions)+len(e.Requests)+len(e.Delays) == 0
}

// New returns a keeper without timers, whose time begins now.
func New(now time.Time, stall time.Duration) *Keeper {
	return &Keeper{
		stall:   stall,
		last:    now,
		timers:  make(map[timerKey]time.Duration),
		running: NewSchedule[timerKey](),
		ending:  make(map[timerKey]bool),
	}
}

// advance moves the keeper's own time to now. Callers may come with times that
// they took before others', which is no reason to go back.
func (k *Keeper) advance(now time.Time) {
	passed := now.Sub(k.last)
	if passed <= 0 {
		return
	}
	k.last = now
	if passed <= k.stall {
		k.elapsed += passed
	}
}

// Set starts the timer with its full duration, starts it again if it runs, or
// forgets it if After is zero.
func (k *Keeper) Set(timer gate.Timer, now time.Time) {
	k.advance(now)
	key := timerKey{timer.Kind, timer.ID}
	if timer.After <= 0 {
		k.forget(key)
		return
	}
	k.timers[key] = timer.After
	k.seen = max(k.seen, timer.Restart)
	// An expiry that was proposed without knowing of this does not count.
	delete(k.ending, key)
	k.running.Set(key, int64(k.elapsed+timer.After))
}

func (k *Keeper) forget(key timerKey) {
	delete(k.timers, key)
	delete(k.ending, key)
	k.running.Remove(key)
}

// Keepalive gives the session its full TTL again. It returns false, and does
// nothing, if the session has no timer or its expiry was proposed.
func (k *Keeper) Keepalive(session uint64, now time.Time) bool {
	k.advance(now)
	key := timerKey{gate.SessionTTL, session}
	ttl, known := k.timers[key]
	if !known || k.ending[key] {
		return false
	}
	k.running.Set(key, int64(k.elapsed+ttl))
	return true
}

// IsEnding reports whether the session's expiry was proposed.
func (k *Keeper) IsEnding(session uint64) bool {
	return k.ending[timerKey{gate.SessionTTL, session}]
}

// Left returns how much of the session's TTL is left, false if no timer of it
// runs.
func (k *Keeper) Left(session uint64, now time.Time) (time.Duration, bool) {
	k.advance(now)
	at, runs := k.running.At(timerKey{gate.SessionTTL, session})
	return max(0, time.Duration(at)-k.elapsed), runs
}

// Due takes up to most timers that are over. From now on they are ending, until
// they are settled or set to zero.
func (k *Keeper) Due(now time.Time, most int) Expiry {
	k.advance(now)
	e := Expiry{Seen: k.seen}
	for range most {
		key, at, ok := k.running.First()
		if !ok || time.Duration(at) > k.elapsed {
			break
		}
		k.running.Remove(key)
		k.ending[key] = true
		switch key.kind {
		case gate.SessionTTL:
			e.Sessions = append(e.Sessions, key.id)
		case gate.RequestWait:
			e.Requests = append(e.Requests, key.id)
		case gate.LockDelay:
			e.Delays = append(e.Delays, key.id)
		}
	}
	return e
}

// Settle says that the expiry was applied. What of it is still ending was not
// there any more, and is forgotten.
func (k *Keeper) Settle(e Expiry) {
	for _, id := range e.Sessions {
		k.settleOne(timerKey{gate.SessionTTL, id})
	}
	for _, id := range e.Requests {
		k.settleOne(timerKey{gate.RequestWait, id})
	}
	for _, id := range e.Delays {
		k.settleOne(timerKey{gate.LockDelay, id})
	}
}

func (k *Keeper) settleOne(key timerKey) {
	if k.ending[key] {
		k.forget(key)
	}
}

// Next returns how long it is until the next timer is over, false if none runs.
func (k *Keeper) Next(now time.Time) (time.Duration, bool) {
	k.advance(now)
	_, at, ok := k.running.First()
	return max(0, time.Duration(at)-k.elapsed), ok
}
