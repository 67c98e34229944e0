package gate

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// sizes are the numbers of holds in the table while an operation is measured.
var sizes = []int{10, 100_000, 1_000_000}

// filled returns a table with n exclusive holds of n runs in one session, on
// references three segments deep.
func filled(n int) (*Table, SessionID) {
	t := New()
	id := t.Apply(&Command{Op: &OpenSession{TTL: MinTTL, Nonce: 1}}, 0).Result.Session
	for i := range n {
		t.Apply(acquireOf(id, i, Exclusive, Node), 0)
	}
	return t, id
}

func acquireOf(id SessionID, i int, m Mode, s Scope) *Command {
	return &Command{Session: id, Op: &Acquire{
		Run:   fmt.Sprintf("run-%08d", i),
		Wants: []Want{{Name{Reference, fmt.Sprintf("prod/%04d/%07d", i%1000, i)}, m, s}},
	}}
}

func benchmarkSizes(b *testing.B, run func(b *testing.B, t *Table, id SessionID, n int)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t, id := filled(n)
			runtime.GC()
			b.ReportAllocs()
			run(b, t, id, n)
		})
	}
}

// spread is how many names an operation is measured at, all over the table.
const spread = 4096

func nth(n, i int) int { return n + i*7919 }

func releaseOf(a *Command) *Command {
	op := a.Op.(*Acquire)
	return &Command{Session: a.Session, Op: &Release{Run: op.Run, Gives: []Give{{Name: op.Wants[0].Name}}}}
}

// measurePairs applies for each of the names what make returns, in turn.
func measurePairs(b *testing.B, t *Table, make func(i int) [2]*Command) {
	var pairs [spread][2]*Command
	for i := range pairs {
		pairs[i] = make(i)
	}
	var out Outcome
	for i := 0; b.Loop(); i++ {
		out.Reset()
		t.ApplyTo(&out, pairs[i%spread][0], 0)
		out.Reset()
		t.ApplyTo(&out, pairs[i%spread][1], 0)
	}
}

// BenchmarkAcquireRelease is one acquire and one release of a free name.
func BenchmarkAcquireRelease(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, t *Table, id SessionID, n int) {
		measurePairs(b, t, func(i int) [2]*Command {
			acquire := acquireOf(id, nth(n, i), Exclusive, Node)
			return [2]*Command{acquire, releaseOf(acquire)}
		})
	})
}

// BenchmarkKeyAcquireRelease is one acquire and one release of a free key.
func BenchmarkKeyAcquireRelease(b *testing.B) {
	t, _ := filled(sizes[0])
	acquire := &Command{Op: &Acquire{Run: "run", Wants: []Want{{Name{Key, "deploy/production"}, Exclusive, Node}}}}
	release := releaseOf(acquire)
	b.ReportAllocs()
	var out Outcome
	for b.Loop() {
		out.Reset()
		t.ApplyTo(&out, acquire, 0)
		out.Reset()
		t.ApplyTo(&out, release, 0)
	}
}

// BenchmarkHandOff is one release of a reference that another run waits for, and
// the acquire by which the one that gave it back queues again.
func BenchmarkHandOff(b *testing.B) {
	t, id := filled(sizes[0])
	var acquires, releases [2]*Command
	for i := range acquires {
		acquires[i] = acquireOf(id, sizes[0], Exclusive, Node)
		op := acquires[i].Op.(*Acquire)
		op.Run, op.Wait = fmt.Sprintf("turn-%d", i), MaxWait
		releases[i] = releaseOf(acquires[i])
		t.Apply(acquires[i], 0)
	}
	b.ReportAllocs()
	var out Outcome
	for i := 0; b.Loop(); i++ {
		out.Reset()
		t.ApplyTo(&out, releases[i%2], 0)
		out.Reset()
		if t.ApplyTo(&out, acquires[i%2], 0); out.Result.Code != Queued {
			b.Fatal(out.Result.Code)
		}
	}
}

// BenchmarkQueuedAcquire is one acquire that queues behind a holder, and its
// withdrawal.
func BenchmarkQueuedAcquire(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, t *Table, id SessionID, n int) {
		measurePairs(b, t, func(i int) [2]*Command {
			acquire := acquireOf(id, nth(0, i)%n, Exclusive, Node)
			op := acquire.Op.(*Acquire)
			op.Run, op.Wait = fmt.Sprintf("waiter-%d", i), MaxWait
			return [2]*Command{acquire, releaseOf(acquire)}
		})
	})
}

