package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"lockd/api"
)

// A session is one replicated lease of the client, kept alive by the client, and
// what hangs on it. It ends once and for all: when the lease could not be kept,
// when the cluster says that it is gone, or with the client.
type session struct {
	c           *Client
	id          string
	ttl, margin time.Duration
	window      window
	// over ends with the session; its cause says how.
	over context.Context
	stop context.CancelCauseFunc

	mu sync.Mutex
	// deadline, on the client's clock, is when the guards must be cancelled if no
	// later keepalive is acknowledged.
	deadline time.Duration
	// lost is the server's count of taken holds as told last. Suspicions counts the
	// reasons to look for them, and audited those that were looked into; auditing
	// says that somebody does now.
	lost                uint64
	suspicions, audited uint64
	auditing            bool
	// grips are the guards in being, and holds what the table gave them.
	grips map[*grip]struct{}
	holds map[holdName]*hold
	// users counts the guards and the commands under way; when it falls to zero
	// after the end, the server is told, once.
	users    int
	farewell bool
}

// session returns the living session with that TTL and opens one if there is
// none. It returns ErrClosed after Close.
func (c *Client) session(ctx context.Context, ttl time.Duration) (*session, error) {
	c.mu.Lock()
	p := c.leases[ttl]
	if p == nil {
		p = &place{opening: make(chan struct{}, 1)}
		c.leases[ttl] = p
	}
	c.mu.Unlock()

	select {
	case p.opening <- struct{}{}:
		defer func() { <-p.opening }()
	case <-ctx.Done():
		return nil, &unansweredError{why: over(ctx)}
	case <-c.ctx.Done():
		return nil, ErrClosed
	}
	if p.session != nil && p.session.alive() {
		return p.session, nil
	}
	s, err := c.openSession(ctx, ttl)
	if err != nil {
		return nil, fmt.Errorf("client: open a session: %w", err)
	}
	p.session = s
	return s, nil
}

// openSession may leave a second, empty session to expire when an answer is lost.
func (c *Client) openSession(ctx context.Context, ttl time.Duration) (*session, error) {
	body, err := marshal(api.SessionOpen{
		TTL: api.Duration(ttl), LockDelay: api.Duration(c.config.LockDelay), Client: c.config.self(),
	})
	if err != nil {
		return nil, err
	}
	var sent time.Duration
	opened, err := fetch[api.SessionOpened](ctx, c, &call{
		method: http.MethodPost, path: "/v1/sessions", body: body, timeout: attemptTime, repeat: true,
		begin: func() { sent = c.clock.Now() },
	})
	if err != nil {
		return nil, err
	}
	s := &session{
		c: c, id: opened.ID, ttl: time.Duration(opened.TTLMS) * time.Millisecond,
		grips: make(map[*grip]struct{}), holds: make(map[holdName]*hold),
	}
	s.margin = c.config.margin(s.ttl)
	s.deadline = sent + s.ttl - s.margin
	s.over, s.stop = context.WithCancelCause(context.Background())
	if !c.begin(s) {
		s.stop(ErrClosed)
		return nil, ErrClosed
	}
	return s, nil
}

// begin starts the session's goroutines; false after Close.
func (c *Client) begin(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.live[s] = struct{}{}
	c.wg.Go(s.keep)
	c.wg.Go(s.watch)
	return true
}

// command sends one command of the session, applied once however many copies it
// takes, and waits until it is decided. body gets the command's place.
func (s *session) command(ctx context.Context, path string, timeout time.Duration, body func(api.Once) any) (*answer, error) {
	t := s.window.next()
	write := func() ([]byte, error) { return marshal(body(api.Once{Seq: t.seq, Acked: t.acked, Done: t.done})) }
	raw, err := write()
	if err != nil {
		s.window.finish(t, false)
		return nil, err
	}
	req := &call{method: http.MethodPost, path: path, body: raw, timeout: timeout, repeat: true}
	// The session may have too many answers that the server does not know as seen.
	req.overloaded = func() {
		t = s.window.again(t)
		if raw, err := write(); err == nil {
			req.body = raw
		}
	}
	ctx, stop := both(ctx, s.over)
	defer stop()
	a, err := s.c.decided(ctx, req)
	s.window.finish(t, settled(err))
	if errors.Is(err, ErrSessionNotFound) {
		s.end(ErrSessionEnded)
	}
	return a, err
}

// alive says whether the session can be relied on now, by the clock too.
func (s *session) alive() bool {
	if s.over.Err() == nil && s.left() <= 0 {
		s.end(ErrLeaseExpired)
	}
	return s.over.Err() == nil
}

// end cancels every guard with cause, and only then is the session seen to be over:
// whoever finds it so finds no guard that could still be relied on. Only the first
// cause counts.
func (s *session) end(cause error) {
	s.mu.Lock()
	first := s.over.Err() == nil
	if !first {
		cause = context.Cause(s.over)
	}
	for g := range s.grips {
		g.cancel(cause)
	}
	s.stop(cause)
	guards := len(s.grips)
	s.mu.Unlock()
	if first && guards > 0 && errors.Is(cause, ErrLost) {
		s.c.config.Logger.Warn("lockd: session lost", "session", s.id, "guards", guards, "cause", cause)
	}
	s.c.mu.Lock()
	delete(s.c.live, s)
	s.c.mu.Unlock()
	s.part()
}

// join counts one more user; false after the end.
func (s *session) join() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Err() != nil {
		return false
	}
	s.users++
	return true
}

func (s *session) quit() {
	s.mu.Lock()
	s.users--
	s.mu.Unlock()
	s.part()
}

// part tells the cluster that an ended session is of no more use, once nobody
// works under its locks any more: before, closing it would give them to others
// too early.
func (s *session) part() {
	s.mu.Lock()
	cause := context.Cause(s.over)
	due := cause != nil && s.users == 0 && !s.farewell
	s.farewell = s.farewell || due
	s.mu.Unlock()
	if !due || errors.Is(cause, ErrSessionEnded) || errors.Is(cause, ErrClosed) {
		return
	}
	s.c.spawn(func() {
		ctx, cancel := context.WithTimeout(s.c.ctx, closeTime)
		defer cancel()
		if err := s.close(ctx); err != nil {
			s.c.config.Logger.Debug("lockd: a session is left to expire", "session", s.id, "error", err)
		}
	})
}

// close ends the session at the server, which gives back whatever hangs on it. It
// tries for no longer than the session lives without being kept alive.
func (s *session) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.ttl)
	defer cancel()
	_, err := s.c.persist(ctx, &call{
		method: http.MethodDelete, path: "/v1/sessions/" + s.id, timeout: attemptTime, repeat: true,
	})
	if errors.Is(err, ErrSessionNotFound) {
		return nil
	}
	return err
}
