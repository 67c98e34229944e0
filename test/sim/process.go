package sim

import "time"

// process is a node or a client: something with clocks of its own, that can be
// paused and can crash.
type process struct {
	w    *world
	id   int
	name string
	// rate is how far its monotonic clock advances in a million true units.
	rate int64
	// origin is what the monotonic clock showed when the world began.
	origin time.Duration
	// jumped is how far the wall clock is off. It decides nothing.
	jumped time.Duration
	// until is when the present or last pause ends.
	until time.Duration
	// stalled is how much of the monotonic clock's time went by in pauses longer
	// than the timekeeper's stall.
	stalled time.Duration
	// life counts the starts; what was meant for an earlier life is dropped.
	life uint32
	down bool
}

const million = 1_000_000

// clock is the process's monotonic clock. It goes on during pauses.
func (p *process) clock() time.Duration {
	return p.origin + p.local(p.w.now)
}

// time is the same as the product wants it.
func (p *process) time() time.Time { return time.Unix(0, 0).Add(p.clock()) }

// wall is the process's wall clock in milliseconds.
func (p *process) wall() int64 { return int64((p.w.now + p.jumped) / time.Millisecond) }

// real turns a duration by the process's clock into a true one that is not
// shorter.
func (p *process) real(d time.Duration) time.Duration {
	return d*million/time.Duration(p.rate) + 1
}

// local turns a true duration into one by the process's clock.
func (p *process) local(d time.Duration) time.Duration {
	return d * time.Duration(p.rate) / million
}

// after has do called in this life of the process, when so much has gone by on
// its clock and it is not paused.
func (p *process) after(d time.Duration, do func()) { p.w.schedule(p, p.real(d), do) }

func (p *process) paused() bool { return p.w.now < p.until }

// pause stops the process for a true duration.
func (p *process) pause(d time.Duration) {
	from := max(p.w.now, p.until)
	p.until = max(p.until, p.w.now+d)
	if p.local(d) > stall {
		p.stalled += p.local(p.until - from)
	}
}

// awake is the process's clock without the time in which it was stalled.
func (p *process) awake() time.Duration { return p.clock() - p.stalled }
