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
// period, each group by one call. Over streams each session is a group of its own:
// a service's renewals share its connection, but are made one by one.
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

// Crowd opens the sessions, some groups after the other.
func (c *cluster) Crowd(ctx context.Context, through []int, n int, ttl, every time.Duration) (system.Crowd, error) {
	background, cancel := context.WithCancel(context.Background())
	w := &crowd{cancel: cancel}
	most := maxRenewed
	if c.stream {
		most = 1
	}
	for left := n; left > 0; left -= most {
		node := through[len(w.groups)%len(through)]
		w.groups = append(w.groups, &group{caller: c.over(node, false), node: node, ids: make([]string, min(left, most))})
	}
	begun := time.Now()
	together := maxRenewed / most
	for from := 0; from < len(w.groups); from += together {
		some := w.groups[from:min(from+together, len(w.groups))]
		if err := c.openAll(ctx, some, ttl); err != nil {
			w.end()
			return nil, err
		}
		for i, g := range some {
			// Each group has its own moment of the period.
			first := time.Duration(from+i) * every / time.Duration(len(w.groups))
			w.ended.Go(func() { w.keep(background, g, begun, first, every) })
		}
	}
	return w, nil
}

// openAll opens the sessions of the groups, several at a time.
func (c *cluster) openAll(ctx context.Context, groups []*group, ttl time.Duration) error {
	type place struct {
		group *group
		at    int
	}
	var places []place
	for _, g := range groups {
		for i := range g.ids {
			places = append(places, place{g, i})
		}
	}
	failed := make([]error, openers)
	var opening sync.WaitGroup
	for o := range openers {
		opening.Go(func() {
			var over [nodes]*caller
			for i := o; i < len(places) && failed[o] == nil; i += openers {
				p := places[i]
				to := &over[p.group.node]
				if *to == nil {
					*to = c.over(p.group.node, false)
					defer (*to).close()
				}
				p.group.ids[p.at], failed[o] = (*to).open(ctx, ttl)
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
