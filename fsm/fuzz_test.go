package fsm

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// fuzzDecode holds a decoder to three promises: it does not panic, its error
// says which kind of refusal it is, and what it accepts survives encoding.
func fuzzDecode[T any](f *testing.F, decode func([]byte) (*T, error), encode func([]byte, *T) []byte) {
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNewer) {
				t.Fatalf("error of neither kind: %v", err)
			}
			return
		}
		again, err := decode(encode(nil, x))
		if err != nil {
			t.Fatal(err)
		}
		bare(reflect.ValueOf(x))
		bare(reflect.ValueOf(again))
		if !reflect.DeepEqual(again, x) {
			t.Fatalf("decoded %#v, then %#v", x, again)
		}
	})
}

func FuzzDecodeCommand(f *testing.F) {
	for _, x := range sampleCommands() {
		f.Add(AppendCommand(nil, x))
	}
	fuzzDecode(f, DecodeCommand, AppendCommand)
}

func FuzzDecodeResult(f *testing.F) {
	for _, x := range sampleResults() {
		f.Add(AppendResult(nil, x))
	}
	fuzzDecode(f, DecodeResult, AppendResult)
}

func FuzzDecodeBatch(f *testing.F) {
	f.Add(AppendBatch(nil, &Batch{Time: 1, Commands: [][]byte{{1}, {}, {2, 3}}}))
	fuzzDecode(f, DecodeBatch, AppendBatch)
}

// checkRestore restores b into a fresh FSM, and fails if the FSM is then neither
// as it was nor has a sound new table.
func checkRestore(t *testing.T, b []byte) {
	fsm := New(Config{})
	before, _ := fsm.View()
	err := restore(fsm, b)
	if err == nil {
		if err := fsm.table.Check(); err != nil {
			t.Fatalf("restored a broken table: %v", err)
		}
		return
	}
	if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNewer) {
		t.Fatalf("error of neither kind: %v", err)
	}
	if view, index := fsm.View(); view != before || index != 0 {
		t.Fatal("a refused snapshot changed the table")
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(busyLog(f).snapshot(f))
	f.Fuzz(checkRestore)
}

// The fuzzer cannot guess checksums and counts, so here it gets them for
// nothing: what is left is what a lockd with a bug might have written.
func FuzzRestoreRecords(f *testing.F) {
	_, blocks := cut(busyLog(f).snapshot(f))
	all := blocks[0][4 : len(blocks[0])-4]
	f.Add(all)
	for len(all) > 0 {
		_, _, n := protowire.ConsumeField(all)
		f.Add(all[:n])
		all = all[n:]
	}
	f.Fuzz(func(t *testing.T, records []byte) {
		c := encoder(nil)
		c.header(headerRecord, &header{Counters: gate.Counters{Token: 1 << 52, Number: 1 << 52, Ending: 1 << 52}})
		var n counts
		for len(records) > 0 {
			num, _, size := protowire.ConsumeField(records)
			if size < 0 {
				break
			}
			if kind := n.of(num); kind != nil {
				*kind++
				c.b = append(c.b, records[:size]...)
			}
			records = records[size:]
		}
		c.counts(countsRecord, &n)
		checkRestore(t, sealed(c.b))
	})
}

// of returns the count of one kind of record, nil if there is none.
func (x *counts) of(num protowire.Number) *uint64 {
	return map[protowire.Number]*uint64{
		sessionRecord: &x.Sessions, ledgerRecord: &x.Ledgers, answerRecord: &x.Answers,
		holdRecord: &x.Holds, requestRecord: &x.Requests, endingRecord: &x.Endings,
	}[num]
}

// sealed returns a snapshot file whose only block holds the given records.
func sealed(records []byte) []byte {
	var file bytes.Buffer
	w := snapshotWriter{to: &file, pace: func() {}}
	w.begin()
	w.c.b = append(w.c.b, records...)
	w.flush()
	return file.Bytes()
}
