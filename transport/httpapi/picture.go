package httpapi

import (
	"time"

	"lockd/api"
	"lockd/gate"
)

// What the lock table has, in the words of the API.

func (p *picture) holds(holds []gate.Hold) []api.Hold {
	list := make([]api.Hold, 0, len(holds))
	for i := range holds {
		list = append(list, p.hold(&holds[i]))
	}
	return list
}

func (p *picture) hold(h *gate.Hold) api.Hold {
	hold := api.Hold{
		RunID: h.Run, Session: h.Session.String(), Token: h.Token, Mode: api.Mode(h.Mode.String()),
		AcquiredAt: wallTime(h.At), HeldMS: p.since(h.At), Reason: h.Reason,
		Client: apiClient(h.Client), ExpiresInMS: p.left(h.Session), Ended: api.End(h.Ended.String()),
	}
	if h.Name.Kind == gate.Reference {
		hold.Scope = api.Scope(h.Scope.String())
	}
	return hold
}

// waiters returns a name's queue. Each request may name all runs before it, so
// when maxBlockers are named, the others name their first one only.
func (p *picture) waiters(waiters []gate.Waiter) []api.Wait {
	list := make([]api.Wait, 0, len(waiters))
	left := maxBlockers
	for _, w := range waiters {
		blockers := w.BlockedBy
		if len(blockers) > max(left, 1) {
			blockers = blockers[:1]
		}
		left -= len(blockers)
		list = append(list, api.Wait{
			RunID: w.Request.Run, Session: w.Request.Session.String(), Mode: api.Mode(w.Mode.String()),
			Position: w.Position, WaitedMS: p.since(w.Request.At), BlockedBy: orEmpty(blockers),
			Client: apiClient(w.Request.Client),
		})
	}
	return list
}

// since returns the milliseconds since a wall time, for display: clocks of
// other nodes may be ahead.
func (p *picture) since(at gate.Wall) int64 { return max(0, p.now.UnixMilli()-int64(at)) }

// left returns the milliseconds left of a session's lease, or nil.
func (p *picture) left(id gate.SessionID) *int64 {
	if p.lease == nil || id.IsZero() {
		return nil
	}
	left, known := p.lease(id)
	if !known {
		return nil
	}
	return new(max(0, left.Milliseconds()))
}

func apiClient(c *gate.Client) api.Client {
	if c == nil {
		return api.Client{}
	}
	return api.Client{Name: c.Name, Host: c.Host, PID: c.PID}
}

func wallTime(at gate.Wall) time.Time { return time.UnixMilli(int64(at)).UTC() }

func keyAndRef(n gate.Name) (key, ref string) {
	switch n.Kind {
	case gate.Key:
		return n.Text, ""
	case gate.Reference:
		return "", n.Text
	}
	return "", ""
}

// firstRun returns the first holder that is a run.
func firstRun(holds []gate.Hold) string {
	for i := range holds {
		if holds[i].Run != "" {
			return holds[i].Run
		}
	}
	return ""
}

// orEmpty returns list, as an empty list if it is nil: JSON tells the two apart.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
