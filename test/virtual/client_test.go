package virtual

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"lockd/api"
)

// worker is one client. Its requests go to a random node, and the next attempt
// of the same request to another.
type worker struct {
	world *world
	name  string
	rng   *rand.Rand
	lease *lease
	seq   uint64
	// asleep, once closed, ends the session's keepalives.
	asleep chan struct{}
}

func newWorker(w *world, n int) *worker {
	return &worker{world: w, name: fmt.Sprintf("c%d", n), rng: rand.New(rand.NewPCG(w.seed, uint64(100+n)))}
}

func (c *worker) node() string { return c.world.members[c.rng.IntN(len(c.world.members))].Name }

// insist repeats a request until it is decided, or for patience. unknown says
// that an earlier attempt may have been applied; from is the floor at the first.
func (c *worker) insist(method, path string, body any, limit time.Duration) (a *answer, unknown bool, from position) {
	from = c.world.book.begin()
	for began := time.Now(); ; {
		a = c.world.send(c.node(), method, path, body, limit)
		if !a.undecided() {
			if a.code != api.CodeSessionNotFound && a.code != api.CodeInvalidRequest {
				c.world.book.answered(a.from, a.index, method+" "+path)
			}
			return a, unknown, from
		}
		unknown = unknown || a.mayBeApplied()
		if time.Since(began) > patience {
			return a, unknown, from
		}
		if a.status != http.StatusAccepted {
			time.Sleep(time.Duration(20+c.rng.IntN(200)) * time.Millisecond)
		}
	}
}

// work lives one session after the other until the run ends.
func (c *worker) work() {
	for !c.world.isOver() {
		if !c.open() {
			continue
		}
		for range 3 + c.rng.IntN(12) {
			if !c.world.sleep(time.Duration(c.rng.IntN(2*thinkMS))*time.Millisecond) || !c.cycle() {
				break
			}
		}
		c.leave()
	}
}

func (c *worker) open() bool {
	ttl := sessionTTLs[c.rng.IntN(len(sessionTTLs))]
	a := c.world.send(c.node(), http.MethodPost, "/v1/sessions", api.SessionOpen{TTL: api.Duration(ttl)}, requestLimit)
	if !a.ok() {
		c.world.sleep(100 * time.Millisecond)
		return false
	}
	c.world.book.answered(a.from, a.index, "open")
	var s api.SessionOpened
	a.into(c.world, &s)
	c.lease, c.seq = c.world.book.opened(s.ID, ttl, a.sent), 0
	c.asleep = make(chan struct{})
	lease, asleep := c.lease, c.asleep
	rng := rand.New(rand.NewPCG(c.rng.Uint64(), 1))
	c.world.work.Go(func() { c.world.keepAlive(lease, asleep, rng) })
	return true
}

// keepAlive renews the session until it is asleep or gone.
func (w *world) keepAlive(l *lease, asleep <-chan struct{}, rng *rand.Rand) {
	for {
		select {
		case <-asleep:
			return
		case <-time.After(l.ttl / 4):
		}
		node := w.members[rng.IntN(len(w.members))].Name
		a := w.send(node, http.MethodPost, "/v1/sessions/"+l.id+"/keepalive", nil, max(l.ttl/4, 400*time.Millisecond))
		w.book.kept(l, a.sent, a.ok())
		if a.code == api.CodeSessionNotFound {
			w.book.gone(l, "a keepalive through "+node)
			return
		}
	}
}

// leave ends the session: most are closed, others fall asleep and must expire.
func (c *worker) leave() {
	close(c.asleep)
	w, l := c.world, c.lease
	if c.rng.IntN(3) == 0 && !w.isOver() {
		w.watch.expects(l)
		w.sleep(l.ttl + 2*time.Second)
		return
	}
	w.book.closing(l)
	c.insist(http.MethodDelete, "/v1/sessions/"+l.id, nil, requestLimit)
	w.book.gone(l, "its owner")
}

// once gives a command a place in the session's order, mostly.
func (c *worker) once() api.Once {
	if c.rng.IntN(3) == 0 {
		return api.Once{}
	}
	c.seq++
	return api.Once{Seq: c.seq, Acked: c.seq - 1}
}

// cycle takes something, holds it, and gives it back; false once the session has
// ended.
func (c *worker) cycle() bool {
	var wait time.Duration
	if c.rng.IntN(3) > 0 {
		wait = time.Duration(1+c.rng.IntN(waitMS)) * time.Millisecond
	}
	if c.rng.IntN(2) == 0 {
		return c.key(wait)
	}
	return c.refs(wait)
}

func (c *worker) poll() *api.Duration {
	poll := api.Duration(time.Duration(1+c.rng.IntN(pollMS)) * time.Millisecond)
	return &poll
}

