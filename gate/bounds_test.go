package gate_test

import (
	"fmt"
	"testing"
	"time"

	"lockd/gate"
)

// openSession opens a session on both and returns its id.
func openSession(t *testing.T, p *pair) gate.SessionID {
	t.Helper()
	out, err := p.apply(&gate.Command{Op: &gate.OpenSession{TTL: 10 * time.Second, Nonce: 1}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return out.Result.Session
}

// boundedPair is a pair for many commands, of which few need be looked at in full.
func boundedPair() *pair {
	p := newPair(universeNames(), universeRuns)
	p.thorough = 256
	return p
}

func acquireOne(run, ref string, wait time.Duration) *gate.Acquire {
	name := gate.Name{Kind: gate.Reference, Text: ref}
	return &gate.Acquire{Run: run, Wants: []gate.Want{{Name: name}}, Wait: wait}
}

// A session that keeps the greatest number of answers refuses more until its
// client says which it has seen.
func TestAnswersKeptAreBounded(t *testing.T) {
	p := boundedPair()
	session := openSession(t, p)
	send := func(seq, acked uint64, done ...uint64) gate.Code {
		t.Helper()
		ref := gate.Name{Kind: gate.Reference, Text: "a"}
		out, err := p.apply(&gate.Command{
			Session: session, Seq: seq, Acked: acked, Done: done,
			Op: &gate.Release{Run: "r1", Gives: []gate.Give{{Name: ref}}},
		}, 1)
		if err != nil {
			t.Fatalf("seq %d: %v", seq, err)
		}
		return out.Result.Code
	}
	for seq := range uint64(gate.MaxAnswers) {
		send(seq+1, 0)
	}
	for _, step := range []struct {
		seq, acked uint64
		done       []uint64
		want       gate.Code
	}{
		{seq: gate.MaxAnswers + 1, want: gate.Overloaded},
		{seq: gate.MaxAnswers, want: gate.NotHeld},
		{seq: gate.MaxAnswers + 1, want: gate.Overloaded},
		{seq: gate.MaxAnswers + 1, done: []uint64{500}, want: gate.NotHeld},
		{seq: gate.MaxAnswers + 2, want: gate.Overloaded},
		{seq: gate.MaxAnswers + 2, acked: 10, want: gate.NotHeld},
		{seq: 10, want: gate.StaleRequest},
		{seq: 500, want: gate.StaleRequest},
		{seq: 501, want: gate.NotHeld},
	} {
		if got := send(step.seq, step.acked, step.done...); got != step.want {
			t.Errorf("seq %d acked %d done %v: code %d, want %d", step.seq, step.acked, step.done, got, step.want)
		}
	}
}

// Answers that are still to come do not count: a waiting command is no answer.
func TestWaitingCommandsAreNotKeptAnswers(t *testing.T) {
	p := boundedPair()
	session := openSession(t, p)
	apply := func(cmd *gate.Command, want gate.Code) {
		t.Helper()
		out, err := p.apply(cmd, 1)
		if err != nil {
			t.Fatal(err)
		}
		if out.Result.Code != want {
			t.Fatalf("%s: code %d, want %d", commandText(cmd), out.Result.Code, want)
		}
	}
	apply(&gate.Command{Op: acquireOne("r1", "a", 0)}, gate.Acquired)
	apply(&gate.Command{Session: session, Seq: 1, Op: acquireOne("r2", "a", time.Minute)}, gate.Queued)
	for seq := range uint64(gate.MaxAnswers) {
		apply(&gate.Command{Session: session, Seq: seq + 2, Op: acquireOne("r3", "a", 0)}, gate.Occupied)
	}
	apply(&gate.Command{Session: session, Seq: gate.MaxAnswers + 2, Op: acquireOne("r3", "a", 0)}, gate.Overloaded)
	apply(&gate.Command{Op: &gate.ReleaseRun{Run: "r1"}}, gate.RunReleased)
	apply(&gate.Command{Session: session, Seq: 1, Op: acquireOne("r2", "a", time.Minute)}, gate.Acquired)
}

// What a client says it has seen is remembered with a bounded number of gaps;
// a command that leaves more changes nothing.
func TestGapsInSeenAnswersAreBounded(t *testing.T) {
	p := boundedPair()
	session := openSession(t, p)
	send := func(seq uint64, done []uint64, want gate.Code) {
		t.Helper()
		out, err := p.apply(&gate.Command{Session: session, Seq: seq, Done: done, Op: acquireOne("r1", "a", 0)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if out.Result.Code != want {
			t.Fatalf("seq %d: code %d, want %d", seq, out.Result.Code, want)
		}
	}
	var done []uint64
	for i := range uint64(gate.MaxDoneRanges) {
		done = append(done, 10+2*i)
	}
	send(1, done, gate.Acquired)
	send(2, []uint64{5}, gate.Overloaded)
	send(5, nil, gate.Acquired)
	send(2, []uint64{11}, gate.Acquired)
	send(3, []uint64{7}, gate.Acquired)
	send(4, []uint64{5}, gate.Overloaded)
}

// One request answers a bounded number of numbered commands.
func TestCommandsThatJoinARequestAreBounded(t *testing.T) {
	p := boundedPair()
	session := openSession(t, p)
	if _, err := p.apply(&gate.Command{Op: acquireOne("r1", "a", 0)}, 1); err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(gate.MaxJoins + 1) {
		out, err := p.apply(&gate.Command{Session: session, Seq: seq + 1, Op: acquireOne("r2", "a", time.Minute)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := gate.Queued
		if seq == gate.MaxJoins {
			want = gate.Overloaded
		}
		if out.Result.Code != want {
			t.Fatalf("seq %d: code %d, want %d", seq+1, out.Result.Code, want)
		}
	}
}

// The queue at one name is bounded; a try is refused as ever.
func TestTheQueueAtANameIsBounded(t *testing.T) {
	table := gate.New()
	opened := table.Apply(&gate.Command{Op: &gate.OpenSession{TTL: time.Minute, Nonce: 1}}, 1).Result
	code := func(run string, wait time.Duration) gate.Code {
		return table.Apply(&gate.Command{Session: opened.Session, Op: acquireOne(run, "a", wait)}, 1).Result.Code
	}
	if got := code("holder", 0); got != gate.Acquired {
		t.Fatalf("code %d for the holder", got)
	}
	for i := range gate.MaxQueue {
		if got := code(fmt.Sprint("r", i), time.Minute); got != gate.Queued {
			t.Fatalf("request %d: code %d", i, got)
		}
	}
	if got := code("late", time.Minute); got != gate.Overloaded {
		t.Errorf("code %d for one request too many, want %d", got, gate.Overloaded)
	}
	if got := code("late", 0); got != gate.Occupied {
		t.Errorf("code %d for a try, want %d", got, gate.Occupied)
	}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}

// Of the names whose holders ended well the one that has gone longest without an
// ending is forgotten first, and likewise of those that ended badly: however many
// names end well, the next holder of one that ended badly is told.
func TestRememberedNamesAreBounded(t *testing.T) {
	table := gate.New()
	ref := func(stem string, i int) gate.Name { return gate.Name{Kind: gate.Reference, Text: fmt.Sprint(stem, i)} }
	hold := func(name gate.Name) gate.Grant {
		return table.Apply(&gate.Command{Op: acquireOne("r1", name.Text, 0)}, 1).Result.Grants[0]
	}
	endBadly := func(i int) {
		held := hold(ref("bad", i))
		table.Apply(&gate.Command{Op: &gate.Break{Name: held.Name, Token: held.Token}}, 1)
	}
	endWell := func(i int) {
		held := hold(ref("good", i))
		table.Apply(&gate.Command{Op: &gate.Release{Run: "r1", Gives: []gate.Give{{Name: held.Name}}}}, 1)
	}
	// Number 0 of each kind ends once more when the bound is reached.
	for _, end := range []func(int){endBadly, endWell} {
		for i := range gate.MaxHistories {
			end(i)
		}
		end(0)
		end(gate.MaxHistories)
	}
	v := table.Snapshot()
	for _, stem := range []string{"bad", "good"} {
		for i, want := range map[int]int{0: 2, 1: 0, 2: 1, gate.MaxHistories: 1} {
			if got := len(v.History(ref(stem, i))); got != want {
				t.Errorf("%s%d: %d endings, want %d", stem, i, got, want)
			}
		}
	}
	if got, want := v.Size().Endings, 2*(gate.MaxHistories+1); got != want {
		t.Errorf("%d endings remembered, want %d", got, want)
	}
	if got := hold(ref("bad", 2)).Previous; got == nil || got.End != gate.EndBroken {
		t.Errorf("the next holder of a name that ended badly is told %+v", got)
	}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}
