package fault

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"lockd/api"
	"lockd/client"
	"lockd/test/history"
)

// weaken downgrades what a guard holds, if it is one name, and holds it for a
// moment more.
func (g *guarded) weaken(ctx context.Context, guard *client.Guard, acquired history.Op) {
	kept, less := weaker(acquired.Wants[0], rand.IntN(2) == 0)
	if !less || len(acquired.Wants) > 1 {
		return
	}
	op := history.Op{
		Client: g.name, Kind: history.Downgrade, Start: history.Now(), Wants: []history.Want{kept}, Run: acquired.Run,
	}
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	mode, scope := strength(kept)
	g.record(op, guard.Downgrade(within, mode, scope))
	rest(ctx, time.Duration(rand.Int64N(int64(maxHold))))
}

// record completes the record of a single call with what it came to.
func (g *guarded) record(op history.Op, err error) {
	op.End, op.Outcome = history.Now(), history.OK
	switch {
	case err == nil:
	case errors.Is(err, client.ErrNotHeld):
		op.Outcome = history.NotHeld
	default:
		op.Outcome, op.End = history.Unknown, history.Never
	}
	g.recorder.Add(op)
}

// breakOne looks at some names until one is held, and breaks that hold.
func (g *guarded) breakOne() {
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for range breakLooks {
		name := g.worker.pick()[0].Name
		h, found := target(g.look(within, name))
		if !found {
			continue
		}
		op := history.Op{
			Client: g.name, Kind: history.Break, Start: history.Now(), Wants: []history.Want{{Name: name, Token: h.Token}}, Run: h.Run,
		}
		var err error
		switch _, body := breakBody(&op, api.Once{}); body := body.(type) {
		case api.KeyBreak:
			_, err = g.client.KeyBreak(within, body)
		case api.LockBreak:
			_, err = g.client.LockBreak(within, body)
		}
		g.record(op, err)
		return
	}
}

// look returns who holds the name, if that was answered.
func (g *guarded) look(ctx context.Context, name history.Name) []history.Holder {
	look := history.Op{Client: g.name, Kind: history.Read, Outcome: history.OK, Start: history.Now(), Wants: []history.Want{{Name: name}}}
	held, err := g.holders(ctx, name)
	if err != nil {
		return nil
	}
	look.End, look.Holders = history.Now(), holders(name, held)
	g.recorder.Add(look)
	return look.Holders
}

func (g *guarded) holders(ctx context.Context, name history.Name) ([]api.Hold, error) {
	if name.IsKey() {
		state, err := g.client.KeyGet(ctx, name.Text())
		if err != nil {
			return nil, err
		}
		return state.Holders, nil
	}
	state, err := g.client.LockGet(ctx, name.Text())
	if err != nil {
		return nil, err
	}
	return state.Holders, nil
}

// borrow acquires with a TTL instead of a session, and gives back what it gets,
// or leaves it to expire.
func (g *guarded) borrow(ctx context.Context) {
	op := g.acquire()
	op.TTL, op.Session = sessionTTL, lent(op.Run)
	op.Again = true // what was granted may be broken before the client hears of it
	wait := time.Duration(rand.IntN(2)) * sessionTTL / 3
	// What is sent again while it is queued must come within the TTL, else it could
	// be granted anew.
	within, cancel := context.WithTimeout(context.Background(), sessionTTL*5/6)
	defer cancel()
	err := g.single(within, &op, wait)
	op.Outcome, op.End = history.OK, history.Now()
	if err != nil {
		// Even a refusal: what was sent before it may be applied yet.
		op.Outcome, op.End = history.Unknown, history.Never
	}
	g.recorder.Add(op)
	g.recorder.Add(borrowed(op))
	if err != nil || rand.IntN(8) == 0 {
		return
	}
	rest(ctx, time.Duration(rand.Int64N(int64(maxHold))))
	give := history.Op{Client: g.name, Kind: history.Release, Start: history.Now(), Wants: op.Wants, Run: op.Run}
	within, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch _, body := releaseBody(&give, api.Once{}); body := body.(type) {
	case api.KeyRelease:
		_, err = g.client.KeyRelease(within, body)
	case api.LockRelease:
		_, err = g.client.LockRelease(within, body)
	}
	g.record(give, err)
}

// single is one acquire that knows nothing of the client's own session; the
// tokens go into its record.
func (g *guarded) single(ctx context.Context, op *history.Op, wait time.Duration) error {
	switch _, body := acquireBody(op, wait, api.Once{}); body := body.(type) {
	case api.KeyAcquire:
		got, err := g.client.KeyAcquire(ctx, body)
		if err != nil {
			return err
		}
		op.Wants[0].Token = got.Token
	case api.LockAcquire:
		got, err := g.client.LockAcquire(ctx, body)
		if err != nil {
			return err
		}
		settle(op, got.Locks)
	}
	return nil
}
