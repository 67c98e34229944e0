package cluster

import (
	"time"

	"lockd/gate"
)

// timekeeper knows when sessions, waits and lock delays of one term are over.
// It is a plain value: the time is passed in, nothing in it runs by itself, and
// its owner serialises the calls.
//
// It keeps a time of its own, which stands still while the process does: when
// two calls are further apart than stall, that time does not count. A process
// that was stopped could not receive keepalives, so it must not hold their
// absence against anybody.
type timekeeper struct {
	stall time.Duration
	// last is the time of the last call, elapsed the keeper's own time then.
	last    time.Time
	elapsed time.Duration
	timers  map[timerKey]time.Duration
	running *schedule[timerKey]
	// ending are the timers whose expiry was proposed and not settled yet.
	ending map[timerKey]bool
}

type timerKey struct {
	kind gate.TimerKind
	id   uint64
}

// expiry is one batch of timers that are over.
type expiry struct {
	sessions, requests, delays []uint64
}

func (e *expiry) empty() bool {
	return len(e.sessions)+len(e.requests)+len(e.delays) == 0
}

func newTimekeeper(now time.Time, stall time.Duration) *timekeeper {
	return &timekeeper{
		stall:   stall,
		last:    now,
		timers:  make(map[timerKey]time.Duration),
		running: newSchedule[timerKey](),
		ending:  make(map[timerKey]bool),
	}
}

// advance moves the keeper's own time to now.
func (k *timekeeper) advance(now time.Time) {
	passed := now.Sub(k.last)
	k.last = now
	if passed > 0 && passed <= k.stall {
		k.elapsed += passed
	}
}

// set starts the timer with its full duration, starts it again if it runs, or
// forgets it if After is zero.
func (k *timekeeper) set(timer gate.Timer, now time.Time) {
	k.advance(now)
	key := timerKey{timer.Kind, timer.ID}
	if timer.After <= 0 {
		k.forget(key)
		return
	}
	k.timers[key] = timer.After
	if !k.ending[key] {
		k.running.set(key, int64(k.elapsed+timer.After))
	}
}

func (k *timekeeper) forget(key timerKey) {
	delete(k.timers, key)
	delete(k.ending, key)
	k.running.remove(key)
}

// keepalive gives the session its full TTL again. It returns false, and does
// nothing, if the session has no timer or its expiry was proposed.
func (k *timekeeper) keepalive(session uint64, now time.Time) bool {
	k.advance(now)
	key := timerKey{gate.SessionTTL, session}
	ttl, known := k.timers[key]
	if !known || k.ending[key] {
		return false
	}
	k.running.set(key, int64(k.elapsed+ttl))
	return true
}

// isEnding reports whether the session's expiry was proposed.
func (k *timekeeper) isEnding(session uint64) bool {
	return k.ending[timerKey{gate.SessionTTL, session}]
}

// left returns how much of the session's TTL is left, false if no timer of it
// runs.
func (k *timekeeper) left(session uint64, now time.Time) (time.Duration, bool) {
	k.advance(now)
	at, runs := k.running.at(timerKey{gate.SessionTTL, session})
	return max(0, time.Duration(at)-k.elapsed), runs
}

// due takes up to most timers that are over. From now on they are ending, until
// they are settled or set to zero.
func (k *timekeeper) due(now time.Time, most int) expiry {
	k.advance(now)
	var e expiry
	for range most {
		key, at, ok := k.running.first()
		if !ok || time.Duration(at) > k.elapsed {
			break
		}
		k.running.remove(key)
		k.ending[key] = true
		switch key.kind {
		case gate.SessionTTL:
			e.sessions = append(e.sessions, key.id)
		case gate.RequestWait:
			e.requests = append(e.requests, key.id)
		case gate.LockDelay:
			e.delays = append(e.delays, key.id)
		}
	}
	return e
}

// settle says that the expiry was applied. What of it is still ending was not
// there any more, and is forgotten.
func (k *timekeeper) settle(e expiry) {
	for _, id := range e.sessions {
		k.settleOne(timerKey{gate.SessionTTL, id})
	}
	for _, id := range e.requests {
		k.settleOne(timerKey{gate.RequestWait, id})
	}
	for _, id := range e.delays {
		k.settleOne(timerKey{gate.LockDelay, id})
	}
}

func (k *timekeeper) settleOne(key timerKey) {
	if k.ending[key] {
		k.forget(key)
	}
}

// next returns how long it is until the next timer is over, false if none runs.
func (k *timekeeper) next(now time.Time) (time.Duration, bool) {
	k.advance(now)
	_, at, ok := k.running.first()
	return max(0, time.Duration(at)-k.elapsed), ok
}