func (c *worker) key(wait time.Duration) bool {
	n := keys[c.rng.IntN(len(keys))]
	r := api.KeyAcquire{
		Key: n.text, RunID: c.world.run(c.name), Session: c.lease.id, Limit: uint32(n.limit),
		Wait: api.Duration(wait), Poll: c.poll(), Once: c.once(),
	}
	a, again, from := c.acquire("/v1/keys/acquire", r.RunID, wait, r)
	if !a.ok() || a.undecided() {
		return c.survives(a)
	}
	var g api.KeyAcquired
	a.into(c.world, &g)
	h := &hold{name: n, run: r.RunID, token: g.Token, lease: c.lease}
	c.granted(from, a, again || wait > 0 || r.Seq > 0, h)
	if !c.enjoy() {
		return false
	}
	return c.release("/v1/keys/release", api.KeyRelease{Key: n.text, RunID: h.run, Token: h.token, Session: c.lease.id, Once: c.once()}, h)
}

func (c *worker) refs(wait time.Duration) bool {
	r := api.LockAcquire{
		RunID: c.world.run(c.name), Session: c.lease.id, Wait: api.Duration(wait), Poll: c.poll(), Once: c.once(),
	}
	var holds []*hold
	for range 1 + c.rng.IntN(3) {
		h := &hold{name: name{text: refs[c.rng.IntN(len(refs))]}, run: r.RunID, lease: c.lease, shared: c.rng.IntN(2) == 0, tree: c.rng.IntN(4) == 0}
		want := api.LockWant{Ref: h.name.text, Mode: api.Exclusive, Scope: api.Node}
		if h.shared {
			want.Mode = api.Shared
		}
		if h.tree {
			want.Scope = api.Tree
		}
		r.Refs = append(r.Refs, want)
		holds = append(holds, h)
	}
	a, again, from := c.acquire("/v1/locks/acquire", r.RunID, wait, r)
	if !a.ok() || a.undecided() {
		return c.survives(a)
	}
	var g api.LockAcquired
	a.into(c.world, &g)
	holds = holds[:0]
	give := api.LockRelease{RunID: r.RunID, Session: c.lease.id}
	for _, l := range g.Locks {
		holds = append(holds, &hold{
			name: name{text: l.Ref}, run: r.RunID, token: l.Token, lease: c.lease,
			shared: l.Mode == api.Shared, tree: l.Scope == api.Tree,
		})
		give.Refs = append(give.Refs, api.LockGive{Ref: l.Ref, Token: l.Token})
	}
	c.granted(from, a, again || wait > 0 || r.Seq > 0, holds...)
	if !c.enjoy() {
		return false
	}
	give.Once = c.once()
	return c.release("/v1/locks/release", give, holds...)
}

// acquire asks until it is decided; the watch knows that somebody waits.
func (c *worker) acquire(path, run string, wait time.Duration, body any) (*answer, bool, position) {
	if wait > 0 {
		defer c.world.watch.waits(run)()
	}
	return c.insist(http.MethodPost, path, body, pollMS*time.Millisecond+requestLimit)
}

func (c *worker) granted(from position, a *answer, again bool, holds ...*hold) {
	index := a.index
	if again {
		index = 0
	}
	c.world.book.granted(from, index, holds...)
}

// enjoy holds what was granted for a while; false if its owner forgets about it.
func (c *worker) enjoy() bool {
	c.world.sleep(time.Duration(c.rng.IntN(holdMS)) * time.Millisecond)
	return c.rng.IntN(12) > 0
}

// survives checks a refusal: false if the session has ended.
func (c *worker) survives(a *answer) bool {
	switch a.code {
	case api.CodeSessionNotFound:
		c.world.book.gone(c.lease, "an acquire")
		return false
	case api.CodeInvalidRequest, api.CodeSeqReused, api.CodeStaleRequest, api.CodeAlreadyWaiting, api.CodeLimitMismatch, api.CodeNotHeld:
		c.world.violated("an acquire of a new run by %s in %s: %s: %s", c.name, c.lease.id, a.code, a.body)
	}
	return !a.undecided()
}

// release gives back; a refusal means that an acknowledged hold was lost, or
// that a command was not applied exactly once.
func (c *worker) release(path string, body any, holds ...*hold) bool {
	b := c.world.book
	b.releasing(holds...)
	a, again, _ := c.insist(http.MethodPost, path, body, requestLimit)
	once := false
	switch r := body.(type) {
	case api.KeyRelease:
		once = r.Seq > 0
	case api.LockRelease:
		once = r.Seq > 0
	}
	switch {
	case a.ok():
		b.released(holds...)
	case a.code == api.CodeSessionNotFound:
		b.gone(c.lease, "a release")
		return false
	case a.undecided():
		b.forget(holds...)
		return false
	case a.code != api.CodeNotHeld:
		c.world.violated("a release by %s in %s: %s: %s", c.name, c.lease.id, a.code, a.body)
	case !once && again:
		b.forget(holds...)
	default:
		b.lost(b.isSure(holds[0]), holds)
	}
	return true
}
