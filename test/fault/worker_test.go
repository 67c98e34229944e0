package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"lockd/api"
	"lockd/test/history"
)

// A worker is one client that speaks the HTTP API itself.
type worker struct {
	name     string
	nodes    []string
	home     int
	caller   *caller
	recorder *history.Recorder
	random   *rand.Rand
	// numbered workers give their commands a seq and send them again until they
	// are answered; the others give up a command that may have been applied.
	numbered bool

	session *session
	runs    int
	keepers sync.WaitGroup
}

// A session is one that the worker opened, and keeps alive until it is left.
type session struct {
	id  string
	seq uint64
	// delay is its lock delay.
	delay time.Duration
	left  context.CancelFunc
}

func newWorker(name string, nodes []string, home int, recorder *history.Recorder) *worker {
	return &worker{
		name: name, nodes: nodes, home: home % len(nodes), caller: newCaller(), recorder: recorder,
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), numbered: home%2 == 0,
	}
}

// run works until ctx is done; then it finishes what it holds.
func (w *worker) run(ctx context.Context) {
	defer w.caller.http.CloseIdleConnections()
	defer w.keepers.Wait()
	for ctx.Err() == nil {
		if w.session == nil && !w.open(ctx) {
			rest(ctx, w.upTo(10*maxThink))
			continue
		}
		switch chance := w.random.IntN(100); {
		case chance < 52:
			w.cycle(ctx)
		case chance < 62:
			w.borrow(ctx)
		case chance < 82:
			w.read(w.pick()[0].Name)
		case chance < 90:
			w.releaseOthers()
		case chance < 96:
			w.breakOne()
		default:
			w.close()
		}
		rest(ctx, w.upTo(maxThink))
	}
	if w.session != nil {
		w.close()
	}
}

func (w *worker) upTo(d time.Duration) time.Duration { return time.Duration(w.random.Int64N(int64(d))) }

// node is where the next attempt goes: home, unless that failed just now.
func (w *worker) node(failed bool) string {
	if failed {
		w.home = w.random.IntN(len(w.nodes))
	}
	return w.nodes[w.home]
}

// pick chooses what an acquire asks for.
func (w *worker) pick() []history.Want {
	switch chance := w.random.IntN(100); {
	case chance < 35:
		return []history.Want{{Name: history.Key(fmt.Sprintf("key-%d", w.random.IntN(plainKeys)))}}
	case chance < 50:
		return []history.Want{{Name: history.Key(fmt.Sprintf("slots-%d", w.random.IntN(slotKeys)))}}
	}
	root := fmt.Sprintf("family-%d", w.random.IntN(families))
	switch chance := w.random.IntN(100); {
	case chance < 15:
		return []history.Want{{Name: history.Ref(root), Tree: true, Shared: chance < 5}}
	case chance < 35:
		return []history.Want{{Name: history.Ref(root + "/a")}, {Name: history.Ref(root + "/b"), Shared: chance < 25}}
	case chance < 65:
		return []history.Want{{Name: history.Ref(root + "/a"), Shared: true}}
	}
	return []history.Want{{Name: history.Ref(root + "/b")}}
}

func limitOf(name history.Name) int {
	if name.IsKey() && len(name.Text()) > 5 && name.Text()[:5] == "slots" {
		return slots
	}
	return 0
}

// op begins the record of an operation.
func (w *worker) op(kind history.Kind, wants []history.Want) history.Op {
	op := history.Op{Client: w.name, Kind: kind, Start: history.Now(), Wants: wants}
	if w.session != nil {
		op.Session = w.session.id
	}
	return op
}

// finish records the operation with its outcome.
func (w *worker) finish(op history.Op, outcome history.Outcome) {
	op.Outcome, op.End = outcome, history.Now()
	if outcome == history.Unknown {
		op.End, op.Exact, op.Index = history.Never, false, 0
	}
	w.recorder.Add(op)
}

// once makes a single attempt and records it, unless it did nothing.
func (w *worker) once(op history.Op, method, path string, body any) (answer, history.Outcome) {
	a := w.caller.send(context.Background(), answerTime, method, w.node(false), path, body)
	outcome := a.outcome()
	if a.err != nil || outcome == history.None {
		w.node(true)
	}
	op.Node, op.Index, op.Exact = a.node, a.index, true
	if op.Kind == history.Read && outcome == history.OK {
		op.Holders = shownIn(a, op.Wants[0].Name)
	}
	if op.Kind == history.Open && outcome == history.OK {
		op.Session = decode[api.SessionOpened](a).ID
	}
	w.finish(op, outcome)
	return a, outcome
}

// open opens a session and begins to keep it alive.
func (w *worker) open(ctx context.Context) bool {
	op := w.op(history.Open, nil)
	op.TTL = sessionTTL
	delay := time.Duration(0)
	if w.random.IntN(2) == 0 {
		delay = lockDelay
	}
	a, outcome := w.once(op, http.MethodPost, "/v1/sessions",
		api.SessionOpen{TTL: api.Duration(sessionTTL), LockDelay: api.Duration(delay)})
	if outcome != history.OK {
		return false
	}
	alive, left := context.WithCancel(ctx)
	w.session = &session{id: decode[api.SessionOpened](a).ID, delay: delay, left: left}
	id := w.session.id
	keeper := newWorker(w.name+"k", w.nodes, w.home, w.recorder)
	w.keepers.Go(func() {
		defer keeper.caller.http.CloseIdleConnections()
		defer left()
		for alive.Err() == nil {
			op := keeper.op(history.Keepalive, nil)
			op.Session = id
			if _, outcome := keeper.once(op, http.MethodPost, "/v1/sessions/"+id+"/keepalive", nil); outcome == history.Gone {
				return
			}
			rest(alive, keepEvery)
		}
	})
	return true
}

