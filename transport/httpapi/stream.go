package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// eventStream is one open stream of Server-Sent Events. It belongs to the
// handler's goroutine.
type eventStream struct {
	*exchange
	control *http.ResponseController
	filter  *eventFilter
	// looked is the last event looked at, and told the last id sent.
	looked, told cluster.EventID
}

// run copies events until the client goes, the node drains, or the client is
// too slow.
func (s *eventStream) run(subscription *cluster.Subscription) {
	ctx, cancel := context.WithCancel(s.r.Context())
	defer cancel()
	defer context.AfterFunc(s.s.draining, cancel)()
	for more := s.flush([]byte(": lockd\n\n")); more; {
		more = s.step(ctx, subscription)
	}
}

// step waits for one batch of events, or for the time of a heartbeat, and
// reports whether the stream goes on.
func (s *eventStream) step(ctx context.Context, subscription *cluster.Subscription) bool {
	waiting, done := context.WithTimeout(ctx, s.s.config.Heartbeat)
	events, err := subscription.Next(waiting)
	done()
	switch {
	case err == nil:
		return s.sendEvents(events)
	case ctx.Err() != nil:
		return false
	case errors.Is(err, context.DeadlineExceeded):
		return s.heartbeat()
	case errors.Is(err, cluster.ErrTooOld):
		s.s.meters.dropped.Inc()
		s.sendDropped()
	}
	return false
}

func (s *eventStream) sendEvents(events []cluster.Event) bool {
	buf := s.buffer()
	for i := range events {
		e := &events[i]
		s.looked = e.ID
		if s.filter.wants(&e.Event) {
			appendMessage(buf, e)
			s.told = e.ID
		}
	}
	return buf.Len() == 0 || s.flush(buf.Bytes())
}

// heartbeat is a comment. If events were looked at since the last id went out,
// the id goes with it, so that a quiet stream resumes where it is.
func (s *eventStream) heartbeat() bool {
	buf := s.buffer()
	if s.looked != s.told {
		s.told = s.looked
		appendID(buf, s.told)
	}
	buf.WriteString(": heartbeat\n\n")
	return s.flush(buf.Bytes())
}

// sendDropped says why the stream ends.
func (s *eventStream) sendDropped() {
	p := api.NewProblem(api.CodeTooOld, "this reader was too slow and events are gone from this node; read the state anew and start a stream without Last-Event-ID")
	buf := s.buffer()
	buf.WriteString("event: " + api.EventDropped + "\n")
	appendJSON(buf, p)
	s.flush(buf.Bytes())
}

// flush sends b now, or reports false when the client is gone or too slow.
func (s *eventStream) flush(b []byte) bool {
	// Only a test's recorder has no deadlines; it is never slow.
	_ = s.control.SetWriteDeadline(time.Now().Add(eventWriteTimeout))
	if _, err := s.w.Write(b); err != nil {
		return false
	}
	return s.control.Flush() == nil
}

func appendMessage(buf *bytes.Buffer, e *cluster.Event) {
	appendID(buf, e.ID)
	buf.WriteString("event: ")
	buf.WriteString(e.Kind.String())
	buf.WriteByte('\n')
	appendJSON(buf, eventOf(&e.Event))
}

func appendID(buf *bytes.Buffer, id cluster.EventID) {
	b := append(buf.AvailableBuffer(), "id: "...)
	b = append(strconv.AppendUint(b, id.Index, 10), '-')
	b = append(strconv.AppendUint(b, uint64(id.Position), 10), '\n')
	buf.Write(b)
}

// appendJSON appends a data line and ends the message.
func appendJSON(buf *bytes.Buffer, value any) {
	buf.WriteString("data: ")
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("httpapi: an event does not encode: " + err.Error())
	}
	buf.WriteByte('\n')
}

func eventOf(e *gate.Event) api.Event {
	event := api.Event{
		Kind: api.EventKind(e.Kind.String()), At: wallTime(e.At), RunID: e.Run, Session: e.Session.String(),
		Token: e.Token, Reason: e.Reason, Actor: e.Actor,
	}
	event.Key, event.Ref = keyAndRef(e.Name)
	switch e.Name.Kind {
	case gate.Reference:
		event.Mode, event.Scope = api.Mode(e.Mode.String()), api.Scope(e.Scope.String())
	case gate.Key:
		event.Mode = api.Mode(e.Mode.String())
	}
	if e.Kind == gate.EventLeader {
		event.Leader = &api.Leader{ID: e.Leader, ClientURL: e.ClientURL, Term: e.Term}
	}
	return event
}
