package cluster

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// boltIn opens a bolt file of its own for the test.
func boltIn(t testing.TB) *boltStore {
	t.Helper()
	s, err := openBolt(filepath.Join(t.TempDir(), logFile), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// entryOf makes an entry with that many bytes.
func entryOf(index uint64, size int) *raft.Log {
	return &raft.Log{
		Index: index, Term: index / 7, Type: raft.LogCommand, Data: bytes.Repeat([]byte{byte(index)}, size),
		Extensions: []byte("seal"), AppendedAt: time.Unix(0, int64(index)),
	}
}

// entrySizes are around the bounds: of a short entry, of a page, and of a batch.
var entrySizes = []int{1, 300, maxInlineBytes - entryHead - 4, maxInlineBytes, 4096, 9000, 70_000}

// Whatever is stored, cut off and stored in its place, the log is what a plain list
// would be, also for whoever opens the file next.
func TestTheLogFileIsWhatWasStored(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), logFile)
	want := make(map[uint64]*raft.Log)
	first, last := uint64(1), uint64(0)
	for range 5 {
		s, err := openBolt(path, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			if dice.IntN(3) > 0 || first > last {
				var batch []*raft.Log
				// Now and then some are stored again, otherwise.
				for from := max(first, last+1-uint64(dice.IntN(3))); len(batch) <= dice.IntN(12); from++ {
					batch = append(batch, entryOf(from, entrySizes[dice.IntN(len(entrySizes))]))
					want[from], last = batch[len(batch)-1], max(last, from)
				}
				if err := s.StoreLogs(batch); err != nil {
					t.Fatal(err)
				}
				continue
			}
			from, to := first, first+dice.Uint64N(last-first+1)
			if dice.IntN(2) == 0 {
				from, to = to, last
			}
			if err := s.DeleteRange(from, to); err != nil {
				t.Fatal(err)
			}
			for i := from; i <= to; i++ {
				delete(want, i)
			}
			if to == last {
				last = from - 1
			} else {
				first = to + 1
			}
			if first > last {
				first = last + 1
			}
		}
		compareLog(t, s, want)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := checkPages(path, time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

// compareLog compares the log with what it should have.
func compareLog(t *testing.T, s *boltStore, want map[uint64]*raft.Log) {
	t.Helper()
	first, err := s.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	last, err := s.LastIndex()
	if err != nil {
		t.Fatal(err)
	}
	if count := int(last - first + 1); first > 0 && count != len(want) || first == 0 && len(want) > 0 {
		t.Fatalf("entries %d to %d, want %d", first, last, len(want))
	}
	for index, entry := range want {
		var got raft.Log
		if err := s.GetLog(index, &got); err != nil {
			t.Fatalf("entry %d: %v", index, err)
		}
		if !reflect.DeepEqual(&got, entry) {
			t.Fatalf("entry %d of %d bytes is another", index, len(entry.Data))
		}
	}
	if err := s.GetLog(last+1, new(raft.Log)); err != raft.ErrLogNotFound {
		t.Fatalf("behind the end: %v", err)
	}
}

// An earlier build kept its log with raft-boltdb.
func TestALogOfRaftBoltdbIsReadAndContinued(t *testing.T) {
	path := filepath.Join(t.TempDir(), logFile)
	old, err := raftboltdb.NewBoltStore(path)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[uint64]*raft.Log)
	var entries []*raft.Log
	for i, size := range entrySizes {
		entry := entryOf(uint64(i+1), size)
		entry.AppendedAt = time.Unix(5, 0).UTC()
		entries, want[entry.Index] = append(entries, entry), entry
	}
	if err := old.StoreLogs(entries); err != nil {
		t.Fatal(err)
	}
	if err := old.SetUint64([]byte(currentTerm), 7); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := openBolt(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if term, err := s.GetUint64([]byte(currentTerm)); term != 7 || err != nil {
		t.Errorf("term %d, %v", term, err)
	}
	compareLog(t, s, want)
	for i := range entrySizes {
		index := uint64(i + 4) // the last ones are stored again, in another form
		want[index] = entryOf(index, entrySizes[len(entrySizes)-1-i])
		if err := s.StoreLog(want[index]); err != nil {
			t.Fatal(err)
		}
	}
	compareLog(t, s, want)
	if err := s.DeleteRange(1, 5); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(5) {
		delete(want, i+1)
	}
	compareLog(t, s, want)
}

// A long entry is written once: not again with the next ones, as a page would be that
// they share.
func TestALongEntryIsWrittenOnce(t *testing.T) {
	s := boltIn(t)
	const size, count = 32_000, 20
	before := s.db.Stats()
	for i := range uint64(count) {
		if err := s.StoreLog(entryOf(i+1, size)); err != nil {
			t.Fatal(err)
		}
	}
	after := s.db.Stats()
	if written := after.TxStats.GetPageAlloc() - before.TxStats.GetPageAlloc(); written > count*(size+5*4096) {
		t.Errorf("%d bytes for each entry of %d", written/count, size)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{300, 3300, 64_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			log := sealedLog{boltIn(b)}
			entry := entryOf(0, size)
			b.ReportAllocs()
			for b.Loop() {
				entry.Index++
				if err := log.StoreLogs([]*raft.Log{entry}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
