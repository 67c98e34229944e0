package httpapi

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
	"lockd/transport/httpapi/strictjson"
)

// envelope is one api.StreamRequest, whose parts are parts of the message.
type envelope struct {
	id         uint64
	method     string
	path, body []byte
	cancel     bool
}

var envelopeFields = []strictjson.Field[envelope]{
	field("id", func(r *strictjson.Reader, e *envelope) { e.id = r.Uint(1, gate.MaxToken-1) }),
	field("method", func(r *strictjson.Reader, e *envelope) { e.method = r.String() }),
	field("path", func(r *strictjson.Reader, e *envelope) { e.path = r.Text() }),
	field("body", func(r *strictjson.Reader, e *envelope) { e.body = r.Raw() }),
	field("cancel", func(r *strictjson.Reader, e *envelope) {
		if string(bytes.TrimRight(r.Raw(), " \t\r\n")) != "true" {
			r.Fail("must be true, or be left out")
			return
		}
		e.cancel = true
	}),
}

// accept takes one message. All its commands go to the node together. An error
// means that the message is no list of requests.
func (c *connection) accept(message []byte) error {
	now := time.Now()
	entries := make([]*entry, 0, 1+len(message)/usualRequestBytes)
	var cancelled []uint64
	err := strictjson.List(message, maxStreamRequests, func(r *strictjson.Reader) {
		e := envelope{method: http.MethodPost}
		strictjson.Members(r, envelopeFields, &e)
		switch {
		case e.id == 0:
			r.Fail("has no id; give each request one")
		case e.cancel:
			cancelled = append(cancelled, e.id)
		default:
			entries = append(entries, c.decode(&e, now))
		}
	})
	if err != nil {
		return err
	}
	c.carryOut(entries)
	for _, id := range cancelled {
		c.giveUp(id)
	}
	return nil
}

// newEntry returns an entry; neighbours share one allocation.
func (c *connection) newEntry(id uint64, begun time.Time) *entry {
	if len(c.entries) == 0 {
		c.entries = make([]entry, entriesAtOnce)
	}
	e := &c.entries[0]
	c.entries = c.entries[1:]
	e.id, e.begun = id, begun
	return e
}

// decode makes an entry of a request; nil if it was answered already.
func (c *connection) decode(e *envelope, now time.Time) *entry {
	entry := c.newEntry(e.id, now)
	if !c.admit() {
		c.push(outgoing{entry: entry, problem: api.NewProblem(api.CodeOverloaded, "too many requests of this stream are not answered yet; wait for answers, or open another stream")})
		return nil
	}
	op, err := c.operation(e, entry)
	if err != nil {
		c.finish(outgoing{entry: entry, problem: err})
		return nil
	}
	entry.op = op
	return entry
}

// operation finds the route of a request and decodes it.
func (c *connection) operation(e *envelope, entry *entry) (operation, *api.Problem) {
	var path, query, arg string
	var allowed []string
	found := c.s.router.findFixed(e.method, e.path)
	if found == nil {
		path, query, _ = strings.Cut(string(e.path), "?")
		found, arg, allowed = c.s.router.find(e.method, path)
	}
	entry.endpoint = found
	switch {
	case found == nil && len(allowed) == 0:
		return operation{}, api.NewProblem(api.CodeNotFound, "there is no path "+path+"; GET /v1/openapi.yaml lists them all")
	case found == nil:
		return operation{}, api.NewProblem(api.CodeMethodNotAllowed, "the path "+path+" takes "+strings.Join(allowed, ", "))
	case found.decode == nil || e.method == http.MethodHead:
		return operation{}, api.NewProblem(api.CodeNotFound, "the path "+cmp.Or(path, found.path)+" is not for streams; ask for it by HTTP")
	case len(e.body) > api.MaxBodyBytes:
		return operation{}, problemOf(errTooLarge)
	}
	r := &c.asked
	*r = request{arg: arg, body: e.body, agent: c.agent, remote: c.remote, work: &c.work}
	if err := r.readParams(query, found.params); err != nil {
		return operation{}, problemOf(err)
	}
	op, err := found.decode(r)
	if err != nil {
		return operation{}, problemOf(err)
	}
	return op, nil
}

// carryOut has the operations of one message carried out.
func (c *connection) carryOut(entries []*entry) {
	commands := make([]*gate.Command, 0, len(entries))
	batch := entries[:0]
	for _, e := range entries {
		switch {
		case e == nil:
		case e.op.command != nil:
			if c.prepare(e) {
				commands = append(commands, e.op.command)
				batch = append(batch, e)
			}
		case e.op.stale:
			c.finish(c.askHere(e))
		default:
			c.spawn(func() { c.finish(c.ask(e)) })
		}
	}
	if len(commands) > 0 {
		c.s.node.Submit(c.ctx, commands, func(nth int, reply *cluster.Reply, err error) { c.done(batch[nth], reply, err) })
	}
}

// ask has the leader answer a query or a keepalive; the node bounds the time.
func (c *connection) ask(e *entry) outgoing {
	if k := e.op.keep; k != nil {
		leases, err := c.s.renew(c.ctx, k)
		if err != nil {
			return outgoing{entry: e, problem: keepaliveProblem(err)}
		}
		return outgoing{entry: e, leases: leases}
	}
	answer, index, err := c.s.node.Read(c.ctx, e.op.query.encode())
	if err != nil {
		return outgoing{entry: e, problem: nodeProblem(err, nil)}
	}
	return outgoing{entry: e, answer: answer, index: index}
}

func (c *connection) askHere(e *entry) outgoing {
	view, index, age, known := c.s.node.Stale()
	if !known {
		return outgoing{entry: e, problem: noAge()}
	}
	return outgoing{
		entry: e, answer: c.s.answer(view, index, nil, e.op.query.encode()), index: index,
		staleness: max(0, age.Milliseconds()),
	}
}
