package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"lockd/api"
	"lockd/gate"
)

// write writes what is queued until the stream ends, and says why.
func (c *connection) write() {
	defer c.survive()
	buf := appendValue(nil, []api.StreamMessage{{Hello: &api.StreamHello{
		Node: c.s.config.NodeName, MaxInFlight: api.MaxStreamInFlight,
		MaxWaiting: api.MaxStreamWaiting, MaxMessageBytes: api.MaxStreamBytes,
	}}})
	if !c.send(buf) {
		return
	}
	for range c.filled {
		batch, ending := c.take()
		if len(batch) > 0 && !c.sendBatch(&buf, batch) {
			return
		}
		if ending != nil {
			if ending.code != 0 {
				// An error means that the client is gone; there is nobody left to tell.
				_ = c.conn.Close(ending.code, ending.reason)
			}
			return
		}
	}
}

// sendBatch writes a batch as one message, or as several if it is long.
func (c *connection) sendBatch(buf *[]byte, batch []outgoing) bool {
	b := c.appendLeader(append((*buf)[:0], '['))
	for i := range batch {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = c.appendOutgoing(b, &batch[i])
		if len(b) >= maxSentBytes {
			if !c.send(append(b, ']')) {
				return false
			}
			b = append(b[:0], '[')
		}
	}
	c.written(batch)
	sent := len(b) == 1 || c.send(append(b, ']'))
	if cap(b) <= 2*maxSentBytes {
		*buf = b
	}
	return sent
}

// send writes one message, or reports false when the client is gone or has not
// taken it in time; the connection is cut then.
func (c *connection) send(message []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), streamWriteTimeout)
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, message) == nil
}

// appendLeader tells who leads, if that is news.
func (c *connection) appendLeader(b []byte) []byte {
	name, url, term, known := c.s.node.Leader()
	if !known || term == c.told {
		return b
	}
	c.told = term
	return appendValue(b, api.StreamMessage{Leader: &api.Leader{ID: name, ClientURL: url, Term: term}})
}

// appendOutgoing appends an api.StreamMessage.
func (c *connection) appendOutgoing(b []byte, o *outgoing) []byte {
	if o.loss != nil {
		return appendValue(b, api.StreamMessage{Lost: o.loss})
	}
	b = strconv.AppendUint(append(b, `{"id":`...), o.entry.id, 10)
	b = append(b, `,"status":000,"index":`...)
	at := len(b) - len(`000,"index":`)
	b, status := c.appendBody(b, o)
	strconv.AppendInt(b[at:at], int64(status), 10)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		b = append(b, `,"retry_after_ms":`+retryAfter+`000`...)
	}
	if o.staleness > 0 {
		b = strconv.AppendInt(append(b, `,"staleness_ms":`...), o.staleness, 10)
	}
	if status != http.StatusAccepted {
		c.s.meters.count(o.entry.endpoint, status, time.Since(o.entry.begun))
	}
	return append(b, '}')
}

// appendBody appends the index and the body, and returns the status.
func (c *connection) appendBody(b []byte, o *outgoing) ([]byte, int) {
	var queued api.QueuedAnswer
	waits := o.result != nil && o.result.Code == gate.Queued
	if waits {
		queued, o.index = c.s.queued(o.result, o.index)
	}
	b = strconv.AppendUint(b, c.s.seen.orAtLeast(o.index), 10)
	b = append(b, `,"body":`...)
	switch {
	case o.problem != nil:
		return appendProblem(b, o.problem)
	case waits:
		return appendValue(b, queued), http.StatusAccepted
	case o.result != nil:
		if o.result.Code == gate.SessionOpened {
			c.s.followers.follow(c, o.result.Session, 0)
		}
		return c.s.appendResult(b, &o.entry.op, o.result)
	case o.entry.op.keep != nil:
		for _, l := range o.leases {
			if l.Alive {
				c.s.followers.follow(c, l.ID, l.Lost)
			}
		}
		return o.entry.op.keep.appendLeases(b, o.leases)
	}
	return appendAnswer(b, o.answer)
}
