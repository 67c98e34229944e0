package fsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// testLog is a log that is applied to one FSM as it is written.
type testLog struct {
	fsm     *FSM
	entries []*raft.Log
}

func newLog(config Config) *testLog { return &testLog{fsm: New(config)} }

// apply appends one entry with the given commands and applies it.
func (l *testLog) apply(commands ...*gate.Command) *Applied {
	index := uint64(len(l.entries) + 1)
	x := Batch{Time: gate.Wall(1_767_225_600_000 + index)}
	for _, command := range commands {
		x.Commands = append(x.Commands, AppendCommand(nil, command))
	}
	entry := &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: AppendBatch(nil, &x)}
	l.entries = append(l.entries, entry)
	return l.fsm.Apply(entry).(*Applied)
}

func (l *testLog) do(op gate.Op) gate.Result {
	return l.apply(&gate.Command{Op: op}).Outcomes[0].Result
}

func (l *testLog) hash() uint64 {
	view, _ := l.fsm.View()
	return view.Hash()
}

func key(text string) gate.Name { return gate.Name{Kind: gate.Key, Text: text} }

func ref(text string) gate.Name { return gate.Name{Kind: gate.Reference, Text: text} }

func acquireKey(run, name string) *gate.Acquire {
	return &gate.Acquire{Run: run, Wants: []gate.Want{{Name: key(name)}}}
}

// busyLog returns a log whose table has something of every kind.
func busyLog(t testing.TB) *testLog {
	t.Helper()
	l := newLog(Config{})
	l.do(&gate.StartTerm{Term: 1, Leader: "n1", ClientURL: "http://127.0.0.1:7410"})
	one := l.do(&gate.OpenSession{TTL: time.Minute, LockDelay: time.Second, Client: sampleClient(), Nonce: 11}).Session
	two := l.do(&gate.OpenSession{TTL: time.Hour, Client: sampleClient(), Nonce: 12}).Session
	dying := l.do(&gate.OpenSession{TTL: time.Hour, LockDelay: time.Minute, Nonce: 13}).Session

	exclusive := []gate.Want{{Name: ref("prod/db")}, {Name: ref("prod/web"), Mode: gate.Shared}}
	l.apply(
		&gate.Command{Session: one, Seq: 1, Op: &gate.Acquire{Run: "r1", Wants: exclusive, Reason: "deploy", Client: sampleClient()}},
		&gate.Command{Session: one, Seq: 3, Done: []uint64{5}, Op: acquireKey("r1", "free")},
		&gate.Command{Op: acquireKey("r1", "nightly")},
		&gate.Command{Session: two, Seq: 1, Op: &gate.Acquire{
			Run: "r2", Wants: []gate.Want{{Name: ref("prod"), Scope: gate.Tree}}, Wait: time.Hour, Reason: "freeze", Client: sampleClient(),
		}},
		&gate.Command{Session: two, Seq: 2, Op: acquireKey("r3", "nightly")},
		&gate.Command{Session: dying, Op: acquireKey("r4", "delayed")},
	)
	token := l.do(acquireKey("r5", "broken")).Grants[0].Token
	l.do(&gate.Break{Name: key("broken"), Token: token, Reason: "gone", Actor: "ops"})
	l.do(&gate.Expire{Term: 1, Sessions: []uint64{dying.Number}})

	view, _ := l.fsm.View()
	if size := view.Size(); size.Holds == 0 || size.Requests == 0 || size.Sessions == 0 || size.Answers == 0 || size.Endings == 0 {
		t.Fatalf("the busy table lacks something: %+v", size)
	}
	return l
}

func TestApplyAnswersEveryCommandOfItsBatchInOrder(t *testing.T) {
	var told *Applied
	l := newLog(Config{OnApply: func(done *Applied) { told = done }})
	done := l.apply(&gate.Command{Op: acquireKey("r1", "a")}, &gate.Command{Op: acquireKey("r2", "a")}, &gate.Command{Op: acquireKey("r2", "b")})

	if done.Index != 1 || done.Term != 1 || done.Time != 1_767_225_600_001 {
		t.Errorf("applied %+v", done)
	}
	for i, want := range []gate.Code{gate.Acquired, gate.Occupied, gate.Acquired} {
		if got := done.Outcomes[i].Result.Code; got != want {
			t.Errorf("command %d: code %d, want %d", i, got, want)
		}
	}
	if told != done {
		t.Error("OnApply was told something else")
	}
}

