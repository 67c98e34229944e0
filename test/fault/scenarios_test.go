package fault

import (
	"syscall"
	"testing"
	"time"

	"lockd/test/real"
)

// A scenario is one kind of trouble.
type scenario struct {
	name string
	// short scenarios run in the ordinary test, too, for that many faults.
	short int
	// args are further flags of the nodes, multiplier their timing.
	args       []string
	multiplier int
	// proxied nodes reach each other through proxies, outside clients run in a
	// process of their own, and logPipes are pipes that nobody reads.
	proxied, outside, logPipes bool
	// fault makes the nth fault; what it returns heals it.
	fault func(r *trial, n int) (heal func())
	// after, if any, checks what only this scenario promises.
	after func(r *trial)
}

const wholeLength = 30 * time.Second

func TestFaults(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			length := wholeLength
			if !whole() {
				if s.short == 0 {
					t.Skip("part of 'make fault'")
				}
				length = time.Duration(s.short)*faultEvery - faultEvery/2
			}
			r := newTrial(t, s)
			r.begin(s)
			r.judge(r.trouble(s, length))
			if s.after != nil {
				s.after(r)
			}
		})
	}
}

func scenarios() []scenario {
	return []scenario{
		{name: "a bit of each", short: 7, fault: aBitOfEach},
		{name: "the leader is killed", fault: killLeader},
		{name: "a follower is killed", fault: killFollower},
		{name: "all are killed", fault: killAll},
		{name: "the leader is stopped", fault: stopLeader},
		{name: "a client is stopped", outside: true, fault: stopClient},
		{name: "the leader is isolated", fault: isolateLeader},
		{name: "one-way cuts", fault: oneWay},
		{name: "a bridge", fault: bridge},
		{name: "flapping", fault: flap},
		{name: "a fifth is lost", fault: lose},
		{name: "delays and stalls", proxied: true, multiplier: 5, fault: delay},
		{name: "a snapshot is installed", short: 2, fault: cutFollower, after: installed,
			args: []string{"--snapshot-entries=200", "--trailing-logs=32", "--snapshot-interval=200ms"}},
		{name: "rolling restart", fault: restart},
		{name: "nobody reads the log", short: 2, logPipes: true, args: []string{"--log-level=trace"}, fault: unreadLog, after: allRun},
	}
}

func aBitOfEach(r *trial, n int) func() {
	each := []func(*trial, int) func(){killLeader, stopLeader, isolateLeader, oneWay, killAll, bridge, flap}
	return each[n%len(each)](r, n)
}

func killLeader(r *trial, _ int) func() { return r.kill(r.cluster.Leader()) }

func killFollower(r *trial, n int) func() {
	followers := r.cluster.Followers()
	return r.kill(followers[n%len(followers)])
}

func killAll(r *trial, _ int) func() { return r.kill(r.cluster.Nodes...) }

func (r *trial) kill(nodes ...*real.Node) func() {
	for _, n := range nodes {
		n.Kill()
	}
	return func() {
		for _, n := range nodes {
			n.Launch()
		}
	}
}

// stopLeader stops it for half, twice and ten times the election timeout.
func stopLeader(r *trial, n int) func() {
	times := []time.Duration{electionTimeout / 2, 2 * electionTimeout, 10 * electionTimeout}
	leader := r.cluster.Leader()
	leader.Signal(syscall.SIGSTOP)
	rest(r.Context(), times[n%len(times)])
	leader.Signal(syscall.SIGCONT)
	return func() {}
}

func stopClient(r *trial, _ int) func() {
	rest(r.Context(), faultEvery/3)
	r.outside.signal(syscall.SIGSTOP)
	rest(r.Context(), sessionTTL+sessionTTL/2)
	r.outside.signal(syscall.SIGCONT)
	return func() {}
}

func isolateLeader(r *trial, _ int) func() {
	r.network.isolate(r.indexOf(r.cluster.Leader()))
	return r.network.heal
}

func oneWay(r *trial, n int) func() {
	leader := r.indexOf(r.cluster.Leader())
	for other := range r.cluster.Nodes {
		switch {
		case other == leader:
		case n%2 == 0:
			r.network.cut(other, leader)
		default:
			r.network.cut(leader, other)
		}
	}
	return r.network.heal
}

// bridge leaves one node in reach of both others, which cannot reach each other;
// the leader is at an end of it, then in its middle.
func bridge(r *trial, n int) func() {
	leader := r.indexOf(r.cluster.Leader())
	a, b := leader, (leader+1)%3
	if n%2 == 1 {
		a, b = (leader+1)%3, (leader+2)%3
	}
	r.network.cut(a, b)
	r.network.cut(b, a)
	return r.network.heal
}

func flap(r *trial, n int) func() {
	const flaps = 4
	leader := r.indexOf(r.cluster.Leader())
	for range flaps {
		r.network.isolate(leader)
		rest(r.Context(), electionTimeout+time.Duration(n%3)*electionTimeout/2)
		r.network.heal()
		rest(r.Context(), electionTimeout/2)
	}
	return func() {}
}

func lose(r *trial, _ int) func() {
	r.network.lose(0.2)
	return r.network.heal
}

// delay makes all links slow, and every other time stalls one in mid-frame.
func delay(r *trial, n int) func() {
	for _, p := range r.proxies {
		p.slow(75*time.Millisecond, 50*time.Millisecond)
	}
	stalled := r.proxies[n%len(r.proxies)]
	stalled.stalled.Store(n%2 == 1)
	return func() {
		stalled.stalled.Store(false)
		for _, p := range r.proxies {
			p.slow(0, 0)
		}
	}
}

// cutFollower isolates a follower until the others have dropped the log that it
// lacks.
func cutFollower(r *trial, n int) func() {
	leader, followers := r.cluster.Leader(), r.cluster.Followers()
	before, err := leader.Status()
	if err != nil {
		r.Fatal(err)
	}
	r.network.isolate(r.indexOf(followers[n%len(followers)]))
	r.cluster.Await(lagTime, "the others have dropped the log that the follower lacks", func() bool {
		now, err := leader.Status()
		return err == nil && now.AppliedIndex > before.AppliedIndex+droppedAfter
	})
	return r.network.heal
}

func installed(r *trial) {
	for _, n := range r.cluster.Nodes {
		if n.Said("nstalled remote snapshot") {
			return
		}
	}
	r.Error("no snapshot was installed: the scenario tests nothing")
}

// restart ends the nodes in good order, one after the other.
func restart(r *trial, n int) func() {
	node := r.cluster.Nodes[n%len(r.cluster.Nodes)]
	if code := node.Stop(); code != 0 {
		r.Errorf("%s ended with exit code %d", node.Name, code)
	}
	node.Launch()
	return func() {}
}

// unreadLog makes the nodes talk, and in the end takes the reading ends away.
func unreadLog(r *trial, n int) func() {
	if n == 1 {
		for _, p := range r.pipes {
			_ = p.Close()
		}
	}
	return isolateLeader(r, n)
}

func allRun(r *trial) {
	for _, n := range r.cluster.Nodes {
		if !n.Running() {
			r.Errorf("%s ended when nobody read its log", n.Name)
		}
	}
}
