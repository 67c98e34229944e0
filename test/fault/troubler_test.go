package fault

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"lockd/api"
	"lockd/test/history"
)

// weaker is a want that covers less, if there is one.
func weaker(want history.Want, first bool) (history.Want, bool) {
	switch {
	case want.Name.IsKey() || want.Shared:
		return want, false
	case want.Tree && first:
		want.Tree = false
	default:
		want.Shared = true
	}
	return want, true
}

// weaken downgrades something of what was acquired, holds it for a moment more,
// and returns what became of the downgrade; OK if there was nothing to weaken.
func (w *worker) weaken(ctx context.Context, acquired history.Op) history.Outcome {
	for _, want := range acquired.Wants {
		kept, less := weaker(want, w.random.IntN(2) == 0)
		if !less {
			continue
		}
		op := w.op(history.Downgrade, []history.Want{kept})
		op.Run = acquired.Run
		outcome := w.command(&op, false, func(once api.Once) (string, any) { return downgradeBody(&op, once) })
		w.finish(op, outcome)
		rest(ctx, w.upTo(maxHold))
		if outcome == history.None {
			return history.OK // all is as before
		}
		return outcome
	}
	return history.OK
}

// breakOne looks at some names until one is held, and breaks that hold.
func (w *worker) breakOne() {
	for range breakLooks {
		name := w.pick()[0].Name
		h, found := target(w.read(name))
		if !found {
			continue
		}
		op := w.op(history.Break, []history.Want{{Name: name, Token: h.Token}})
		op.Run = h.Run
		outcome := w.command(&op, false, func(once api.Once) (string, any) { return breakBody(&op, once) })
		w.finish(op, outcome)
		if w.numbered {
			w.doubt(outcome)
		}
		return
	}
}

// target is the first hold of a run.
func target(shown []history.Holder) (history.Holder, bool) {
	i := slices.IndexFunc(shown, func(h history.Holder) bool { return h.Run != "" })
	if i < 0 {
		return history.Holder{}, false
	}
	return shown[i], true
}

// lent is the name of the session that is private to a run's acquire.
func lent(run string) string { return "private to " + run }

// borrowed is the record of a private session's opening.
func borrowed(acquire history.Op) history.Op {
	return history.Op{
		Client: acquire.Client, Kind: history.Open, Outcome: history.OK, Start: acquire.Start, End: acquire.End,
		Session: acquire.Session, Run: acquire.Run, TTL: acquire.TTL,
	}
}

// borrow acquires with a TTL instead of a session. What it gets it gives back, or
// leaves to expire, or keeps alive beyond the TTL.
func (w *worker) borrow(ctx context.Context) {
	w.runs++
	op := w.op(history.Acquire, w.pick())
	op.Run, op.TTL, op.Limit = fmt.Sprintf("%s-%d", w.name, w.runs), privateTTL, limitOf(op.Wants[0].Name)
	op.Session = lent(op.Run)
	wait := time.Duration(0)
	if w.random.IntN(2) == 0 {
		wait = waitTime
	}
	path, body := acquireBody(&op, wait, api.Once{})
	a := w.caller.send(context.Background(), wait+answerTime, http.MethodPost, w.node(false), path, body)
	outcome := a.outcome()
	if a.err != nil || outcome == history.None {
		w.node(true)
	}
	if a.err == nil && a.status == http.StatusAccepted {
		outcome = history.Unknown // the node shuts down, and it is queued
	}
	op.Node, op.Index, op.Exact = a.node, a.index, wait == 0
	complete(&op, a, outcome)
	w.finish(op, outcome)
	if outcome != history.None && outcome != history.Occupied {
		w.recorder.Add(borrowed(op))
	}
	if outcome != history.OK {
		return
	}
	id := decode[struct {
		Session string `json:"session"`
	}](a).Session
	switch w.random.IntN(10) {
	case 0:
		return
	case 1:
		rest(ctx, privateTTL*2/3)
		keep := w.op(history.Keepalive, nil)
		keep.Session = op.Session
		w.once(keep, http.MethodPost, "/v1/sessions/"+id+"/keepalive", nil)
		rest(ctx, privateTTL*2/3)
	default:
		rest(ctx, w.upTo(maxHold))
	}
	give := w.op(history.Release, op.Wants)
	give.Run, give.Session = op.Run, ""
	path, body = releaseBody(&give, api.Once{})
	w.once(give, http.MethodPost, path, body)
}