// What an entry did is said in the memory of an earlier one: nothing of that may
// shine through, and who keeps what it was told has memory of its own.
func TestMemoryOfOutcomesIsUsedAgainUnlessTheyAreKept(t *testing.T) {
	busy := busyLog(t)
	var kept []*Applied
	keeps := New(Config{OnApply: func(done *Applied) { kept = append(kept, done) }})
	for _, entry := range busy.entries {
		keeps.Apply(entry)
	}
	again := false
	var last *gate.Outcome
	uses := New(Config{
		Keeps: func(term uint64) bool { return term != 1 },
		OnApply: func(done *Applied) {
			want := kept[done.Index-1]
			if text, wanted := fmt.Sprintf("%+v", done.Outcomes), fmt.Sprintf("%+v", want.Outcomes); text != wanted {
				t.Errorf("entry %d:\n%s\nwant\n%s", done.Index, text, wanted)
			}
			again = again || last == &done.Outcomes[0]
			last = &done.Outcomes[0]
		},
	})
	for _, entry := range busy.entries {
		uses.Apply(entry)
	}
	if !again {
		t.Error("no memory was used again")
	}
}

// Operations are decoded in the memory of those of the last entry, apart from what the
// table keeps of them.
func TestARequestThatWaitsKeepsItsNames(t *testing.T) {
	l := newLog(Config{})
	session := l.do(&gate.OpenSession{TTL: time.Minute, Nonce: 11}).Session
	acquire := func(run string, wait time.Duration, names ...string) *gate.Command {
		op := &gate.Acquire{Run: run, Wait: wait}
		for _, name := range names {
			op.Wants = append(op.Wants, gate.Want{Name: ref(name)})
		}
		return &gate.Command{Session: session, Op: op}
	}
	l.apply(acquire("r1", 0, "a", "b", "c"), acquire("r2", time.Hour, "a", "x"), acquire("r3", time.Hour, "y", "b"))
	release := &gate.Command{Session: session, Op: &gate.Release{Run: "r4", Gives: []gate.Give{{Name: ref("p")}, {Name: ref("q")}}}}
	for range 3 {
		l.apply(acquire("r4", 0, "p", "q"), acquire("r5", 0, "s", "t"), acquire("r6", 0, "u", "v"), release)
		l.apply(release, acquire("r4", time.Hour, "p", "q"), acquire("r7", 0, "p", "q"))
	}
	view, _ := l.fsm.View()
	for run, want := range map[string][]string{"r2": {"a", "x"}, "r3": {"y", "b"}} {
		_, request := view.Run(run)
		var names []string
		for _, w := range request.Wants {
			names = append(names, w.Name.Text)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s waits for %v, not %v", run, names, want)
		}
	}
}

// One command may end all holds of a session; the memory for that is not kept for
// those that make one event.
func TestLongOutcomesGiveTheirMemoryBack(t *testing.T) {
	most := 0
	l := newLog(Config{
		Keeps:   func(uint64) bool { return false },
		OnApply: func(done *Applied) { most = max(most, cap(done.Outcomes[0].Events)) },
	})
	l.apply(&gate.Command{Op: &gate.OpenSession{TTL: time.Minute, Nonce: 1}})
	view, _ := l.fsm.View()
	sessions, _ := view.Sessions(0, 1)
	id := sessions[0].ID
	for i := range 500 {
		l.apply(&gate.Command{Session: id, Op: acquireKey("run", fmt.Sprint(i))})
	}
	l.apply(&gate.Command{Session: id, Op: &gate.CloseSession{}})
	if most < 500 {
		t.Fatalf("no outcome was long: %d events at most", most)
	}
	if left := cap(l.fsm.outcomes[0].Events); left >= 500 {
		t.Errorf("memory for %d events is kept", left)
	}
}

func TestNothingOfACommandIsLeftInTheNextOne(t *testing.T) {
	l := newLog(Config{})
	full := acquireKey("r1", "a")
	full.Limit, full.Reason, full.Client = 3, "deploy", sampleClient()
	l.do(full)
	l.do(acquireKey("r2", "b"))
	view, _ := l.fsm.View()
	if h := view.Lock(key("a")).Holders[0]; h.Reason != "deploy" || h.Client == nil || h.Limit != 3 {
		t.Errorf("the first: %+v", h)
	}
	if h := view.Lock(key("b")).Holders[0]; h.Reason != "" || h.Client != nil || h.Limit != 1 {
		t.Errorf("the second has something of the first: %+v", h)
	}
}

func TestAnEmptyBatchOnlyMovesTheIndex(t *testing.T) {
	l := newLog(Config{})
	if done := l.apply(); len(done.Outcomes) != 0 || l.fsm.Applied() != 1 {
		t.Errorf("applied %+v, index %d", done, l.fsm.Applied())
	}
}

