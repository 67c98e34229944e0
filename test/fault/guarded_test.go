package fault

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"lockd/client"
	"lockd/test/history"
)

// A guarded client uses the Go SDK, over streams or over plain HTTP.
type guarded struct {
	name     string
	client   *client.Client
	recorder *history.Recorder
	worker   *worker // picks names
	runs     int
}

func newGuarded(name string, nodes []string, home int, plain bool, recorder *history.Recorder) (*guarded, error) {
	turned := append(append([]string(nil), nodes[home%len(nodes):]...), nodes[:home%len(nodes)]...)
	c, err := client.New(client.Config{
		Addrs: turned, Name: name, TTL: sessionTTL, PlainHTTP: plain, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, err
	}
	return &guarded{name: name, client: c, recorder: recorder, worker: newWorker(name, nodes, home, recorder)}, nil
}

// run works until ctx is done.
func (g *guarded) run(ctx context.Context) {
	defer func() {
		within, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = g.client.Close(within) // what it could not give back expires
	}()
	for ctx.Err() == nil {
		switch chance := rand.IntN(100); {
		case chance < 80:
			g.cycle(ctx)
		case chance < 92:
			g.borrow(ctx)
		default:
			g.breakOne()
		}
		rest(ctx, time.Duration(rand.Int64N(int64(maxThink))))
	}
}

// acquire begins the record of an acquire by a new run.
func (g *guarded) acquire() history.Op {
	wants := g.worker.pick()
	g.runs++
	return history.Op{
		Client: g.name, Kind: history.Acquire, Start: history.Now(), Wants: wants,
		Run: fmt.Sprintf("%s-%d", g.name, g.runs), Limit: limitOf(wants[0].Name),
	}
}

func (g *guarded) cycle(ctx context.Context) {
	op := g.acquire()
	op.Again = true
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	guard, err := g.lock(within, &op)
	op.End = history.Now()
	if err != nil {
		// Even a refusal: the call may have begun anew when it lost its session, in
		// which it was granted out of sight.
		g.unknown(op, op.Start)
		return
	}
	op.Outcome = history.OK
	tokens := guard.Tokens()
	for i := range op.Wants {
		op.Wants[i].Token = tokens[op.Wants[i].Name.Text()]
	}
	g.recorder.Add(op)
	g.holdAndRelease(ctx, guard, op)
}

// unknown records an acquire that may have been applied, or may yet be, and is
// given back in the background.
func (g *guarded) unknown(op history.Op, from int64) {
	op.Outcome, op.End = history.Unknown, history.Never
	g.recorder.Add(op)
	op.Kind, op.Start = history.Release, from
	g.recorder.Add(op)
}

func (g *guarded) holdAndRelease(ctx context.Context, guard *client.Guard, op history.Op) {
	sure := op.End
	rest(ctx, time.Duration(rand.Int64N(int64(maxHold))))
	// The clock is read first: while Err is nil the lock was held at that time.
	if now := history.Now(); guard.Err() == nil {
		sure = now
	}
	if rand.IntN(3) == 0 {
		g.weaken(ctx, guard, op)
	}
	release := history.Op{Client: g.name, Kind: history.Release, Start: history.Now(), Wants: op.Wants, Run: op.Run}
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := guard.Release(within)
	release.End, release.Outcome = history.Now(), history.OK
	if err != nil {
		release.Start, release.End, release.Outcome = sure, history.Never, history.Unknown
	}
	g.recorder.Add(release)
}

func (g *guarded) lock(ctx context.Context, op *history.Op) (*client.Guard, error) {
	options := []client.Option{client.WithRun(op.Run), client.Wait(waitTime)}
	if first := op.Wants[0].Name; first.IsKey() {
		if op.Limit > 0 {
			options = append(options, client.Limit(uint32(op.Limit)))
		}
		return g.client.AcquireKey(ctx, first.Text(), options...)
	}
	var refs []client.Ref
	for _, want := range op.Wants {
		mode, scope := strength(want)
		refs = append(refs, client.Ref{Ref: want.Name.Text(), Mode: mode, Scope: scope})
	}
	return g.client.LockAll(ctx, refs, options...)
}
