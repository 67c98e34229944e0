package fsm

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
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

// checkRestore restores b into an FSM that has a table already, and fails if
// the FSM is then neither the old one nor a sound new one.
func checkRestore(t *testing.T, b []byte) {
	l := busyLog(t)
	before, index := l.fsm.View()
	err := l.fsm.Restore(io.NopCloser(bytes.NewReader(b)))
	if err == nil {
		if err := l.fsm.table.Check(); err != nil {
			t.Fatalf("restored a broken table: %v", err)
		}
		return
	}
	if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNewer) {
		t.Fatalf("error of neither kind: %v", err)
	}
	if view, at := l.fsm.View(); view != before || at != index {
		t.Fatal("a refused snapshot changed the table")
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(busyLog(f).snapshot(f))
	f.Fuzz(checkRestore)
}

// The fuzzer cannot guess checksums, so here it gets them for nothing.
func FuzzRestoreRecords(f *testing.F) {
	whole := busyLog(f).snapshot(f)
	start := len(snapshotMagic) + 8
	f.Add(whole[start : len(whole)-4])
	f.Fuzz(func(t *testing.T, records []byte) { checkRestore(t, sealed(records)) })
}

// sealed returns a snapshot file whose only block holds the given records.
func sealed(records []byte) []byte {
	var file bytes.Buffer
	w := snapshotWriter{to: &file}
	w.begin()
	w.c.b = append(w.c.b, records...)
	w.flush()
	return file.Bytes()
}
