package httpapi

import (
	"context"
	"errors"
	"sync"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// followers tells streams what the sessions lose that were opened or kept alive
// over them. Keepalives tell it, too: this is sooner.
type followers struct {
	s *Server

	mu sync.Mutex
	// sessions are the followed ones, by number.
	sessions map[uint64]*followedSession
	// stop ends the watch over the node's events, which lasts as long as there is
	// a session.
	stop  context.CancelFunc
	watch sync.WaitGroup
}

type followedSession struct {
	id gate.SessionID
	// lost is what the streams know of it.
	lost uint64
	by   map[*connection]struct{}
}

// follow has c told what the session loses from here on. It is called on the
// goroutine that writes c.
func (f *followers) follow(c *connection, id gate.SessionID, lost uint64) {
	if _, known := c.followed[id.Number]; known || len(c.followed) >= maxFollowed {
		return
	}
	c.followed[id.Number] = struct{}{}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sessions == nil {
		f.sessions = make(map[uint64]*followedSession)
	}
	session := f.sessions[id.Number]
	if session == nil {
		session = &followedSession{id: id, lost: lost, by: make(map[*connection]struct{})}
		f.sessions[id.Number] = session
	}
	session.by[c] = struct{}{}
	if f.stop != nil {
		return
	}
	var ctx context.Context
	ctx, f.stop = context.WithCancel(context.Background())
	subscription, err := f.subscribe()
	if err != nil {
		panic("httpapi: events from now on are gone: " + err.Error())
	}
	f.watch.Go(func() { f.run(ctx, subscription) })
}

// leave ends what c follows.
func (f *followers) leave(c *connection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number := range c.followed {
		if session := f.sessions[number]; session != nil {
			delete(session.by, c)
			f.tidy(number, session)
		}
	}
}

// tidy drops a session that nobody follows; f.mu is held.
func (f *followers) tidy(number uint64, session *followedSession) {
	if len(session.by) == 0 {
		delete(f.sessions, number)
	}
	if len(f.sessions) == 0 && f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// subscribe returns a reader of the changes, from now on, that look knows.
func (f *followers) subscribe() (*cluster.Subscription, error) {
	return f.s.node.Events().Subscribe(cluster.EventID{},
		gate.EventSessionClosed, gate.EventSessionEnded, gate.EventBroken, gate.EventMoved)
}

// run looks at such changes until ctx ends. What it misses keepalives tell.
func (f *followers) run(ctx context.Context, subscription *cluster.Subscription) {
	for {
		events, err := subscription.Next(ctx)
		if errors.Is(err, cluster.ErrTooOld) {
			if subscription, err = f.subscribe(); err != nil {
				return
			}
			continue
		}
		if err != nil {
			return
		}
		for i := range events {
			f.look(&events[i].Event)
		}
	}
}

func (f *followers) look(e *gate.Event) {
	switch e.Kind {
	case gate.EventSessionClosed:
		f.ended(e.Session, "closed")
	case gate.EventSessionEnded:
		f.ended(e.Session, "expired")
	case gate.EventBroken:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.taken(e, f.sessions[e.Session.Number])
	case gate.EventMoved:
		// The event names the session that the hold has moved to.
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, session := range f.sessions {
			f.taken(e, session)
		}
	}
}

func (f *followers) ended(id gate.SessionID, how string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	session := f.sessions[id.Number]
	if session == nil {
		return
	}
	session.tell(&api.StreamLoss{Session: id.String(), Ended: how})
	clear(session.by)
	f.tidy(id.Number, session)
}

// taken tells that a hold was taken from the session, if it has lost one more
// since; f.mu is held.
func (f *followers) taken(e *gate.Event, session *followedSession) {
	if session == nil {
		return
	}
	view, _, _, _ := f.s.node.Stale()
	now, lives := view.Session(session.id)
	if !lives || now.Lost <= session.lost {
		return
	}
	session.lost = now.Lost
	event := eventOf(e)
	session.tell(&api.StreamLoss{Session: session.id.String(), Lost: now.Lost, Event: &event})
}

func (s *followedSession) tell(loss *api.StreamLoss) {
	for c := range s.by {
		c.push(outgoing{loss: loss})
	}
}
