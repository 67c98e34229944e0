package httpapi

import (
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// The first byte of an answer: the rest is the JSON body, or there is no such
// session, or the query is of a newer version than the node that answers.
const (
	answerBody       byte = 1
	answerNoSession  byte = 2
	answerUnknownAsk byte = 3
)

// Answer returns the function that a node must have to answer the queries of
// this package, on whichever node they were asked. It is safe for any
// goroutine and takes times from clock.
func Answer(clock func() time.Time) cluster.Reader {
	return func(view *gate.View, index uint64, lease func(gate.SessionID) (time.Duration, bool), asked []byte) []byte {
		q, ok := decodeQuery(asked)
		if !ok {
			return []byte{answerUnknownAsk}
		}
		p := picture{view: view, index: index, lease: lease, now: clock()}
		return p.answer(q)
	}
}

// picture is one version of the table at one time.
type picture struct {
	view  *gate.View
	index uint64
	// lease is nil where no leases are known.
	lease func(gate.SessionID) (time.Duration, bool)
	now   time.Time
}

func (p *picture) answer(q query) []byte {
	name := gate.Name{Kind: q.kind, Text: q.text}
	id := gate.SessionID{Number: q.number, Nonce: q.nonce}
	switch q.op {
	case askName:
		if q.kind == gate.Key {
			state := p.key(p.view.Lock(name))
			return appendKeyState(body(), &state)
		}
		state := p.lock(p.view.Lock(name))
		return appendLockState(body(), &state)
	case askNames:
		if q.kind == gate.Key {
			return encode(p.keys(q))
		}
		return encode(p.locks(q))
	case askRun:
		return encode(p.run(q.text))
	case askSession:
		x, found := p.view.Session(id)
		if !found {
			return []byte{answerNoSession}
		}
		return encode(p.session(x))
	case askSessions:
		return encode(p.sessions(q))
	case askCheck:
		valid, current := p.view.Valid(name, q.number)
		return encode(api.Checked{Valid: valid, Current: orEmpty(current), Highest: p.view.Counters().Token})
	case askHistory:
		return encode(p.history(name))
	case askReady:
		return encode(readiness{"ready"})
	}
	return []byte{answerUnknownAsk}
}

// body begins an answer that is a JSON body.
func body() []byte { return append(make([]byte, 0, 512), answerBody) }

func encode(value any) []byte { return appendValue(body(), value) }

func (p *picture) key(l gate.Lock) api.KeyState {
	state := api.KeyState{
		Key: l.Name.Text, Occupied: len(l.Holders) > 0,
		Holders: p.holds(l.Holders), Waiters: p.waiters(l.Waiters), Limit: l.Limit,
	}
	state.HolderRunID = firstRun(l.Holders)
	return state
}

func (p *picture) lock(l gate.Lock) api.LockState {
	return api.LockState{
		Ref: l.Name.Text, Holders: p.holds(l.Holders), Waiters: p.waiters(l.Waiters), CoveredBy: p.holds(l.CoveredBy),
	}
}

func (p *picture) keys(q query) api.KeyList {
	page := api.KeyList{Keys: []api.KeyState{}, Index: p.index}
	page.Next = p.eachName(q, func(l gate.Lock) { page.Keys = append(page.Keys, p.key(l)) })
	return page
}

func (p *picture) locks(q query) api.LockList {
	page := api.LockList{Locks: []api.LockState{}, Index: p.index}
	page.Next = p.eachName(q, func(l gate.Lock) { page.Locks = append(page.Locks, p.lock(l)) })
	return page
}

// eachName hands one page of names to add, and returns where the next begins.
func (p *picture) eachName(q query, add func(gate.Lock)) (next string) {
	after, left, entries := q.after, int(q.max), 0
	for {
		locks, more := p.view.Locks(q.kind, q.text, after, min(left, listChunk))
		for i, l := range locks {
			add(l)
			after = l.Name.Text
			left--
			entries += len(l.Holders) + len(l.Waiters)
			if left > 0 && entries < maxPageEntries {
				continue
			}
			if more || i+1 < len(locks) {
				return after
			}
			return ""
		}
		if !more {
			return ""
		}
	}
}

func (p *picture) run(run string) api.RunState {
	holds, request := p.view.Run(run)
	state := api.RunState{RunID: run, Holds: make([]api.NamedHold, 0, len(holds))}
	for _, h := range holds {
		named := api.NamedHold{Hold: p.hold(h)}
		named.Key, named.Ref = keyAndRef(h.Name)
		state.Holds = append(state.Holds, named)
	}
	if request != nil {
		state.Request = p.request(request)
	}
	return state
}

func (p *picture) request(r *gate.Request) *api.RunRequest {
	position, _ := p.view.Place(r)
	state := &api.RunRequest{
		Session: r.Session.String(), Position: position,
		WaitMS: r.Wait.Milliseconds(), WaitedMS: p.since(r.At), BlockedBy: orEmpty(p.view.BlockedBy(r)),
		Reason: r.Reason, Client: apiClient(r.Client),
	}
	if r.Wants[0].Name.Kind == gate.Key {
		state.Key, state.Limit = r.Wants[0].Name.Text, r.Limit
		return state
	}
	for _, w := range r.Wants {
		state.Refs = append(state.Refs, api.LockWant{Ref: w.Name.Text, Mode: api.Mode(w.Mode.String()), Scope: api.Scope(w.Scope.String())})
	}
	return state
}

func (p *picture) session(x *gate.Session) api.SessionState {
	holds, requests := p.view.SessionHolds(x.ID.Number)
	return api.SessionState{
		ID: x.ID.String(), TTLMS: x.TTL.Milliseconds(), LockDelayMS: x.LockDelay.Milliseconds(), ExpiresInMS: p.left(x.ID),
		Private: x.Private, OpenedAt: wallTime(x.At), Holds: holds, Requests: requests, Lost: x.Lost, Client: apiClient(x.Client),
	}
}

func (p *picture) sessions(q query) api.SessionList {
	sessions, more := p.view.Sessions(q.number, int(q.max))
	page := api.SessionList{Sessions: make([]api.SessionState, 0, len(sessions)), Index: p.index}
	for _, x := range sessions {
		page.Sessions = append(page.Sessions, p.session(x))
	}
	if more {
		page.Next = page.Sessions[len(page.Sessions)-1].ID
	}
	return page
}
