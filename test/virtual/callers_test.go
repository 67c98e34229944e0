package virtual

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"lockd/api"
	"lockd/client"
)

// peruse reads names, each from any node.
func (c *worker) peruse() {
	w := c.world
	for w.sleep(time.Duration(c.rng.IntN(2*thinkMS)) * time.Millisecond) {
		if c.rng.IntN(2) == 0 {
			n := keys[c.rng.IntN(len(keys))]
			a := w.send(c.node(), http.MethodGet, "/v1/keys?key="+url.QueryEscape(n.text), nil, requestLimit)
			if a.ok() {
				var s api.KeyState
				a.into(w, &s)
				w.book.read(n, a.sent, tokensOf(s.Holders))
				w.book.answered(a.from, a.index, "GET "+n.text)
			}
			continue
		}
		n := name{text: refs[c.rng.IntN(len(refs))]}
		a := w.send(c.node(), http.MethodGet, "/v1/locks?ref="+url.QueryEscape(n.text), nil, requestLimit)
		if a.ok() {
			var s api.LockState
			a.into(w, &s)
			w.book.read(n, a.sent, tokensOf(s.Holders))
			w.book.answered(a.from, a.index, "GET "+n.text)
		}
	}
}

func tokensOf(holds []api.Hold) []uint64 {
	var tokens []uint64
	for _, h := range holds {
		tokens = append(tokens, h.Token)
	}
	return tokens
}

// occupy takes keys without a session, which nothing but a release ends, and
// sometimes keys with a session of their own.
func (c *worker) occupy() {
	w := c.world
	for w.sleep(time.Duration(c.rng.IntN(2*thinkMS)) * time.Millisecond) {
		n := keys[c.rng.IntN(len(keys))]
		r := api.KeyAcquire{Key: n.text, RunID: w.run(c.name), Limit: uint32(n.limit), Poll: c.poll()}
		if c.rng.IntN(2) == 0 {
			r.TTL, r.Wait = api.Duration(sessionTTLs[c.rng.IntN(len(sessionTTLs))]), api.Duration(time.Second)
		}
		asked := time.Now()
		a, again, from := c.acquire("/v1/keys/acquire", r.RunID, time.Duration(r.Wait), r)
		if a.undecided() {
			// Whatever became of it, it must not stay.
			c.clear(r.RunID)
			continue
		}
		if !a.ok() {
			continue
		}
		var g api.KeyAcquired
		a.into(w, &g)
		h := &hold{name: n, run: r.RunID, token: g.Token}
		if g.Session != "" {
			// Its TTL began at the grant, of which nothing is known but that it
			// came after the asking.
			h.lease = &lease{id: g.Session, ttl: time.Duration(r.TTL), renewed: asked, tried: time.Now()}
		}
		c.granted(from, a, again || r.Wait > 0, h)
		c.enjoy()
		c.give(h)
	}
}

func (c *worker) give(h *hold) {
	b := c.world.book
	b.releasing(h)
	a, again, _ := c.insist(http.MethodPost, "/v1/keys/release", api.KeyRelease{Key: h.name.text, RunID: h.run, Token: h.token}, requestLimit)
	switch {
	case a.ok():
		b.released(h)
	case a.code == api.CodeNotHeld && !again:
		b.lost(b.isSure(h), []*hold{h})
	case a.undecided():
		b.forget(h)
		c.clear(h.run)
	default:
		b.forget(h)
	}
}

// clear gives back all that a run may hold.
func (c *worker) clear(run string) {
	for range 100 {
		if a, _, _ := c.insist(http.MethodDelete, "/v1/runs/"+run, nil, requestLimit); !a.undecided() {
			return
		}
	}
	c.world.violated("%s cannot be cleared", run)
}

// employ works through package client, which repeats by itself.
func (w *world) employ(n int) {
	rng := rand.New(rand.NewPCG(w.seed, uint64(100+n)))
	var addrs []string
	for _, m := range w.members {
		addrs = append(addrs, "http://"+m.Name+":80")
	}
	c, err := client.New(client.Config{
		Addrs: addrs, Name: "sdk", DialContext: w.network.dial, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.work.Go(func() {
		<-w.over
		time.Sleep(patience)
		cancel()
	})
	for w.sleep(time.Duration(rng.IntN(2*thinkMS)) * time.Millisecond) {
		w.employOnce(ctx, c, rng)
	}
	if err := c.Close(ctx); err != nil {
		w.violated("client: %v", err)
	}
}

// employOnce takes a reference exactly once and gives it back.
func (w *world) employOnce(ctx context.Context, c *client.Client, rng *rand.Rand) {
	asked := time.Now()
	opened, err := c.SessionOpen(ctx, api.SessionOpen{TTL: api.Duration(time.Minute)})
	if err != nil {
		w.failed("open", err)
		return
	}
	// The answer may be to a second opening; an earlier start of its lease is safe.
	l := w.book.opened(opened.ID, time.Minute, asked)
	defer func() {
		w.book.closing(l)
		_, err := c.SessionClose(ctx, l.id)
		w.failed("close", err)
		w.book.gone(l, "its owner")
	}()
	from, run := w.book.begin(), w.run("sdk")
	n := name{text: refs[rng.IntN(len(refs))]}
	asking, stop := context.WithTimeout(ctx, patience)
	defer stop()
	g, err := c.LockAcquire(asking, api.LockAcquire{
		Ref: n.text, RunID: run, Session: l.id, Wait: api.Duration(2 * time.Second), Once: api.Once{Seq: 1},
	})
	if err != nil {
		w.failed("acquire", err)
		return
	}
	h := &hold{name: n, run: run, token: g.Locks[0].Token, lease: l}
	w.book.granted(from, 0, h)
	w.sleep(time.Duration(rng.IntN(holdMS)) * time.Millisecond)
	w.book.releasing(h)
	_, err = c.LockRelease(asking, api.LockRelease{Ref: n.text, RunID: run, Token: h.token, Session: l.id, Once: api.Once{Seq: 2, Acked: 1}})
	if err == nil {
		w.book.released(h)
		return
	}
	w.failed("release", err)
	if errors.Is(err, client.ErrNotHeld) && w.book.isSure(h) {
		w.book.lost(true, []*hold{h})
	}
	w.book.forget(h)
}

// failed traces an error of the client; which ones are allowed is its own tests'
// business.
func (w *world) failed(what string, err error) {
	if err != nil {
		w.trace("client: %s: %v", what, fmt.Sprint(err))
	}
}
