package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// sink is a raft.SnapshotSink in memory that fails once full.
type sink struct {
	bytes.Buffer
	room              int
	closed, cancelled bool
}

var errFull = errors.New("disk full")

func (s *sink) Write(b []byte) (int, error) {
	if s.room > 0 && s.Len()+len(b) > s.room {
		return 0, errFull
	}
	return s.Buffer.Write(b)
}

func (s *sink) ID() string    { return "test" }
func (s *sink) Close() error  { s.closed = true; return nil }
func (s *sink) Cancel() error { s.cancelled = true; return nil }

// snapshot returns a snapshot file of the table as it is.
func (l *testLog) snapshot(t testing.TB) []byte {
	t.Helper()
	taken, err := l.fsm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return persist(t, taken)
}

func persist(t testing.TB, taken raft.FSMSnapshot) []byte {
	t.Helper()
	defer taken.Release()
	var to sink
	if err := taken.Persist(&to); err != nil {
		t.Fatal(err)
	}
	if !to.closed || to.cancelled {
		t.Fatal("the sink was not closed")
	}
	return to.Bytes()
}

func restore(f *FSM, file []byte) error { return f.Restore(io.NopCloser(bytes.NewReader(file))) }

func TestARestoredTableEqualsTheOneThatWasWritten(t *testing.T) {
	l := busyLog(t)
	file := l.snapshot(t)
	restored := uint64(0)
	f := New(Config{OnRestore: func(index uint64) { restored = index }})
	if err := restore(f, file); err != nil {
		t.Fatal(err)
	}
	want, index := l.fsm.View()
	got, now := f.View()
	if got.Hash() != want.Hash() || got.Size() != want.Size() || got.Counters() != want.Counters() {
		t.Errorf("restored %+v %+v, written %+v %+v", got.Size(), got.Counters(), want.Size(), want.Counters())
	}
	if err := f.table.Check(); err != nil {
		t.Error(err)
	}
	if now != index || f.Applied() != index || restored != index {
		t.Errorf("restored as of %d (applied %d, told %d), written as of %d", now, f.Applied(), restored, index)
	}
	if again := (&testLog{fsm: f}).snapshot(t); !bytes.Equal(again, file) {
		t.Error("the restored table is written otherwise")
	}
}

func TestARestoreReplacesTheTableAndNoViewOfIt(t *testing.T) {
	source, l := busyLog(t), wideLog()
	old, _ := l.fsm.View()
	before := old.Hash()
	if err := restore(l.fsm, source.snapshot(t)); err != nil {
		t.Fatal(err)
	}
	if l.hash() != source.hash() {
		t.Error("the view is not of the restored table")
	}
	if old.Hash() != before || len(old.Lock(key("key-7")).Holders) != 1 {
		t.Error("the view of an earlier reader changed")
	}
}

func TestAnEmptyTableSurvivesASnapshot(t *testing.T) {
	f := New(Config{})
	if err := restore(f, newLog(Config{}).snapshot(t)); err != nil {
		t.Fatal(err)
	}
	if view, index := f.View(); view.Size() != (gate.Size{}) || index != 0 {
		t.Errorf("restored %+v as of %d", view.Size(), index)
	}
}

func TestASnapshotIsTheVersionOfItsMoment(t *testing.T) {
	l := busyLog(t)
	want := l.snapshot(t)
	taken, err := l.fsm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	l.do(acquireKey("later", "later"))
	l.do(&gate.ReleaseRun{Run: "r1"})
	if got := persist(t, taken); !bytes.Equal(got, want) {
		t.Error("commands that came later are in the snapshot")
	}
}

func TestASnapshotOfManyBlocksIsRestored(t *testing.T) {
	l := wideLog()
	file := l.snapshot(t)
	if len(file) < 3*blockBytes {
		t.Fatalf("only %d bytes", len(file))
	}
	f := New(Config{})
	if err := restore(f, file); err != nil {
		t.Fatal(err)
	}
	if view, _ := f.View(); view.Hash() != l.hash() {
		t.Error("the restored table differs")
	}
}

