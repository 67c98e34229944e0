package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"lockd/api"
	"lockd/test/history"
)

const (
	probeTTL   = time.Second
	probeDelay = time.Second
)

// An ending is a way in which a hold on key ends badly, or well. It returns when
// that began: what was sent last before was sent after from, and was answered
// before to.
type ending struct {
	name string
	end  func(p *prober, key string) (from, to time.Time, err error)
	// after is how long the key stays closed from then on.
	after time.Duration
}

func endings() []ending {
	return []ending{
		{"a session expires", func(p *prober, key string) (time.Time, time.Time, error) { return p.silent(key, 0) }, probeTTL},
		{"a session with a lock delay expires", func(p *prober, key string) (time.Time, time.Time, error) {
			return p.silent(key, probeDelay)
		}, probeTTL + probeDelay},
		{"a hold with a lock delay is broken", (*prober).broken, probeDelay},
		{"a session with a lock delay is closed", (*prober).closed, 0},
		{"an acquire has a ttl", (*prober).private, probeTTL},
		{"an acquire with a ttl has waited for longer", (*prober).waited, probeTTL},
	}
}

// bounds lets holds end in all ways at once, and checks when each key goes to the
// next who waits for it: not before the end that was promised, counted from before
// it was asked for, and at most a second after it. A new leader gives everything
// its full time again: if one came in between, all is done once more.
func (r *trial) bounds() {
	r.Helper()
	for try := 1; ; try++ {
		term := r.term()
		wrong := r.measure(try)
		if wrong == nil {
			return
		}
		if r.term() == term || try == boundsTries {
			r.Error(wrong)
			return
		}
		r.Logf("there was an election: %v", wrong)
	}
}

func (r *trial) term() uint64 {
	var leader api.Leader
	if err := r.get("/v1/leader", &leader); err != nil {
		r.Fatal(err)
	}
	return leader.Term
}

func (r *trial) measure(try int) error {
	all := endings()
	wrong := make([]error, len(all))
	var done sync.WaitGroup
	for i, e := range all {
		done.Go(func() {
			p := &prober{caller: newCaller(), nodes: r.urls()}
			defer p.caller.http.CloseIdleConnections()
			if err := p.measure(e, fmt.Sprintf("probe-%d-%d", try, i)); err != nil {
				wrong[i] = fmt.Errorf("%s: %w", e.name, err)
			}
		})
	}
	done.Wait()
	return errors.Join(wrong...)
}

// A prober asks nodes that all serve.
type prober struct {
	caller *caller
	nodes  []string
}

func (p *prober) measure(e ending, key string) error {
	session, err := p.open(drainTime, 0)
	if err != nil {
		return err
	}
	from, to, err := e.end(p, key)
	if err != nil {
		return err
	}
	next := api.KeyAcquire{Key: key, RunID: key + "-next", Session: session, Wait: api.Duration(drainTime)}
	if err := p.ask(1, "/v1/keys/acquire", next, nil); err != nil {
		return err
	}
	if early := time.Since(from); early < e.after {
		return fmt.Errorf("the next got the key after %v, earlier than after %v", early, e.after)
	}
	if late := time.Since(to); late > e.after+graceTime {
		return fmt.Errorf("the next got the key only after %v, later than %v and a second", late, e.after)
	}
	return nil
}

func (p *prober) ask(node int, path string, body, into any) error {
	a := p.caller.send(context.Background(), 2*drainTime, http.MethodPost, p.nodes[node], path, body)
	if a.outcome() != history.OK {
		return fmt.Errorf("POST %s: %d %w %s", path, a.status, a.err, a.body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(a.body, into)
}

func (p *prober) open(ttl, delay time.Duration) (string, error) {
	var opened api.SessionOpened
	err := p.ask(0, "/v1/sessions", api.SessionOpen{TTL: api.Duration(ttl), LockDelay: api.Duration(delay)}, &opened)
	return opened.ID, err
}

// silent holds the key with a session that is never kept alive.
func (p *prober) silent(key string, delay time.Duration) (from, to time.Time, err error) {
	from = time.Now()
	session, err := p.open(probeTTL, delay)
	to = time.Now()
	if err == nil {
		err = p.ask(0, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: key, Session: session}, nil)
	}
	return from, to, err
}

// guarded holds the key with a long session that has a lock delay.
func (p *prober) guarded(key string) (session string, held api.KeyAcquired, err error) {
	if session, err = p.open(drainTime, probeDelay); err == nil {
		err = p.ask(0, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: key, Session: session}, &held)
	}
	return session, held, err
}

func (p *prober) broken(key string) (from, to time.Time, err error) {
	_, held, err := p.guarded(key)
	if err != nil {
		return from, to, err
	}
	from = time.Now()
	err = p.ask(2, "/v1/keys/break", api.KeyBreak{Key: key, Token: held.Token, Reason: "to see when it opens"}, nil)
	return from, time.Now(), err
}

func (p *prober) closed(key string) (from, to time.Time, err error) {
	session, _, err := p.guarded(key)
	if err != nil {
		return from, to, err
	}
	from = time.Now()
	a := p.caller.send(context.Background(), drainTime, http.MethodDelete, p.nodes[2], "/v1/sessions/"+session, nil)
	if a.outcome() != history.OK {
		err = fmt.Errorf("DELETE %s: %d %w %s", session, a.status, a.err, a.body)
	}
	return from, time.Now(), err
}

func (p *prober) private(key string) (from, to time.Time, err error) {
	from = time.Now()
	err = p.ask(0, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: key, TTL: api.Duration(probeTTL)}, nil)
	return from, time.Now(), err
}

// waited has an acquire with a ttl wait for a good deal more than that.
func (p *prober) waited(key string) (from, to time.Time, err error) {
	first := api.KeyAcquire{Key: key, RunID: key + "-first"}
	if err := p.ask(0, "/v1/keys/acquire", first, nil); err != nil {
		return from, to, err
	}
	given := make(chan error, 1)
	go func() {
		rest(context.Background(), probeTTL*5/2)
		from = time.Now()
		given <- p.ask(2, "/v1/keys/release", api.KeyRelease{Key: key, RunID: first.RunID}, nil)
	}()
	wanted := api.KeyAcquire{Key: key, RunID: key, TTL: api.Duration(probeTTL), Wait: api.Duration(drainTime)}
	err = p.ask(0, "/v1/keys/acquire", wanted, nil)
	to = time.Now()
	if released := <-given; err == nil {
		err = released
	}
	return from, to, err
}
