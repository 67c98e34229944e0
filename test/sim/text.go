package sim

import (
	"fmt"
	"strings"

	"lockd/gate"
)

func wantText(w gate.Want) string {
	return fmt.Sprintf("%v (%v %v)", w.Name, w.Mode, w.Scope)
}

func kindText(k gate.TimerKind) string {
	return [...]string{gate.SessionTTL: "session", gate.RequestWait: "request", gate.LockDelay: "lock delay"}[k]
}

func (k *call) describe() string { return opText(k.cmd) }

func commandText(p *proposal) string {
	if p.delivery == nil {
		return opText(p.cmd)
	}
	return fmt.Sprintf("%s over %s: %s", p.delivery.call.lane.name(), p.delivery.node.name, opText(p.cmd))
}

// opText writes a command for people.
func opText(cmd *gate.Command) string {
	var b strings.Builder
	if !cmd.Session.IsZero() {
		fmt.Fprintf(&b, "[s%d", cmd.Session.Number)
		if cmd.Seq > 0 {
			fmt.Fprintf(&b, " seq %d acked %d done %v", cmd.Seq, cmd.Acked, cmd.Done)
		}
		b.WriteString("] ")
	}
	switch op := cmd.Op.(type) {
	case *gate.Acquire:
		fmt.Fprintf(&b, "acquire %s", op.Run)
		for _, w := range op.Wants {
			fmt.Fprintf(&b, " %s", wantText(w))
		}
		fmt.Fprintf(&b, " wait %v ttl %v limit %d resume %d", op.Wait, op.TTL, op.Limit, op.Resume)
	case *gate.Release:
		fmt.Fprintf(&b, "release %s %v", op.Run, op.Gives)
	case *gate.Downgrade:
		fmt.Fprintf(&b, "downgrade %s %v #%d to %v %v", op.Run, op.Name, op.Token, op.Mode, op.Scope)
	case *gate.Break:
		fmt.Fprintf(&b, "break %v #%d", op.Name, op.Token)
	case *gate.OpenSession:
		fmt.Fprintf(&b, "open session ttl %v lock delay %v", op.TTL, op.LockDelay)
	case *gate.CloseSession:
		b.WriteString("close session")
	case *gate.ReleaseRun:
		fmt.Fprintf(&b, "release run %s", op.Run)
	case *gate.StartTerm:
		fmt.Fprintf(&b, "start term %d of %s", op.Term, op.Leader)
	case *gate.Expire:
		fmt.Fprintf(&b, "expire in term %d: sessions %v requests %v delays %v", op.Term, op.Sessions, op.Requests, op.Delays)
	}
	return b.String()
}

// codeWords are the words of the API where it has them.
var codeWords = [...]string{
	gate.Acquired: "acquired", gate.Queued: "queued", gate.Occupied: "occupied", gate.Released: "released",
	gate.NotHeld: "not held", gate.Deadlock: "deadlock", gate.AlreadyWaiting: "already waiting",
	gate.LimitMismatch: "limit mismatch", gate.StaleRequest: "stale request", gate.SeqReused: "seq reused",
	gate.Overloaded: "overloaded", gate.SessionNotFound: "session not found", gate.NotWeaker: "not weaker",
	gate.Downgraded: "downgraded", gate.Broken: "broken", gate.SessionOpened: "session opened",
	gate.SessionClosed: "session closed", gate.RunReleased: "run released", gate.TermStarted: "term started",
	gate.Expired: "expired",
}

// resultText writes a result for people.
func resultText(x *gate.Result) string {
	var b strings.Builder
	b.WriteString(codeWords[x.Code])
	if !x.Session.IsZero() {
		fmt.Fprintf(&b, " s%d", x.Session.Number)
	}
	for _, g := range x.Grants {
		fmt.Fprintf(&b, " %s#%d", wantText(gate.Want{Name: g.Name, Mode: g.Mode, Scope: g.Scope}), g.Token)
	}
	for _, c := range x.Conflicts {
		fmt.Fprintf(&b, " %v:", c.Name)
		for _, h := range c.Holders {
			fmt.Fprintf(&b, " %q#%d", h.Run, h.Token)
		}
	}
	if x.Request != 0 {
		fmt.Fprintf(&b, " request %d at %d", x.Request, x.Position)
	}
	if len(x.Cycle) > 0 {
		fmt.Fprintf(&b, " %v", x.Cycle)
	}
	if x.Withdrawn {
		b.WriteString(" withdrawn")
	}
	if x.Count > 0 {
		fmt.Fprintf(&b, " %d", x.Count)
	}
	return b.String()
}
