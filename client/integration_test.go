package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockd/api"
	"lockd/client"
)

const soon = 20 * time.Second

// connect returns a client of its own, of the process's cluster unless told.
func connect(t *testing.T, addrs ...string) *client.Client {
	t.Helper()
	cfg := client.ConfigFromEnv()
	if len(addrs) > 0 {
		cfg.Addrs = addrs
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func release(t *testing.T, g *client.Guard) {
	t.Helper()
	if err := g.Release(context.Background()); err != nil {
		t.Error(err)
	}
}

// ended waits for the end of a guard and returns the cause.
func ended(t *testing.T, g *client.Guard) error {
	t.Helper()
	select {
	case <-g.Context().Done():
		return context.Cause(g.Context())
	case <-time.After(soon):
		t.Fatal("the guard lives on")
		return nil
	}
}

func TestGoroutinesAndClientsExcludeEachOther(t *testing.T) {
	ctx := within(t)
	var inside atomic.Int32
	var highest uint64 // guarded by the lock
	var all sync.WaitGroup
	for _, c := range []*client.Client{connect(t), connect(t)} {
		for range 4 {
			all.Go(func() {
				for range 25 {
					g, err := c.Lock(ctx, "exclusion/counter")
					if err != nil {
						t.Error(err)
						return
					}
					if n := inside.Add(1); n != 1 {
						t.Errorf("%d inside", n)
					}
					if g.Token() <= highest {
						t.Errorf("token %d after %d", g.Token(), highest)
					}
					highest = g.Token()
					inside.Add(-1)
					release(t, g)
				}
			})
		}
	}
	all.Wait()
}

func TestASemaphoreAdmitsItsLimit(t *testing.T) {
	ctx, c := within(t), connect(t)
	const limit = 3
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 5 {
				g, err := c.AcquireKey(ctx, "semaphore", client.Limit(limit))
				if err != nil {
					t.Error(err)
					return
				}
				n := inside.Add(1)
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				inside.Add(-1)
				release(t, g)
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > limit {
		t.Errorf("%d inside", n)
	}
	defer release(t, must[*client.Guard](t)(c.AcquireKey(ctx, "semaphore", client.Limit(limit))))
	if _, err := c.AcquireKey(ctx, "semaphore", client.Limit(2)); !errors.Is(err, client.ErrLimitMismatch) {
		t.Errorf("error %v, want ErrLimitMismatch", err)
	}
}

func TestABrokenLockEndsItsGuardAndTellsTheNextOwner(t *testing.T) {
	ctx, c := within(t), connect(t)
	g := must[*client.Guard](t)(c.Lock(ctx, "broken", client.TTL(time.Second), client.Reason("a test")))
	must[*api.BrokenAnswer](t)(c.LockBreak(ctx, api.LockBreak{Ref: "broken", Token: g.Token(), Reason: "stuck"}))
	if err := ended(t, g); !errors.Is(err, client.ErrTaken) {
		t.Errorf("cause %v", err)
	}
	if err := g.Release(ctx); !errors.Is(err, client.ErrLost) {
		t.Errorf("release says %v", err)
	}
	next := must[*client.Guard](t)(c.Lock(ctx, "broken"))
	if p := next.Previous(); p == nil || p.RunID != g.Run() || p.End != api.WasBroken {
		t.Errorf("previous %+v", p)
	}
	release(t, next)
}

func TestALockMovedByItsRunElsewhereIsLostHere(t *testing.T) {
	ctx, here, there := within(t), connect(t), connect(t)
	old := must[*client.Guard](t)(here.Lock(ctx, "moved", client.WithRun("job-7"), client.TTL(time.Second)))
	restarted := must[*client.Guard](t)(there.Lock(ctx, "moved", client.WithRun("job-7")))
	if restarted.Token() <= old.Token() {
		t.Errorf("token %d after %d", restarted.Token(), old.Token())
	}
	if err := ended(t, old); !errors.Is(err, client.ErrTaken) {
		t.Errorf("cause %v", err)
	}
	_ = old.Release(ctx)
	if err := restarted.Err(); err != nil {
		t.Errorf("the release of the old guard ended the new one: %v", err)
	}
	release(t, restarted)
}

func TestASessionClosedElsewhereEndsItsGuards(t *testing.T) {
	ctx, c := within(t), connect(t)
	g := must[*client.Guard](t)(c.Lock(ctx, "closed", client.TTL(time.Second)))
	state := must[*api.LockState](t)(c.LockGet(ctx, "closed"))
	if n := must[*api.ReleasedCount](t)(c.SessionClose(ctx, state.Holders[0].Session)); n.Released != 1 {
		t.Errorf("%d released", n.Released)
	}
	if err := ended(t, g); !errors.Is(err, client.ErrSessionEnded) {
		t.Errorf("cause %v", err)
	}
	_ = g.Release(ctx)
	release(t, must[*client.Guard](t)(c.Lock(ctx, "closed", client.TTL(time.Second))))
}

func TestAGivenUpWaitLeavesTheQueue(t *testing.T) {
	ctx, c := within(t), connect(t)
	g := must[*client.Guard](t)(c.Lock(ctx, "queue"))
	brief, cancel := context.WithCancel(ctx)
	gaveUp := make(chan error)
	go func() {
		_, err := c.Lock(brief, "queue")
		gaveUp <- err
	}()
	waiters := func() int { return len(must[*api.LockState](t)(c.LockGet(ctx, "queue")).Waiters) }
	for waiters() == 0 {
	}
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for waiters() > 0 {
	}
	release(t, g)
}

func TestADowngradeLetsReadersIn(t *testing.T) {
	ctx, c := within(t), connect(t)
	g := must[*client.Guard](t)(c.Lock(ctx, "downgrade", client.Tree()))
	if _, err := c.TryLock(ctx, "downgrade/below", client.Shared()); !errors.Is(err, client.ErrOccupied) {
		t.Errorf("error %v", err)
	}
	if err := g.Downgrade(ctx, api.Shared, ""); err != nil {
		t.Fatal(err)
	}
	reader := must[*client.Guard](t)(c.RLock(ctx, "downgrade/below"))
	if err := g.Downgrade(ctx, api.Exclusive, ""); !errors.Is(err, client.ErrInvalidRequest) {
		t.Errorf("error %v", err)
	}
	release(t, reader)
	release(t, g)
}

func TestADeadlockIsRefused(t *testing.T) {
	ctx, c := within(t), connect(t)
	a := must[*client.Guard](t)(c.Lock(ctx, "dead/a", client.WithRun("one")))
	b := must[*client.Guard](t)(c.Lock(ctx, "dead/b", client.WithRun("two")))
	waiting, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = c.Lock(waiting, "dead/b", client.WithRun("one"))
	}()
	for len(must[*api.LockState](t)(c.LockGet(ctx, "dead/b")).Waiters) == 0 {
	}
	if _, err := c.Lock(ctx, "dead/a", client.WithRun("two")); !errors.Is(err, client.ErrDeadlock) {
		t.Errorf("error %v", err)
	}
	cancel()
	<-done
	release(t, a)
	release(t, b)
}

func TestEventsShowALockComeAndGo(t *testing.T) {
	ctx, c := within(t), connect(t)
	started := make(chan struct{})
	seen := make(chan string)
	go func() {
		defer close(seen)
		first := must[*client.Guard](t)(c.Lock(ctx, "events/first"))
		defer release(t, first)
		close(started)
		for e, err := range c.Events(ctx, client.EventFilter{Prefix: "events/", Kinds: []api.EventKind{api.EventAcquired, api.EventReleased}}) {
			if err != nil {
				t.Error(err)
				return
			}
			seen <- fmt.Sprint(e.Kind, " ", e.Ref)
			if e.Kind == api.EventReleased {
				return
			}
		}
	}()
	<-started
	// A stream shows what comes after it began, so the lock comes until it is seen.
	var got []string
	for got == nil {
		g := must[*client.Guard](t)(c.Lock(ctx, "events/x"))
		select {
		case kind := <-seen:
			got = append(got, kind)
		case <-time.After(50 * time.Millisecond):
		}
		release(t, g)
	}
	for kind := range seen {
		got = append(got, kind)
	}
	if last := got[len(got)-1]; last != "released events/x" {
		t.Errorf("events %q", got)
	}
}

func TestAHoldWithoutASessionNamesTheProgram(t *testing.T) {
	ctx, c := within(t), connect(t)
	must[*api.KeyAcquired](t)(c.KeyAcquire(ctx, api.KeyAcquire{Key: "named", RunID: "named/run"}))
	held := must[*api.KeyState](t)(c.KeyGet(ctx, "named"))
	if want := client.DefaultConfig().Name; held.Holders[0].Client.Name != want {
		t.Errorf("held by %+v, want %s", held.Holders[0].Client, want)
	}
}

func TestPlainCallsSpeakTheWholeAPI(t *testing.T) {
	ctx, c := within(t), connect(t)
	s := must[*api.SessionOpened](t)(c.SessionOpen(ctx, api.SessionOpen{TTL: api.Duration(time.Minute)}))
	k := must[*api.KeyAcquired](t)(c.KeyAcquire(ctx, api.KeyAcquire{Key: "plain//..", RunID: "plain/run", Session: s.ID, Once: api.Once{Seq: 1}}))
	again := must[*api.KeyAcquired](t)(c.KeyAcquire(ctx, api.KeyAcquire{Key: "plain//..", RunID: "plain/run", Session: s.ID, Once: api.Once{Seq: 1}}))
	if k.Token != again.Token || again.Reentrant {
		t.Errorf("a repeat was answered %+v after %+v", again, k)
	}
	var age time.Duration
	if held := must[*api.KeyState](t)(c.KeyGet(ctx, "plain//..", client.Stale(&age))); !held.Occupied && age == 0 {
		t.Errorf("key %+v", held)
	}
	if l := must[*api.KeyList](t)(c.KeyList(ctx, client.Page{Prefix: "plain", Limit: 1})); len(l.Keys) != 1 {
		t.Errorf("keys %+v", l)
	}
	l := must[*api.LockAcquired](t)(c.LockAcquire(ctx, api.LockAcquire{Ref: "plain/a", RunID: "plain/run", Session: s.ID}))
	must[*api.LockAcquired](t)(c.LockDowngrade(ctx, api.LockDowngrade{Ref: "plain/a", RunID: "plain/run", Mode: api.Shared}))
	if x := must[*api.Checked](t)(c.Check(ctx, api.Check{Ref: "plain/a", Token: l.Locks[0].Token})); !x.Valid {
		t.Errorf("check %+v", x)
	}
	if x := must[*api.LockList](t)(c.LockList(ctx, client.Page{Prefix: "plain/"})); len(x.Locks) != 1 {
		t.Errorf("locks %+v", x)
	}
	if r := must[*api.RunState](t)(c.RunGet(ctx, "plain/run")); len(r.Holds) != 2 {
		t.Errorf("run %+v", r)
	}
	if x := must[*api.SessionKept](t)(c.SessionKeepalive(ctx, s.ID)); x.ID != s.ID || x.Lost != 0 {
		t.Errorf("keepalive %+v", x)
	}
	if x := must[*api.KeptAlive](t)(c.SessionKeepalives(ctx, []string{s.ID, "s0-none"})); len(x.Alive) != 1 || len(x.Gone) != 1 {
		t.Errorf("keepalives %+v", x)
	}
	if x := must[*api.SessionState](t)(c.SessionGet(ctx, s.ID)); x.Holds != 2 {
		t.Errorf("session %+v", x)
	}
	must[*api.SessionList](t)(c.SessionList(ctx, client.Page{Limit: 10}))
	must[*api.LockReleased](t)(c.LockRelease(ctx, api.LockRelease{Ref: "plain/a", RunID: "plain/run"}))
	must[*api.BrokenAnswer](t)(c.KeyBreak(ctx, api.KeyBreak{
		Key: "plain//..", Token: k.Token, Reason: "a test", Client: &api.Client{Name: "operator"},
	}))
	if x := must[*api.History](t)(c.History(ctx, api.Name{Key: "plain//.."})); len(x.Endings) == 0 || x.Key != "plain//.." ||
		x.Endings[0].Token != k.Token || x.Endings[0].By == nil || x.Endings[0].By.Client.Name != "operator" {
		t.Errorf("history of the key %+v", x)
	}
	if x := must[*api.History](t)(c.History(ctx, api.Name{Ref: "plain/a"}, client.Stale(&age))); len(x.Endings) == 0 || x.Ref != "plain/a" ||
		x.Endings[0].Token < l.Locks[0].Token {
		t.Errorf("history of the reference %+v", x)
	}
	if _, err := c.KeyRelease(ctx, api.KeyRelease{Key: "plain//..", RunID: "plain/run"}); !errors.Is(err, client.ErrNotHeld) {
		t.Errorf("error %v", err)
	}
	if x := must[*api.ReleasedCount](t)(c.RunRelease(ctx, "plain/run")); x.Released != 0 {
		t.Errorf("released %+v", x)
	}
	if x := must[*api.Status](t)(c.Status(ctx)); x.Node != "n1" || len(x.Members) != 1 {
		t.Errorf("status %+v", x)
	}
	if x := must[*api.Leader](t)(c.Leader(ctx)); x.ID != "n1" {
		t.Errorf("leader %+v", x)
	}
	must[*api.ReleasedCount](t)(c.SessionClose(ctx, s.ID))
}
