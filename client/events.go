package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"lockd/api"
)

// Event is one change of the lock table, with its place in the order of all.
type Event struct {
	// ID resumes after this event, as EventFilter.After.
	ID string
	api.Event
}

// EventFilter says which events are wanted.
type EventFilter struct {
	// Prefix, if any, leaves only events that bear a name beginning so.
	Prefix string
	// Kinds, if any, leaves only those.
	Kinds []api.EventKind
	// After resumes after the event with that ID; "" begins with what comes.
	After string
}

// Events yields the changes of the lock table in their order, each once, until ctx
// is done or the loop is left. It goes from node to node by itself. Its last pair
// is an error and no event: of ctx, ErrTooOld if events were missed for good, or
// another refusal.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, stop := both(ctx, c.ctx)
		defer stop()
		s := &subscription{c: c, filter: f, yield: yield}
		for {
			err := s.connection(ctx)
			switch {
			case errors.Is(err, errLeft):
				return
			case err == nil && ctx.Err() != nil:
				err = over(ctx)
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// A subscription is one loop over Events; its filter's After moves on.
type subscription struct {
	c      *Client
	filter EventFilter
	yield  func(Event, error) bool
	// begun says that a connection has shown events, or the lack of them.
	begun bool
	// tooOld counts the nodes in a row that have dropped what comes next.
	tooOld int
}

var (
	// errLeft says that the caller has left the loop.
	errLeft = errors.New("left")
	// errDropped says that the server has given the reader up; it may come back.
	errDropped = errors.New("dropped by the server")
	// errGap is a stream that broke before anything in it had an ID.
	errGap = fmt.Errorf("client: the stream broke before its first event: %w", ErrTooOld)
	// errNoEvent says that the server's events are not those that are known here.
	errNoEvent = errors.New("unreadable event")
)

// connection yields what one connection brings. It returns nil when another one
// is to be made.
func (s *subscription) connection(ctx context.Context) error {
	if s.begun && s.filter.After == "" {
		return errGap
	}
	at, node, wait := s.c.nodes.pick()
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	connected, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(attemptTime, cancel)
	defer silence.Stop()
	req := &call{method: http.MethodGet, path: "/v1/events" + s.filter.query(), lastEventID: s.filter.After}
	a, body, err := s.c.transport.stream(connected, node, req)
	if err == nil && a.status != http.StatusOK {
		a.body, err = readProblem(body)
	}
	if err != nil && ctx.Err() != nil {
		return over(ctx)
	}
	if err != nil || a.status != http.StatusOK {
		return s.refused(ctx, req, at, a, err)
	}
	defer body.Close()
	s.begun, s.tooOld = true, 0
	s.c.nodes.answered(at, a.leader)
	err = s.pass(body, silence)
	switch {
	case errors.Is(err, errLeft), errors.Is(err, errNoEvent):
		return err
	case !errors.Is(err, errDropped) && ctx.Err() == nil:
		s.c.nodes.failed(at, "", 0)
	}
	return nil
}

// refused returns nil when another connection is to be tried.
func (s *subscription) refused(ctx context.Context, req *call, at int, a *answer, err error) error {
	v := s.c.judge(req, at, a, err)
	switch {
	case v.overloaded:
		return sleep(ctx, max(minBackoff, v.retryAfter))
	case errors.Is(v.err, ErrTooOld):
		// A node that was restarted remembers less than others do.
		s.tooOld++
		if s.tooOld < s.c.nodes.count() {
			s.c.nodes.failed(at, "", 0)
			return nil
		}
		return v.err
	case v.done:
		return v.err
	}
	return nil
}

func readProblem(body io.ReadCloser) ([]byte, error) {
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxEventBytes))
}

func (f *EventFilter) query() string {
	q := make(url.Values)
	if f.Prefix != "" {
		q.Set("prefix", f.Prefix)
	}
	for _, k := range f.Kinds {
		q.Add("kind", string(k))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// pass yields what comes until the connection ends, with the reason. A server
// that says nothing at all for eventSilence is taken for dead.
func (s *subscription) pass(body io.Reader, silence *time.Timer) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4<<10), maxEventBytes)
	m := message{id: s.filter.After}
	for silence.Reset(eventSilence); lines.Scan(); silence.Reset(eventSilence) {
		silence.Stop() // what the caller does with an event takes its time
		if !m.add(lines.Bytes()) {
			continue
		}
		e, ok, err := m.event()
		if err != nil {
			return err
		}
		s.filter.After = m.id
		if ok && !s.yield(e, nil) {
			return errLeft
		}
		m = message{id: m.id}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

// A message is one message of a stream of Server-Sent Events (WHATWG HTML, 9.2).
type message struct {
	id, kind string
	data     []byte
}

// add takes one line; true says that the message is complete.
func (m *message) add(line []byte) bool {
	if len(line) == 0 {
		return true
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "id":
		m.id = string(value)
	case "event":
		m.kind = string(value)
	case "data":
		if m.data != nil {
			m.data = append(m.data, '\n')
		}
		m.data = append(m.data, value...)
	}
	return false
}

// event reads a complete message; false if it is none of the table's.
func (m *message) event() (Event, bool, error) {
	if m.kind == api.EventDropped {
		return Event{}, false, errDropped
	}
	if len(m.data) == 0 {
		return Event{}, false, nil
	}
	e := Event{ID: m.id}
	if err := json.Unmarshal(m.data, &e.Event); err != nil {
		return Event{}, false, fmt.Errorf("client: %w %s: %w", errNoEvent, m.id, err)
	}
	return e, true, nil
}
