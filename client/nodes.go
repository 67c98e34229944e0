package client

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"
)

// nodes chooses which node is asked next: the leader where it is known, else the
// one that answered last, and none that failed before its time is over.
type nodes struct {
	mu  sync.Mutex
	all []node
	// prefer is the index of the node that is asked while it does not fail.
	prefer int
}

type node struct {
	url string
	// failures in a row; closed until rest is over.
	failures int
	rest     time.Time
	// answered is when it last served.
	answered time.Time
}

// newNodes starts at a random node, so that many clients spread over all.
func newNodes(urls []string) *nodes {
	n := &nodes{all: make([]node, len(urls)), prefer: rand.IntN(len(urls))}
	for i, u := range urls {
		n.all[i].url = u
	}
	return n
}

// count is how many nodes there are.
func (n *nodes) count() int { return len(n.all) }

// url is the node's, which does not change.
func (n *nodes) url(at int) string { return n.all[at].url }

// heard says whether the node has served just now, and has not failed since.
func (n *nodes) heard(at int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[at].failures == 0 && time.Since(n.all[at].answered) < lifeTime
}

// pick returns the node to ask next and how long to wait before.
func (n *nodes) pick() (at int, url string, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	best := n.prefer
	for i := range n.all {
		k := (n.prefer + i) % len(n.all)
		if !n.all[k].rest.After(now) {
			return k, n.all[k].url, 0
		}
		if n.all[k].rest.Before(n.all[best].rest) {
			best = k
		}
	}
	return best, n.all[best].url, spread(n.all[best].rest.Sub(now))
}

// answered notes that a node served, and follows the leader that it named if
// that is one of the configured nodes: a credential goes nowhere else.
func (n *nodes) answered(at int, leader string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[at].failures, n.all[at].rest, n.all[at].answered = 0, time.Time{}, time.Now()
	if !n.follow(leader) && n.all[n.prefer].rest.After(time.Now()) {
		n.prefer = at
	}
}

// failed leaves a node alone for the longer of its backoff and retryAfter. What
// fails together counts once.
func (n *nodes) failed(at int, leader string, retryAfter time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now, f := time.Now(), &n.all[at]
	if !f.rest.After(now) {
		f.failures++
		f.rest = now.Add(max(backoff(f.failures), retryAfter))
	}
	n.follow(leader)
}

func (n *nodes) follow(leader string) bool {
	if leader == "" {
		return false
	}
	leader = canonicalURL(leader)
	for i := range n.all {
		if n.all[i].url == leader {
			n.prefer = i
			return true
		}
	}
	return false
}

// backoff is how long to wait after so many failures in a row.
func backoff(failures int) time.Duration {
	d := minBackoff << min(failures-1, 16)
	return spread(min(d, maxBackoff))
}

// spread lengthens d by up to a half, so that those who failed together do not
// come back together.
func spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d + rand.N(d/2+1)
}

// canonicalURL makes equal what names the same node; anything else stays as it is.
func canonicalURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String()
}
