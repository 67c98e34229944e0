package lockd

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"lockd/bench/system"
)

// crowd is many sessions, in groups that are renewed at different times of the
// period, each group by one call.
type crowd struct {
	cancel context.CancelFunc
	groups []*group
	ended  sync.WaitGroup

	mu       sync.Mutex
	renewals int
	failed   error
}

type group struct {
	*caller
	node int
	ids  []string
	// gone is how many of them the last renewal found ended; guarded by the
	// crowd's mu.
	gone int
}

// Crowd opens the sessions, group by group.
func (c *cluster) Crowd(ctx context.Context, through []int, n int, ttl, every time.Duration) (system.Crowd, error) {
	background, cancel := context.WithCancel(context.Background())
	w := &crowd{cancel: cancel}
	for left := n; left > 0; left -= maxRenewed {
		node := through[len(w.groups)%len(through)]
		w.groups = append(w.groups, &group{caller: &caller{carrier: c.connect(node)}, node: node, ids: make([]string, min(left, maxRenewed))})
	}
	begun := time.Now()
	for i, g := range w.groups {
		if err := c.openAll(ctx, g, ttl); err != nil {
			w.end()
			return nil, err
		}
		// Each group has its own moment of the period.
		first := time.Duration(i) * every / time.Duration(len(w.groups))
		w.ended.Go(func() { w.keep(background, g, begun, first, every) })
	}
	return w, nil
}

func (c *cluster) openAll(ctx context.Context, g *group, ttl time.Duration) error {
	failed := make([]error, openers)
	var opening sync.WaitGroup
	for o := range openers {
		opening.Go(func() {
			over := &caller{carrier: c.connect(g.node)}
			defer over.close()
			for i := o; i < len(g.ids) && failed[o] == nil; i += openers {
				g.ids[i], failed[o] = over.open(ctx, ttl)
			}
		})
	}
	opening.Wait()
	for _, err := range failed {
		if err != nil {
			return fmt.Errorf("open sessions: %w", err)
		}
	}
	return nil
}

// keep renews the group at begun + first + k × every, for each such moment to
// come.
func (w *crowd) keep(ctx context.Context, g *group, begun time.Time, first, every time.Duration) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		late := time.Since(begun.Add(first)) % every
		if late < 0 {
			late += every
		}
		timer.Reset(every - late)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		r, _, err := g.expect(ctx, http.StatusOK, http.MethodPost, "/v1/sessions/keepalive", appendRenew(nil, g.ids))
		if ctx.Err() != nil {
			return
		}
		w.count(g, r, err)
	}
}

func (w *crowd) count(g *group, r reply, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed = fmt.Errorf("renew %d sessions: %w", len(g.ids), err)
		return
	}
	alive := bytes.Count(r.body, []byte(`"expires_in_ms"`))
	w.renewals += alive
	g.gone = len(g.ids) - alive
}

func (w *crowd) Lost() (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost := 0
	for _, g := range w.groups {
		lost += g.gone
	}
	return lost, w.failed
}

func (w *crowd) Renewals() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.renewals
}

func (w *crowd) end() {
	w.cancel()
	w.ended.Wait()
	for _, g := range w.groups {
		g.close()
	}
}

// Close stops renewing and leaves the sessions to their TTL: they hold nothing.
func (w *crowd) Close(context.Context) error {
	w.end()
	return nil
}
