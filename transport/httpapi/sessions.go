package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

func openSession(r *request) (operation, error) {
	var b api.SessionOpen
	if err := readBody(r, false, sessionOpenFields, &b); err != nil {
		return operation{}, err
	}
	var err error
	if b.TTL == 0 {
		err = fieldError("ttl", `is missing; send how long the session outlives its last keepalive, such as "30s"`)
	}
	op := &gate.OpenSession{TTL: time.Duration(b.TTL), LockDelay: time.Duration(b.LockDelay), Nonce: nonce()}
	if b.Client == nil {
		op.Client = r.caller()
	} else {
		op.Client = gate.Client{Name: b.Client.Name, Host: b.Client.Host, PID: b.Client.PID}
	}
	return commandOf(0, err, "", api.Once{}, op)
}

// sessionArg returns the session in the path. An id that the server cannot
// have given names no session.
func (r *request) sessionArg() (gate.SessionID, error) {
	text, err := url.PathUnescape(r.arg)
	if err != nil {
		return gate.SessionID{}, errNoSession
	}
	id, known := gate.ParseSessionID(text)
	if !known {
		return gate.SessionID{}, errNoSession
	}
	return id, nil
}

func getSession(r *request) (operation, error) {
	id, err := r.sessionArg()
	return r.ask(query{op: askSession, number: id.Number, nonce: id.Nonce}, err)
}

func closeSession(r *request) (operation, error) {
	id, err := r.sessionArg()
	return commandOf(0, err, id.String(), api.Once{}, &gate.CloseSession{})
}

func listSessions(r *request) (operation, error) {
	q := query{op: askSessions}
	most, err := r.pageSize()
	q.max = uint64(most)
	if after := r.params.Get("after"); err == nil && after != "" {
		id, known := gate.ParseSessionID(after)
		if !known {
			err = fieldError("after", "is no session id; send the next of the page before")
		}
		q.number = id.Number
	}
	return r.ask(q, err)
}

// keeping is a keepalive.
type keeping struct {
	ids []gate.SessionID
	// unknown are texts that are no ids.
	unknown []string
	// one says that the path named the session.
	one bool
}

func keepSession(r *request) (operation, error) {
	if err := readBody(r, true, nil, new(struct{})); err != nil {
		return operation{}, err
	}
	id, err := r.sessionArg()
	return operation{keep: &keeping{ids: []gate.SessionID{id}, one: true}}, err
}

func keepSessions(r *request) (operation, error) {
	var b api.KeepAlive
	if err := readBody(r, false, keepAliveFields, &b); err != nil {
		return operation{}, err
	}
	if b.IDs == nil {
		return operation{}, fieldError("ids", "is missing; send the ids of the sessions to keep")
	}
	k := &keeping{ids: make([]gate.SessionID, 0, len(b.IDs))}
	for _, text := range b.IDs {
		if id, known := gate.ParseSessionID(text); known {
			k.ids = append(k.ids, id)
		} else {
			k.unknown = append(k.unknown, text)
		}
	}
	return operation{keep: k}, nil
}

// keepAlive carries out a keepalive and answers it.
func (x *exchange) keepAlive(k *keeping) {
	leases, err := x.s.renew(x.r.Context(), k)
	if err != nil {
		x.refuse(keepaliveProblem(err))
		return
	}
	x.send(k.appendLeases(x.buffer().AvailableBuffer(), leases))
}

// renew renews the sessions, if any is named.
func (s *Server) renew(ctx context.Context, k *keeping) ([]cluster.Lease, error) {
	if len(k.ids) == 0 {
		return nil, nil
	}
	return s.node.Keepalive(ctx, k.ids)
}

// appendLeases appends the answer to a keepalive and returns its status.
func (k *keeping) appendLeases(b []byte, leases []cluster.Lease) ([]byte, int) {
	if k.one {
		if len(leases) == 0 || !leases[0].Alive {
			return appendProblem(b, noSession())
		}
		l := leases[0]
		return appendValue(b, api.SessionKept{
			ID: l.ID.String(), TTLMS: l.TTL.Milliseconds(), ExpiresInMS: l.Left.Milliseconds(), Lost: l.Lost,
		}), http.StatusOK
	}
	answer := api.KeptAlive{Alive: make([]api.Alive, 0, len(leases)), Gone: orEmpty(k.unknown)}
	for _, l := range leases {
		if l.Alive {
			answer.Alive = append(answer.Alive, api.Alive{ID: l.ID.String(), ExpiresInMS: l.Left.Milliseconds(), Lost: l.Lost})
		} else {
			answer.Gone = append(answer.Gone, l.ID.String())
		}
	}
	return appendValue(b, answer), http.StatusOK
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
