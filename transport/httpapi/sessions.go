package httpapi

import (
	"net/http"
	"net/url"
	"time"

	"lockd/api"
	"lockd/gate"
)

func (s *Server) openSession(x *exchange) {
	var b api.SessionOpen
	if !readBody(x, false, sessionOpenFields, &b) {
		return
	}
	var err error
	if b.TTL == 0 {
		err = fieldError("ttl", `is missing; send how long the session outlives its last keepalive, such as "30s"`)
	}
	op := &gate.OpenSession{TTL: time.Duration(b.TTL), LockDelay: time.Duration(b.LockDelay), Nonce: nonce()}
	if b.Client == nil {
		op.Client = x.caller()
	} else {
		op.Client = gate.Client{Name: b.Client.Name, Host: b.Client.Host, PID: b.Client.PID}
	}
	x.command(0, err, "", api.Once{}, op)
}

// sessionArg returns the session in the path. An id that the server cannot
// have given names no session.
func (x *exchange) sessionArg() (gate.SessionID, error) {
	text, err := url.PathUnescape(x.arg)
	if err != nil {
		return gate.SessionID{}, errNoSession
	}
	id, known := gate.ParseSessionID(text)
	if !known {
		return gate.SessionID{}, errNoSession
	}
	return id, nil
}

func (s *Server) getSession(x *exchange) {
	id, err := x.sessionArg()
	x.ask(query{op: askSession, number: id.Number, nonce: id.Nonce}, err)
}

func (s *Server) closeSession(x *exchange) {
	id, err := x.sessionArg()
	x.command(0, err, id.String(), api.Once{}, &gate.CloseSession{})
}

func (s *Server) listSessions(x *exchange) {
	q := query{op: askSessions}
	most, err := x.pageSize()
	q.max = uint64(most)
	if after := x.params.Get("after"); err == nil && after != "" {
		id, known := gate.ParseSessionID(after)
		if !known {
			err = fieldError("after", "is no session id; send the next of the page before")
		}
		q.number = id.Number
	}
	x.ask(q, err)
}

func (s *Server) keepSession(x *exchange) {
	if !readBody(x, true, nil, new(struct{})) {
		return
	}
	id, err := x.sessionArg()
	if err != nil {
		x.refuseError(err)
		return
	}
	leases, err := s.node.Keepalive(x.r.Context(), []gate.SessionID{id})
	switch {
	case err != nil:
		x.refuse(keepaliveProblem(err))
	case len(leases) == 0 || !leases[0].Alive:
		x.refuse(noSession())
	default:
		x.answer(http.StatusOK, api.SessionKept{
			ID: id.String(), TTLMS: leases[0].TTL.Milliseconds(),
			ExpiresInMS: leases[0].Left.Milliseconds(), Lost: leases[0].Lost,
		})
	}
}

// keepaliveProblem returns the problem of a keepalive that was not
// acknowledged. Sending it again does no harm.
func keepaliveProblem(err error) *api.Problem {
	p := nodeProblem(err, nil)
	if p.Code == api.CodeNoLeader {
		p.Detail = "no leader acknowledged the keepalive; try again at once, on any node, and count the lease from the last acknowledged one"
	}
	return p
}

func (s *Server) keepAlive(x *exchange) {
	var b api.KeepAlive
	if !readBody(x, false, keepAliveFields, &b) {
		return
	}
	if b.IDs == nil {
		x.refuseError(fieldError("ids", "is missing; send the ids of the sessions to keep"))
		return
	}
	answer := api.KeptAlive{Alive: make([]api.Alive, 0, len(b.IDs)), Gone: []string{}}
	ids := make([]gate.SessionID, 0, len(b.IDs))
	for _, text := range b.IDs {
		id, known := gate.ParseSessionID(text)
		if !known {
			answer.Gone = append(answer.Gone, text)
			continue
		}
		ids = append(ids, id)
	}
	if len(ids) > 0 {
		leases, err := s.node.Keepalive(x.r.Context(), ids)
		if err != nil {
			x.refuse(keepaliveProblem(err))
			return
		}
		for _, l := range leases {
			if l.Alive {
				answer.Alive = append(answer.Alive, api.Alive{ID: l.ID.String(), ExpiresInMS: l.Left.Milliseconds(), Lost: l.Lost})
			} else {
				answer.Gone = append(answer.Gone, l.ID.String())
			}
		}
	}
	x.answer(http.StatusOK, answer)
}