// abandon leaves the session to expire.
func (w *worker) abandon() {
	w.session.left()
	w.session = nil
}

// close ends the session at the server.
func (w *worker) close() {
	op := w.op(history.Close, nil)
	w.abandon()
	w.once(op, http.MethodDelete, "/v1/sessions/"+op.Session, nil)
}

// read returns who holds the name, if that was answered.
func (w *worker) read(name history.Name) []history.Holder {
	op := w.op(history.Read, []history.Want{{Name: name}})
	op.Session = ""
	a, outcome := w.once(op, http.MethodGet, readPath(name), nil)
	if outcome != history.OK {
		return nil
	}
	return shownIn(a, name)
}

// releaseOthers tries to give back what is not the worker's.
func (w *worker) releaseOthers() {
	op := w.op(history.Release, []history.Want{{Name: history.Key(fmt.Sprintf("key-%d", w.random.IntN(plainKeys)))}})
	op.Run, op.Session = w.name+"-nobody", ""
	w.once(op, http.MethodPost, "/v1/keys/release", api.KeyRelease{Key: op.Wants[0].Name.Text(), RunID: op.Run})
}

// cycle takes locks, holds them for a moment and gives them back. When an outcome
// stays unknown the session is closed or left to expire.
func (w *worker) cycle(ctx context.Context) {
	wants := w.pick()
	wait := time.Duration(0)
	if w.random.IntN(2) == 0 {
		wait = waitTime
	}
	w.runs++
	op := w.op(history.Acquire, wants)
	op.Run, op.Limit, op.Delay = fmt.Sprintf("%s-%d", w.name, w.runs), limitOf(wants[0].Name), w.session.delay
	outcome := w.command(&op, wait > 0, func(once api.Once) (string, any) { return acquireBody(&op, wait, once) })
	w.finish(op, outcome)
	if outcome == history.OK {
		rest(ctx, w.upTo(maxHold))
		if w.random.IntN(3) == 0 {
			outcome = w.weaken(ctx, op)
		}
	}
	if outcome == history.OK || outcome == history.NotHeld {
		run := op.Run
		op = w.op(history.Release, op.Wants)
		op.Run = run
		outcome = w.command(&op, false, func(once api.Once) (string, any) { return releaseBody(&op, once) })
		w.finish(op, outcome)
		if outcome == history.None {
			outcome = history.Unknown // it is still held
		}
	}
	if outcome == history.NotHeld && len(op.Wants) > 1 {
		w.close() // one was broken, and none of the others given back
		return
	}
	w.doubt(outcome)
}

// doubt ends the session if the outcome of its last command is not known.
func (w *worker) doubt(outcome history.Outcome) {
	switch {
	case outcome == history.Gone, outcome == history.Unknown && w.random.IntN(2) == 0:
		w.abandon()
	case outcome == history.Unknown:
		w.close()
	}
}

// command sends one command, numbered ones until they are answered, and completes
// the record with the answer.
func (w *worker) command(op *history.Op, waits bool, body func(api.Once) (path string, body any)) history.Outcome {
	var once api.Once
	if w.numbered || waits {
		w.session.seq++
		once = api.Once{Seq: w.session.seq, Acked: w.session.seq - 1}
	}
	path, sent := body(once)
	deadline := time.Now().Add(patience)
	mayBeIn, failed := false, false
	for {
		a := w.caller.send(context.Background(), pollTime+answerTime, http.MethodPost, w.node(failed), path, sent)
		outcome := a.outcome()
		queued := a.err == nil && a.status == http.StatusAccepted
		switch {
		case queued:
			mayBeIn = true
			op.Queued = append(op.Queued, history.Sighting{At: history.Now()})
		case outcome == history.Unknown:
			mayBeIn = true
		case outcome == history.Gone && mayBeIn:
			// An earlier attempt may have been applied before the session ended.
			w.recorder.Add(history.Op{
				Client: w.name, Node: a.node, Kind: history.Keepalive, Outcome: history.Gone,
				Session: op.Session, Start: op.Start, End: history.Now(), Note: "told to " + op.Run,
			})
			return history.Unknown
		case outcome != history.None:
			// A node itself may send a numbered command twice.
			op.Node, op.Index, op.Exact = a.node, a.index, once.Seq == 0
			complete(op, a, outcome)
			return outcome
		}
		failed = !queued
		tired := failed && mayBeIn && w.random.IntN(8) == 0
		if !queued && (once.Seq == 0 || tired || time.Now().After(deadline)) {
			if mayBeIn {
				return history.Unknown
			}
			return history.None
		}
		if failed {
			rest(context.Background(), w.upTo(2*maxThink))
		}
	}
}
