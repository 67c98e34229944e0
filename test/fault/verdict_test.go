package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"lockd/api"
	"lockd/test/history"
)

// notified returns a context that ends with SIGTERM.
func notified() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM)
}

// judge checks the cluster after the last fault was healed, and then everything
// that the clients were answered.
func (r *trial) judge(healed time.Time) {
	r.Helper()
	first := r.firstGrant(healed)
	r.stop()
	r.all.Wait()
	if r.outside != nil {
		r.outside.finish()
	}
	drained := r.drain()
	r.bounds()
	r.cluster.AwaitEqualTables(drainTime, r.cluster.Nodes...)
	r.readKept()
	ops := r.recorder.Ops()
	if r.outside != nil {
		more, err := history.ReadFile(r.outside.file)
		if err != nil {
			r.Fatal(err)
		}
		ops = append(ops, more...)
	}
	r.Logf("%d faults; first grant %v after healing, all free %v after the clients stopped",
		r.faults, first.Round(time.Millisecond), drained.Round(time.Millisecond))
	r.check(history.Apart(ops))
}

// firstGrant waits for the first grant after the healing, which must come soon,
// and for one through every node.
func (r *trial) firstGrant(healed time.Time) time.Duration {
	r.Helper()
	limit := (2*electionTime)*time.Duration(r.multiplier) + graceTime
	c := newCaller()
	defer c.http.CloseIdleConnections()
	granted := make(chan time.Duration, len(r.cluster.Nodes))
	var all sync.WaitGroup
	ctx, cancel := context.WithTimeout(context.Background(), limit+drainTime)
	defer cancel()
	for _, n := range r.cluster.Nodes {
		all.Go(func() {
			for try := 1; ctx.Err() == nil; try++ {
				a := c.send(ctx, answerTime, http.MethodPost, n.URL, "/v1/keys/acquire",
					api.KeyAcquire{Key: fmt.Sprintf("probe-%s-%d", n.Name, try), RunID: "probe"})
				if a.outcome() == history.OK {
					granted <- time.Since(healed)
					return
				}
				rest(ctx, 10*time.Millisecond)
			}
		})
	}
	all.Wait()
	close(granted)
	first, count := time.Duration(0), 0
	for d := range granted {
		if count++; first == 0 || d < first {
			first = d
		}
	}
	if count < len(r.cluster.Nodes) {
		r.Errorf("only %d of %d nodes serve %v after all was healed", count, len(r.cluster.Nodes), limit+drainTime)
	}
	if first > limit {
		r.Errorf("the first grant came %v after all was healed, later than two elections and a second (%v)", first, limit)
	}
	return first
}

// drain waits until nothing is held and nobody waits, but for what is meant to
// stay: what the clients left behind must have expired.
func (r *trial) drain() time.Duration {
	r.Helper()
	began := time.Now()
	var left []string
	for time.Since(began) < drainTime {
		if left = r.occupied(); len(left) == 0 {
			return time.Since(began)
		}
		rest(context.Background(), 50*time.Millisecond)
	}
	r.Errorf("%v after the clients stopped there is still: %s", drainTime, strings.Join(left, "; "))
	return time.Since(began)
}

// occupied lists what is held or waited for.
func (r *trial) occupied() []string {
	var left []string
	for _, prefix := range []string{"/v1/keys?limit=1000&prefix=key", "/v1/keys?limit=1000&prefix=slots", "/v1/locks?limit=1000&prefix=family"} {
		var list struct{ Keys, Locks []json.RawMessage }
		if err := r.get(prefix, &list); err != nil {
			return []string{err.Error()}
		}
		for _, one := range append(list.Keys, list.Locks...) {
			left = append(left, string(one))
		}
	}
	return left
}

// get reads from any node that answers.
func (r *trial) get(path string, into any) error {
	c := newCaller()
	defer c.http.CloseIdleConnections()
	var last error
	for _, url := range r.urls() {
		a := c.send(context.Background(), answerTime, http.MethodGet, url, path, nil)
		if a.outcome() == history.OK {
			return json.Unmarshal(a.body, into)
		}
		last = fmt.Errorf("GET %s: %d %w %s", path, a.status, a.err, a.body)
	}
	return last
}

// readKept reads every key that was granted for good, for the checks.
func (r *trial) readKept() {
	w := newWorker("reader", r.urls(), 0, r.recorder)
	defer w.caller.http.CloseIdleConnections()
	kept := 0
	for _, op := range r.recorder.Ops() {
		if op.Client == "keeper" && op.Outcome == history.OK {
			w.home = kept % len(w.nodes)
			w.read(op.Wants[0].Name)
			kept++
		}
	}
	if kept == 0 {
		r.Error("no key was granted for good: the scenario tests nothing")
	}
}

// check holds the history against all checkers.
func (r *trial) check(ops []history.Op) {
	r.Helper()
	counts := make(map[history.Outcome]int)
	for _, op := range ops {
		counts[op.Outcome]++
	}
	wall := time.Since(r.began)
	r.Logf("%d operations in %v (%.0f/s): %v", len(ops), wall.Round(time.Second), float64(len(ops))/wall.Seconds(), counts)
	if counts[history.OK] < 200 {
		r.Errorf("%d operations succeeded: the scenario tests nothing", counts[history.OK])
	}
	r.seldom(ops)
	began := time.Now()
	wrong := append(history.Replay(ops), history.Leases(ops)...)
	replayed := time.Since(began)
	more, undecided := history.Linearize(ops, linearizeFor)
	r.Logf("replayed in %v; Porcupine took %v, undecided: %v", replayed.Round(time.Millisecond),
		(time.Since(began) - replayed).Round(time.Millisecond), undecided)
	wrong = append(wrong, more...)
	for i, v := range wrong {
		if i == 10 {
			r.Errorf("and %d more", len(wrong)-i)
			break
		}
		r.Error(v)
	}
	if r.Failed() {
		r.saveHistory(ops)
	}
}

// seldom checks that what clients do seldom has been done.
func (r *trial) seldom(ops []history.Op) {
	r.Helper()
	var broken, weakened, private, closed int
	for _, op := range ops {
		switch {
		case op.Outcome == history.OK && op.Kind == history.Break:
			broken++
		case op.Outcome == history.OK && op.Kind == history.Downgrade:
			weakened++
		case op.Outcome == history.OK && op.Kind == history.Acquire && op.TTL > 0:
			private++
		}
		if slices.ContainsFunc(op.Holders, func(h history.Holder) bool { return h.Run == "" }) {
			closed++
		}
	}
	r.Logf("%d breaks, %d downgrades, %d acquires with a ttl, %d answers with a lock delay", broken, weakened, private, closed)
	if broken == 0 || weakened == 0 || private == 0 {
		r.Error("one of them is missing: the scenario tests too little")
	}
}

// saveHistory leaves the record of a failed trial where it survives the test.
func (r *trial) saveHistory(ops []history.Op) {
	dir, err := os.MkdirTemp("", "lockd-history-")
	if err != nil {
		r.Error(err)
		return
	}
	path := filepath.Join(dir, "history.jsonl")
	if err := writeHistory(path, ops); err != nil {
		r.Error(err)
		return
	}
	r.Logf("the history is in %s", path)
}
