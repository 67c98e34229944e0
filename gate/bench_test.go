package gate

import (
	"fmt"
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

// BenchmarkAcquireRelease is one acquire and one release, at names spread over
// the table.
func BenchmarkAcquireRelease(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, t *Table, id SessionID, n int) {
		const spread = 4096
		var acquires, releases [spread]*Command
		for i := range spread {
			acquires[i] = acquireOf(id, n+i*7919, Exclusive, Node)
			op := acquires[i].Op.(*Acquire)
			releases[i] = &Command{Session: id, Op: &Release{Run: op.Run, Gives: []Give{{Name: op.Wants[0].Name}}}}
		}
		for i := 0; b.Loop(); i++ {
			t.Apply(acquires[i%spread], 0)
			t.Apply(releases[i%spread], 0)
		}
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