func TestAnUnreadableEntryHaltsTheNodeAndChangesNothing(t *testing.T) {
	good := AppendCommand(nil, &gate.Command{Op: acquireKey("r", "k")})
	newer := append([]byte{commandVersion + 1}, good[1:]...)
	unknown := []byte{commandVersion, 0xfa, 0x1, 0}
	for what, test := range map[string]struct {
		entry  []byte
		kind   error
		remedy string
	}{
		"newer batch":       {[]byte{batchVersion + 1}, ErrNewer, "upgrade this node"},
		"newer command":     {AppendBatch(nil, &Batch{Commands: [][]byte{good, newer}}), ErrNewer, "upgrade this node"},
		"unknown operation": {AppendBatch(nil, &Batch{Commands: [][]byte{good, unknown}}), ErrNewer, "upgrade this node"},
		"damaged command":   {AppendBatch(nil, &Batch{Commands: [][]byte{good, good[:5]}}), ErrMalformed, "replace"},
		"nothing":           {nil, ErrMalformed, "replace"},
	} {
		t.Run(what, func(t *testing.T) {
			l := newLog(Config{OnApply: func(*Applied) { t.Error("OnApply was called") }})
			before := l.hash()
			defer func() {
				err, _ := recover().(error)
				if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.remedy) {
					t.Errorf("panic is %v", err)
				}
				if l.hash() != before || l.fsm.Applied() != 0 {
					t.Error("part of the entry was applied")
				}
			}()
			l.fsm.Apply(&raft.Log{Index: 1, Data: test.entry})
		})
	}
}

func TestAViewIsOneVersion(t *testing.T) {
	l := busyLog(t)
	view, index := l.fsm.View()
	hash := view.Hash()
	if again, _ := l.fsm.View(); again != view {
		t.Error("a second view was made though nothing was applied")
	}
	l.do(acquireKey("later", "later"))
	if view.Hash() != hash || len(view.Lock(key("later")).Holders) != 0 {
		t.Error("a view changed under its reader")
	}
	later, next := l.fsm.View()
	if len(later.Lock(key("later")).Holders) != 1 || next != index+1 {
		t.Errorf("view as of %d lacks the entry", next)
	}
}

func TestAConfigurationMovesTheAppliedIndexOnly(t *testing.T) {
	l := busyLog(t)
	before, index := l.fsm.View()
	l.fsm.StoreConfiguration(index+5, raft.Configuration{})
	view, now := l.fsm.View()
	if view != before || now != index+5 || l.fsm.Applied() != index+5 {
		t.Errorf("view as of %d, applied %d, want %d", now, l.fsm.Applied(), index+5)
	}
}

func TestAppliedReachesAnEntryOnlyAfterOnApplyWhenTheViewHasIt(t *testing.T) {
	var l *testLog
	l = newLog(Config{OnApply: func(done *Applied) {
		if _, index := l.fsm.View(); index != done.Index {
			t.Errorf("view as of %d in OnApply of %d", index, done.Index)
		}
		if l.fsm.Applied() != done.Index-1 {
			t.Errorf("applied %d before OnApply of %d returned", l.fsm.Applied(), done.Index)
		}
	}})
	l.do(acquireKey("r", "a"))
	l.do(acquireKey("r", "b"))
}

func TestWaitAppliedReturnsWithTheEntryAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(Config{})
		indexes := []uint64{3, 1, 2, 3}
		returned := make([]bool, len(indexes))
		for i, index := range indexes {
			go func() {
				if err := l.fsm.WaitApplied(t.Context(), index); err != nil {
					t.Error(err)
				}
				returned[i] = true
			}()
		}
		for range 4 {
			synctest.Wait()
			for i, index := range indexes {
				if want := l.fsm.Applied() >= index; returned[i] != want {
					t.Errorf("applied %d: wait for %d returned is %v", l.fsm.Applied(), index, returned[i])
				}
			}
			l.do(acquireKey("r", "k"))
		}
		if err := l.fsm.WaitApplied(t.Context(), 2); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitAppliedGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog(Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.fsm.WaitApplied(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		if len(l.fsm.waiters) != 0 {
			t.Error("who gave up is still waited for")
		}
	})
}

func TestReplicasThatTookASnapshotAgreeWithThoseThatDidNot(t *testing.T) {
	l := busyLog(t)
	half := len(l.entries) / 2
	first := &testLog{fsm: New(Config{})}
	for _, entry := range l.entries[:half] {
		first.fsm.Apply(entry)
	}
	second := &testLog{fsm: New(Config{})}
	if err := second.fsm.Restore(io.NopCloser(bytes.NewReader(first.snapshot(t)))); err != nil {
		t.Fatal(err)
	}
	for _, entry := range l.entries[half:] {
		first.fsm.Apply(entry)
		second.fsm.Apply(entry)
		if first.hash() != second.hash() {
			t.Fatalf("replicas differ as of %d", entry.Index)
		}
	}
	if first.hash() != l.hash() {
		t.Error("the same log gave another table")
	}
}