// wideLog returns a log whose table fills several blocks of a snapshot.
func wideLog() *testLog {
	l := newLog(Config{})
	commands := make([]*gate.Command, 10_000)
	for i := range commands {
		commands[i] = &gate.Command{Op: acquireKey("run", fmt.Sprintf("key-%d", i))}
	}
	l.apply(commands...)
	return l
}

// refused restores file over a busy table and fails unless that is refused as
// kind and leaves the table alone.
func refused(t *testing.T, what string, l *testLog, file []byte, kind error) {
	t.Helper()
	before, index := l.fsm.View()
	if err := restore(l.fsm, file); !errors.Is(err, kind) {
		t.Errorf("%s: error is %v", what, err)
	}
	if view, now := l.fsm.View(); view != before || now != index || l.fsm.Applied() != index {
		t.Errorf("%s: the table was changed", what)
	}
}

func TestASnapshotCutShortIsRefused(t *testing.T) {
	l := busyLog(t)
	file := l.snapshot(t)
	for n := range file {
		refused(t, fmt.Sprintf("%d of %d bytes", n, len(file)), l, file[:n], ErrMalformed)
	}
}

func TestASnapshotWithAnyBitWrongIsRefused(t *testing.T) {
	l := busyLog(t)
	file := l.snapshot(t)
	version := len(snapshotMagic)
	for at := range file {
		kind := ErrMalformed
		if at >= version && at < version+4 {
			kind = ErrNewer
		}
		for bit := range 8 {
			if at == version && 1<<bit == snapshotVersion {
				continue // version 0, and tested below
			}
			file[at] ^= 1 << bit
			refused(t, fmt.Sprintf("byte %d, bit %d", at, bit), l, file, kind)
			file[at] ^= 1 << bit
		}
	}
}

func TestBlocksLostRepeatedOrExchangedAreRefused(t *testing.T) {
	l := wideLog()
	head, blocks := cut(l.snapshot(t))
	if len(blocks) < 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	join := func(blocks ...[]byte) []byte { return append(bytes.Clone(head), bytes.Join(blocks, nil)...) }
	last := blocks[len(blocks)-1]
	refused(t, "lost", l, join(blocks[0], last), ErrMalformed)
	refused(t, "repeated", l, join(append([][]byte{blocks[0], blocks[1]}, blocks[1:]...)...), ErrMalformed)
	refused(t, "exchanged", l, join(append([][]byte{blocks[1], blocks[0]}, blocks[2:]...)...), ErrMalformed)
	refused(t, "followed", l, append(join(blocks...), 0), ErrMalformed)
	refused(t, "twice", l, append(join(blocks...), join(blocks...)...), ErrMalformed)
}

// cut takes a snapshot file apart into its head and its blocks.
func cut(file []byte) (head []byte, blocks [][]byte) {
	head, file = file[:len(snapshotMagic)+4], file[len(snapshotMagic)+4:]
	for len(file) > 0 {
		n := 8 + int(file[0]) + int(file[1])<<8 + int(file[2])<<16
		blocks, file = append(blocks, file[:n]), file[n:]
	}
	return head, blocks
}

