package fsm

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

func BenchmarkAppendCommand(b *testing.B) {
	x := sampleCommands()["acquire_key"]
	var to []byte
	b.ReportAllocs()
	for b.Loop() {
		to = AppendCommand(to[:0], x)
	}
}

func BenchmarkDecodeCommand(b *testing.B) {
	from := AppendCommand(nil, sampleCommands()["acquire_key"])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeCommand(from); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendResult(b *testing.B) {
	x := sampleResults()["acquired"]
	var to []byte
	b.ReportAllocs()
	for b.Loop() {
		to = AppendResult(to[:0], x)
	}
}

func BenchmarkDecodeResult(b *testing.B) {
	from := AppendResult(nil, sampleResults()["acquired"])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeResult(from); err != nil {
			b.Fatal(err)
		}
	}
}

// thousand is a batch of 1000 acquires and releases of different keys.
func thousand() *Batch {
	x := &Batch{Time: 1_767_225_600_000}
	for i := range 500 {
		name := fmt.Sprintf("key-%d", i)
		x.Commands = append(x.Commands,
			AppendCommand(nil, &gate.Command{Op: acquireKey("run", name)}),
			AppendCommand(nil, &gate.Command{Op: &gate.Release{Run: "run", Gives: []gate.Give{{Name: key(name)}}}}))
	}
	return x
}

func BenchmarkAppendBatchOfThousand(b *testing.B) {
	x := thousand()
	var to []byte
	b.ReportAllocs()
	for b.Loop() {
		to = AppendBatch(to[:0], x)
	}
}

func BenchmarkDecodeBatchOfThousand(b *testing.B) {
	from := AppendBatch(nil, thousand())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeBatch(from); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyBatchOfThousand(b *testing.B) {
	f := New(Config{})
	entry := &raft.Log{Data: AppendBatch(nil, thousand())}
	b.ReportAllocs()
	for b.Loop() {
		entry.Index++
		f.Apply(entry)
	}
}

// millionHolds returns a table with that many.
func millionHolds(b *testing.B) *gate.View {
	const n = 1_000_000
	l := gate.NewLoader(gate.Counters{Token: n, Number: 1})
	client := sampleClient()
	session := gate.Session{ID: gate.SessionID{Number: 1, Nonce: 2}, Client: &client}
	l.Session(&session)
	for i := range n {
		l.Hold(&gate.Hold{
			Name: key(fmt.Sprintf("tenant-%d/job-%d", i%1000, i)), Run: fmt.Sprintf("run-%d", i), Token: uint64(i + 1),
			Session: session.ID, At: 1_767_225_600_000, Client: &client, Limit: 1,
		})
	}
	table, err := l.Table()
	if err != nil {
		b.Fatal(err)
	}
	return table.Snapshot()
}

func BenchmarkSnapshotOfAMillionHolds(b *testing.B) {
	view := millionHolds(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := writeSnapshot(io.Discard, view, 1, func() {}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRestoreOfAMillionHolds(b *testing.B) {
	var file bytes.Buffer
	if err := writeSnapshot(&file, millionHolds(b), 1, func() {}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := readSnapshot(bytes.NewReader(file.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

// sessionCommands are what clients with sessions send: acquires and releases of
// different keys, each with a seq.
func sessionCommands() *Batch {
	x := &Batch{Time: 1_767_225_600_000}
	for i := range 250 {
		session := gate.SessionID{Number: uint64(1000 + i), Nonce: 0x9f3b_55aa_0102_0304 + uint64(i)}
		name, run, seq := fmt.Sprintf("own.%d", i), fmt.Sprintf("client1-%d:own.%d", i, i), uint64(2*i+300)
		release := &gate.Release{Run: run, Gives: []gate.Give{{Name: key(name), Token: uint64(100_000 + i)}}}
		x.Commands = append(x.Commands,
			AppendCommand(nil, &gate.Command{Session: session, Seq: seq, Acked: seq - 1, Op: acquireKey(run, name)}),
			AppendCommand(nil, &gate.Command{Session: session, Seq: seq + 1, Acked: seq, Op: release}))
	}
	return x
}

func BenchmarkDecodeSessionCommands(b *testing.B) {
	x := sessionCommands()
	entries := [][]byte{AppendBatch(nil, x)}
	// In another order each time, as clients are.
	x.Commands = append(x.Commands[1:], x.Commands[0])
	entries = append(entries, AppendBatch(nil, x))
	f := New(Config{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := f.decode(entries[i%2]); err != nil {
			b.Fatal(err)
		}
	}
}