// BenchmarkTreeAcquire is one acquire and one release of a free tree between
// the held ones.
func BenchmarkTreeAcquire(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, t *Table, id SessionID, n int) {
		measurePairs(b, t, func(i int) [2]*Command {
			acquire := acquireOf(id, nth(n, i), Exclusive, Tree)
			return [2]*Command{acquire, releaseOf(acquire)}
		})
	})
}

// BenchmarkBytesPerHold reports the live heap of a hold.
func BenchmarkBytesPerHold(b *testing.B) {
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		t, _ := filled(1_000_000)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "bytes/hold")
		runtime.KeepAlive(t)
	}
}

// BenchmarkCycleInSession is one acquire and one release of a lock of its own by
// one of 1024 clients in turn, exactly once: each command acknowledges the one
// before. A reader takes a version after every 1024 cycles.
func BenchmarkCycleInSession(b *testing.B) {
	const clients = 1024
	benchmarkSizes(b, func(b *testing.B, t *Table, _ SessionID, n int) {
		var pairs [clients][2]*Command
		for i := range pairs {
			id := t.Apply(&Command{Op: &OpenSession{TTL: MinTTL, Nonce: 1}}, 0).Result.Session
			acquire := acquireOf(id, nth(n, i), Exclusive, Node)
			pairs[i] = [2]*Command{acquire, releaseOf(acquire)}
		}
		var out Outcome
		for i, round := 0, uint64(0); b.Loop(); i++ {
			if i%clients == 0 {
				t.Snapshot()
				round += 2
			}
			for j, cmd := range pairs[i%clients] {
				cmd.Seq = round + uint64(j)
				cmd.Acked = cmd.Seq - 1
				out.Reset()
				t.ApplyTo(&out, cmd, 0)
				if code := out.Result.Code; code != Acquired && code != Released {
					b.Fatal(code)
				}
			}
		}
	})
}

// BenchmarkCycleOnThreeNodes is what a cycle costs three tables that share a
// processor, as those of a small cluster on one machine do: what one of them
// needs, the others have driven out of the caches. 1024 clients have a session
// each, commands come 32 to an entry, with texts of their own, and each node keeps
// as many events as a server.
func BenchmarkCycleOnThreeNodes(b *testing.B) {
	const clients, entry, kept = 1024, 32, 65_536
	type node struct {
		table  *Table
		events []Event
		next   int
		out    Outcome
	}
	var nodes [3]node
	var ids [clients]SessionID
	for i := range nodes {
		nodes[i] = node{table: New(), events: make([]Event, kept)}
		for j := range ids {
			open := &OpenSession{TTL: MinTTL, Client: Client{Name: "worker", Host: fmt.Sprint("host-", j)}, Nonce: 1}
			ids[j] = nodes[i].table.Apply(&Command{Op: open}, 0).Result.Session
		}
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(clients)
	b.ReportAllocs()
	for i, seq := 0, uint64(0); b.Loop(); i++ {
		if i%clients == 0 {
			seq += 2
		}
		if i%entry != 0 {
			continue
		}
		for n := range nodes {
			node := &nodes[n]
			for _, back := range []bool{false, true} {
				for _, client := range order[i%clients:][:entry] {
					text := fmt.Sprintf("bench/own/client-%06d of run-%d-0123456789abcdef", client, client)
					name, run := text[:len("bench/own/client-000000")], text[len("bench/own/client-000000 of "):]
					cmd := &Command{Session: ids[client], Seq: seq, Acked: seq - 1}
					cmd.Op = &Acquire{Run: run, Wants: []Want{{Name: Name{Reference, name}}}}
					if back {
						cmd.Seq, cmd.Acked = seq+1, seq
						cmd.Op = &Release{Run: run, Gives: []Give{{Name: Name{Reference, name}}}}
					}
					node.out.Reset()
					if node.table.ApplyTo(&node.out, cmd, 0); node.out.Result.Code != Acquired && node.out.Result.Code != Released {
						b.Fatal(node.out.Result.Code)
					}
					for _, e := range node.out.Events {
						node.events[node.next%kept] = e
						node.next++
					}
				}
			}
		}
	}
}
