package virtual

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// book is what clients were told, held against everything they are told next.
// All clients live in one bubble and so have one clock: what was acknowledged
// before something else began must be seen by it.
type book struct {
	world *world

	mu       sync.Mutex
	sessions map[string]*lease
	holds    []*hold
	// floor is the highest index and token of anything acknowledged.
	floor position
	// exact are grants whose index is that of the grant itself.
	exact []position
}

type position struct{ index, token uint64 }

// lease is a session as its client knows it.
type lease struct {
	id  string
	ttl time.Duration
	// renewed is when the last acknowledged keepalive was sent, tried when the
	// last one ended, acknowledged or not.
	renewed, tried time.Time
	// closing is set before the client asks for its end.
	closing bool
}

// lives says that the session certainly has not expired.
func (l *lease) lives(now time.Time) bool {
	return l == nil || !l.closing && now.Before(l.renewed.Add(l.ttl))
}

// hold is one granted name.
type hold struct {
	name   name
	run    string
	token  uint64
	lease  *lease
	acked  time.Time
	shared bool
	tree   bool
	// releasing is set before the client asks for its end, released is when that
	// was acknowledged.
	releasing bool
	released  time.Time
}

// name is a key or a reference; a limit of zero says that it is a reference.
type name struct {
	text  string
	limit int
}

func (n name) String() string { return fmt.Sprintf("%s/%d", n.text, n.limit) }

// surely says that the client may count on the hold at the time.
func (h *hold) surely(now time.Time) bool { return !h.releasing && h.lease.lives(now) }

func (h *hold) String() string {
	return fmt.Sprintf("%s of %s, token %d, granted by %s", h.name, h.run, h.token, h.acked.Format("05.000000"))
}

// conflicts says that the two may not be held at once, semaphores aside.
func (h *hold) conflicts(o *hold) bool {
	if h.run == o.run || h.shared && o.shared || (h.name.limit > 0) != (o.name.limit > 0) || h.name.limit > 1 {
		return false
	}
	return h.name == o.name ||
		h.tree && strings.HasPrefix(o.name.text, h.name.text+"/") ||
		o.tree && strings.HasPrefix(h.name.text, o.name.text+"/")
}

// opened notes a session that was asked for at the time.
func (b *book) opened(id string, ttl time.Duration, asked time.Time) *lease {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &lease{id: id, ttl: ttl, renewed: asked, tried: time.Now()}
	b.sessions[id] = l
	return l
}

// kept notes that a keepalive which was sent at the time came to its end.
func (b *book) kept(l *lease, sent time.Time, acknowledged bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.tried = time.Now()
	if acknowledged && sent.After(l.renewed) {
		l.renewed = sent
	}
}

// triedAt is when the last keepalive came to its end.
func (b *book) triedAt(l *lease) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return l.tried
}

// isSure says that the client may count on the hold now, or could if it had not
// asked for its end itself.
func (b *book) isSure(h *hold) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return h.lease.lives(time.Now())
}

// gone checks an answer that says that there is no such session.
func (b *book) gone(l *lease, what string) {
	b.mu.Lock()
	early := l.lives(time.Now())
	left := time.Until(l.renewed.Add(l.ttl))
	l.closing = true
	b.holds = slices.DeleteFunc(b.holds, func(h *hold) bool { return h.lease == l })
	b.mu.Unlock()
	if early {
		b.world.violated("session %s ended %v before its TTL of %v was over, said %s", l.id, left, l.ttl, what)
	}
}

// closing notes that somebody is about to close the session.
func (b *book) closing(l *lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.closing = true
}

// begin returns what everything that begins now must come after.
func (b *book) begin() position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.floor
}

// answered checks the index of any answer that is not stale.
func (b *book) answered(from position, index uint64, what string) {
	if index == 0 {
		return
	}
	if index < from.index {
		b.world.violated("%s: answer of index %d, but %d was acknowledged before it was asked", what, index, from.index)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.floor.index = max(b.floor.index, index)
}

// granted checks a grant and notes it. from is the floor when its run first asked;
// index is zero unless it is that of the grant itself.
func (b *book) granted(from position, index uint64, granted ...*hold) {
	b.mu.Lock()
	wrong := ""
	now := time.Now()
	for _, h := range granted {
		h.acked = now
		if h.token <= from.token {
			wrong = fmt.Sprintf("%v: token %d was acknowledged before it was asked for", h, from.token)
		}
		others := 0
		for _, o := range b.holds {
			switch {
			case o.token == h.token && o.run != h.run:
				wrong = fmt.Sprintf("one token for two: %v, and %v", o, h)
			case !o.surely(now) || o.run == h.run:
			case h.conflicts(o) && h.surely(now):
				wrong = fmt.Sprintf("two holds at once: %v, and %v", o, h)
			case o.name == h.name && h.name.limit > 1:
				others++
			}
		}
		if others >= h.name.limit && h.name.limit > 1 && h.surely(now) {
			wrong = fmt.Sprintf("%v: %d others hold it", h, others)
		}
		b.floor.token = max(b.floor.token, h.token)
		if index > 0 {
			b.exact = append(b.exact, position{index, h.token})
		}
	}
	b.holds = append(b.holds, granted...)
	b.mu.Unlock()
	b.world.tallies.grants.Add(int64(len(granted)))
	if wrong != "" {
		b.world.violated("%s", wrong)
	}
}

// releasing notes that somebody is about to give the holds back.
func (b *book) releasing(holds ...*hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range holds {
		h.releasing = true
	}
}

// released notes that they were given back.
func (b *book) released(holds ...*hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, h := range holds {
		h.released = now
	}
	b.holds = slices.DeleteFunc(b.holds, func(h *hold) bool {
		return !h.released.IsZero() && now.Sub(h.released) > remembered
	})
}

// forget drops holds of which nothing more will be known.
func (b *book) forget(holds ...*hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds = slices.DeleteFunc(b.holds, func(h *hold) bool { return slices.Contains(holds, h) })
}

// lost checks a release that was refused although the client holds the name.
func (b *book) lost(wasSure bool, holds []*hold) {
	if wasSure {
		b.world.violated("lost: %v", holds)
	}
	b.forget(holds...)
}

// read checks an answer to a linearizable read that began at the time: which
// tokens hold the name.
func (b *book) read(n name, began time.Time, tokens []uint64) {
	b.world.tallies.reads.Add(1)
	b.mu.Lock()
	now, wrong := time.Now(), ""
	for _, h := range b.holds {
		if h.name != n {
			continue
		}
		shown := slices.Contains(tokens, h.token)
		switch {
		case !shown && h.acked.Before(began) && h.surely(now):
			wrong = fmt.Sprintf("a read that began at %s does not show %v", began.Format("05.000000"), h)
		case shown && !h.released.IsZero() && h.released.Before(began):
			wrong = fmt.Sprintf("a read that began at %s shows %v, which was released", began.Format("05.000000"), h)
		}
	}
	b.mu.Unlock()
	if wrong != "" {
		b.world.violated("%s", wrong)
	}
}

// close checks at the end that tokens rose with the indices.
func (b *book) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.SortFunc(b.exact, func(x, y position) int { return int(int64(x.token) - int64(y.token)) })
	for i := 1; i < len(b.exact); i++ {
		if b.exact[i].index < b.exact[i-1].index {
			b.world.violated("token %d was granted at index %d, the later token %d at %d",
				b.exact[i-1].token, b.exact[i-1].index, b.exact[i].token, b.exact[i].index)
		}
	}
}
