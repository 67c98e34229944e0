package gate

import (
	"fmt"
	"math"
	"time"
)

// hold is a Hold as the table keeps it: there may be millions, and each takes one
// cache line and a text. Holds are immutable: a change replaces the hold, so that
// versions of the table can share it.
type hold struct {
	// texts is the name's text, the run and the reason, one behind the other.
	texts string
	token uint64
	at    Wall
	// session is a version of the hold's session, of which only what never changes
	// may be looked at; nil for none.
	session *Session
	// rare is nil in most holds.
	rare *rarely
	// hash is the hold's part of the state hash, or zero if that is not kept. It
	// saves looking at the texts again when the hold ends.
	hash uint64

	nameBytes, runBytes uint16
	limit               uint16
	kind                Kind
	// strong is the mode and, above it, the scope.
	strong uint8
}

// rarely is what few holds have.
type rarely struct {
	// client counts if own is set; else the client is the session's.
	own    bool
	client *Client
	// The rest is as in Hold.
	ended   End
	request uint64
	delay   time.Duration
}

// newHold returns a hold without token, time, session and rare fields. It panics
// if a text is too long for any hold: no such command enters the log.
func newHold(w Want, run, reason string, limit uint32) *hold {
	if !fits(w.Name, run, limit) {
		panic(fmt.Sprintf("gate: a hold on a name of %d bytes, by a run of %d, with limit %d", len(w.Name.Text), len(run), limit))
	}
	h := &hold{
		texts: w.Name.Text + run + reason, kind: w.Name.Kind, limit: uint16(limit),
		nameBytes: uint16(len(w.Name.Text)), runBytes: uint16(len(run)),
	}
	h.setStrength(w.Mode, w.Scope)
	return h
}

// fits reports whether a hold has room for its fields.
func fits(n Name, run string, limit uint32) bool {
	return max(len(n.Text), len(run), int(limit)) <= math.MaxUint16
}

func (h *hold) setStrength(m Mode, s Scope) { h.strong = uint8(m) | uint8(s)<<1 }

// setRare notes what few holds have, once the session is known.
func (h *hold) setRare(request uint64, client *Client) {
	own := !sameClient(client, h.session.client())
	if own || request != 0 {
		h.rare = &rarely{own: own, client: client, request: request}
	}
}

func sameClient(a, b *Client) bool { return a == b || a != nil && b != nil && *a == *b }

func (h *hold) text() string   { return h.texts[:h.nameBytes] }
func (h *hold) id() uint64     { return h.token }
func (h *hold) name() Name     { return Name{h.kind, h.text()} }
func (h *hold) run() string    { return h.texts[h.nameBytes:][:h.runBytes] }
func (h *hold) reason() string { return h.texts[int(h.nameBytes)+int(h.runBytes):] }
func (h *hold) mode() Mode     { return Mode(h.strong & 1) }
func (h *hold) scope() Scope   { return Scope(h.strong >> 1) }

// ofNobody reports whether the hold is a lock delay.
func (h *hold) ofNobody() bool { return h.runBytes == 0 }

// strength is what a hold covers, as a want.
func (h *hold) strength() Want { return Want{Name: h.name(), Mode: h.mode(), Scope: h.scope()} }

func (h *hold) sessionID() SessionID {
	if h.session == nil {
		return SessionID{}
	}
	return h.session.ID
}

func (h *hold) client() *Client {
	if h.rare != nil && h.rare.own {
		return h.rare.client
	}
	return h.session.client()
}

func (h *hold) request() uint64 {
	if h.rare == nil {
		return 0
	}
	return h.rare.request
}

func (h *hold) ended() End {
	if h.rare == nil {
		return 0
	}
	return h.rare.ended
}

func (h *hold) delay() time.Duration {
	if h.rare == nil {
		return 0
	}
	return h.rare.delay
}

// full returns the hold as readers see it.
func (h *hold) full() Hold {
	return Hold{
		Name: h.name(), Mode: h.mode(), Scope: h.scope(), Ended: h.ended(), Limit: uint32(h.limit), Run: h.run(),
		Session: h.sessionID(), Token: h.token, At: h.at, Reason: h.reason(), Client: h.client(), Request: h.request(),
		Delay: h.delay(),
	}
}

// stored returns the hold that x describes. session is x's, or nil if it has none.
func stored(x *Hold, session *Session) *hold {
	h := newHold(Want{x.Name, x.Mode, x.Scope}, x.Run, x.Reason, x.Limit)
	h.token, h.at, h.session = x.Token, x.At, session
	h.setRare(x.Request, x.Client)
	if x.Ended != 0 || x.Delay != 0 {
		if h.rare == nil {
			h.rare = new(rarely)
		}
		h.rare.ended, h.rare.delay = x.Ended, x.Delay
	}
	return h
}

// join returns the weakest strength that is at least w and the hold's own:
// acquiring never weakens a hold (rule 3).
func (h *hold) join(w Want) Want {
	return Want{Name: w.Name, Mode: min(w.Mode, h.mode()), Scope: max(w.Scope, h.scope())}
}

// covers reports whether a hold is at least as strong as w on w's name.
func (h *hold) covers(w Want) bool { return h.mode() <= w.Mode && h.scope() >= w.Scope }