// What is below has a good checksum: it was written so.
func TestASnapshotThatWasWrittenWrongIsRefused(t *testing.T) {
	hold := sampleHold()
	records := func(write func(c *coder)) []byte {
		c := encoder(nil)
		write(&c)
		return sealed(c.b)
	}
	for what, test := range map[string]struct {
		file []byte
		kind error
	}{
		"a newer version": {append([]byte(snapshotMagic), snapshotVersion+1, 0, 0, 0), ErrNewer},
		"version zero":    {append([]byte(snapshotMagic), 0, 0, 0, 0), ErrMalformed},
		"another magic":   {append([]byte("LOCKDSNQ"), snapshotVersion, 0, 0, 0), ErrMalformed},
		"no records":      {sealed(nil), ErrMalformed},
		"a record of no kind": {records(func(c *coder) {
			c.header(headerRecord, &header{})
			c.hold(99, &hold)
		}), ErrNewer},
		"no header": {records(func(c *coder) { c.counts(countsRecord, &counts{}) }), ErrMalformed},
		"two headers": {records(func(c *coder) {
			c.header(headerRecord, &header{})
			c.header(headerRecord, &header{})
			c.counts(countsRecord, &counts{})
		}), ErrMalformed},
		"wrong counts": {records(func(c *coder) {
			c.header(headerRecord, &header{})
			c.counts(countsRecord, &counts{Holds: 1})
		}), ErrMalformed},
		"a record after the counts": {records(func(c *coder) {
			c.header(headerRecord, &header{})
			c.counts(countsRecord, &counts{})
			c.counts(countsRecord, &counts{})
		}), ErrMalformed},
		"a hold of no session": {records(func(c *coder) {
			c.header(headerRecord, &header{})
			c.hold(holdRecord, &hold)
			c.counts(countsRecord, &counts{Holds: 1})
		}), ErrMalformed},
		"a record twice": {records(func(c *coder) {
			session := gate.Session{ID: gate.SessionID{Number: 1, Nonce: 2}}
			c.header(headerRecord, &header{Counters: gate.Counters{Number: 1}})
			c.session(sessionRecord, &session)
			c.session(sessionRecord, &session)
			c.counts(countsRecord, &counts{Sessions: 2})
		}), ErrMalformed},
		"garbage":      {sealed([]byte{0xff, 0xff, 0xff}), ErrMalformed},
		"a bare field": {sealed([]byte{1 << 3, 0}), ErrMalformed},
	} {
		refused(t, what, busyLog(t), test.file, test.kind)
	}
}

func TestAFalseBlockLengthCostsNoMemory(t *testing.T) {
	file := append([]byte(snapshotMagic), snapshotVersion, 0, 0, 0, 0, 0, maxBlockBytes>>16-1, 0)
	f := New(Config{})
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if err := restore(f, file); !errors.Is(err, ErrMalformed) {
				b.Fatal(err)
			}
		}
	})
	if most := int64(4 * readAheadBytes); got.AllocedBytesPerOp() > most {
		t.Errorf("%d bytes of input allocate %d", len(file), got.AllocedBytesPerOp())
	}
}

func TestARefusalOfANewerSnapshotNamesTheRemedy(t *testing.T) {
	err := restore(New(Config{}), append([]byte(snapshotMagic), snapshotVersion+1, 0, 0, 0))
	if !strings.Contains(err.Error(), "upgrade this node") {
		t.Errorf("error is %v", err)
	}
}

func TestTheWriterOfASnapshotIsPacedBetweenBlocks(t *testing.T) {
	var to sink
	var seen []int
	l := wideLog()
	l.fsm.config.Pace = func() { seen = append(seen, to.Len()) }
	taken, err := l.fsm.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := taken.Persist(&to); err != nil {
		t.Fatal(err)
	}
	head, blocks := cut(to.Bytes())
	at := len(head)
	for i, block := range blocks {
		if at += len(block); i >= len(seen) || seen[i] != at {
			t.Fatalf("blocks end at %d, the writer paused at %v", at, seen)
		}
	}
}

func TestASnapshotThatCannotBeWrittenIsCancelled(t *testing.T) {
	l := wideLog()
	for _, room := range []int{1, blockBytes + blockBytes/2} {
		taken, err := l.fsm.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		to := sink{room: room}
		if err := taken.Persist(&to); !errors.Is(err, errFull) {
			t.Errorf("room for %d: error is %v", room, err)
		}
		if !to.cancelled || to.closed {
			t.Errorf("room for %d: the sink was not cancelled", room)
		}
	}
}

// brokenReader fails like a disk.
type brokenReader struct{}

var errDisk = errors.New("input/output error")

func (brokenReader) Read([]byte) (int, error) { return 0, errDisk }
func (brokenReader) Close() error             { return nil }

func TestAReadErrorIsNotTakenForDamage(t *testing.T) {
	err := New(Config{}).Restore(brokenReader{})
	if !errors.Is(err, errDisk) || errors.Is(err, ErrMalformed) {
		t.Errorf("error is %v", err)
	}
}
