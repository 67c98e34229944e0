package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lockd/fsm"
	"lockd/gate"

	"github.com/hashicorp/raft"
)

func TestOutcomesOfRaftErrors(t *testing.T) {
	for err, want := range map[error]error{
		raft.ErrNotLeader:                    errNotApplied,
		raft.ErrLeadershipTransferInProgress: errNotApplied,
		raft.ErrEnqueueTimeout:               errNotApplied,
		raft.ErrLeadershipLost:               ErrOutcomeUnknown,
		raft.ErrRaftShutdown:                 ErrOutcomeUnknown,
		raft.ErrAbortedByRestore:             ErrOutcomeUnknown,
		errors.New("disk on fire"):           ErrOutcomeUnknown,
	} {
		if got := outcomeOf(err); !errors.Is(got, want) || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
		if got := errorOf(endOf(outcomeOf(err))); !errors.Is(got, want) {
			t.Errorf("%v over the wire: %v", err, got)
		}
	}
	for _, err := range []error{ErrOverloaded} {
		if got := errorOf(endOf(err)); !errors.Is(got, err) {
			t.Errorf("%v over the wire: %v", err, got)
		}
	}
}

func testBatcher() (*batcher, chan struct{}) {
	stop := make(chan struct{})
	return newBatcher(time.Now, nil, new(signal), stop), stop
}

func TestBatchHoldsAsMuchAsItsBoundsAllow(t *testing.T) {
	b, _ := testBatcher()
	put := func(many, size int) {
		for range many {
			if err := b.put(&proposal{command: make([]byte, size), done: func(int, verdict) {}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(MaxBatchCommands+1, 1)
	if got := len(b.take()); got != MaxBatchCommands {
		t.Errorf("batch of %d small commands", got)
	}
	if got := len(b.take()); got != 1 {
		t.Errorf("then %d", got)
	}
	put(3, MaxBatchBytes/2)
	if got := len(b.take()); got != 2 {
		t.Errorf("batch of %d large commands", got)
	}
	b.take()
	put(2, MaxBatchBytes+1)
	if got := len(b.take()); got != 1 {
		t.Errorf("batch of %d commands that are larger than a batch", got)
	}
	b.take()
	if b.take() != nil || b.bytes != 0 {
		t.Errorf("%d bytes are left of nothing", b.bytes)
	}
}

func TestFullQueueRefuses(t *testing.T) {
	b, stop := testBatcher()
	var got error
	p := func(size int) *proposal {
		return &proposal{command: make([]byte, size), done: func(_ int, v verdict) { got = v.err }}
	}
	for range MaxQueuedCommands {
		if err := b.put(p(0)); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, b.put(p(0)), ErrOverloaded)
	b.take()
	wantError(t, b.put(p(MaxQueuedBytes+1)), ErrOverloaded)
	close(stop)
	b.drain()
	wantError(t, got, ErrShuttingDown)
	wantError(t, b.put(p(1)), ErrShuttingDown)
}

func TestAbandonedProposalIsNotSent(t *testing.T) {
	b, _ := testBatcher()
	p := &proposal{done: func(int, verdict) { t.Error("an abandoned proposal was answered") }}
	if err := b.put(p); err != nil {
		t.Fatal(err)
	}
	if abandoned, unsent := p.abandon(); !abandoned || !unsent {
		t.Errorf("abandoned %t, unsent %t", abandoned, unsent)
	}
	if batch := b.take(); len(batch) != 0 {
		t.Errorf("a batch of %d", len(batch))
	}
	p.finish(verdict{err: errNotApplied})
}

func TestProposalAbandonedUnderWayGivesItsSeatBack(t *testing.T) {
	p := &proposal{done: func(int, verdict) { t.Error("an abandoned proposal was answered") }}
	p.take()
	if abandoned, unsent := p.abandon(); !abandoned || unsent {
		t.Errorf("abandoned %t, unsent %t", abandoned, unsent)
	}
	r := newRoom()
	r.expect(3)
	p.finish(verdict{result: &gate.Result{Code: gate.Queued, Request: 3}, room: r})
	r.settle(3, lateAnswer{result: &gate.Result{}})
	if len(r.places) != 0 {
		t.Error("the seat is still kept")
	}
}

func TestRoomGivesEachClaimTheAnswerOnce(t *testing.T) {
	answer := lateAnswer{result: &gate.Result{Code: gate.Acquired}, index: 9}
	for _, x := range []struct {
		name string
		// steps are: e expect, c claim, l leave, p pass, s settle, x close.
		steps string
		told  []lateAnswer
		left  int
	}{
		{"claim, then the answer", "ecs", []lateAnswer{answer}, 0},
		{"the answer, then the claim", "esc", []lateAnswer{answer}, 0},
		{"two commands for one request", "eecsc", []lateAnswer{answer, answer}, 0},
		{"one of two passes", "eecsp", []lateAnswer{answer}, 0},
		{"nobody asks yet", "es", nil, 1},
		{"left before the answer", "ecls", nil, 0},
		{"closed while waiting", "ecx", []lateAnswer{{}}, 0},
		{"claimed after the close", "exc", []lateAnswer{{}}, 0},
		{"answered, closed, then claimed", "esxc", []lateAnswer{answer}, 0},
		{"unknown request", "c", []lateAnswer{{}}, 0},
		{"an answer that nobody expects", "s", nil, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := newRoom()
			var told []lateAnswer
			var leave func()
			for _, step := range x.steps {
				switch step {
				case 'e':
					r.expect(1)
				case 'c':
					leave = r.claim(1, func(a lateAnswer) { told = append(told, a) })
				case 'l':
					leave()
				case 'p':
					r.pass(1)
				case 's':
					r.settle(1, answer)
				case 'x':
					r.close()
				}
			}
			if fmt.Sprint(told) != fmt.Sprint(x.told) || len(r.places) != x.left {
				t.Errorf("told %v, want %v; %d places left, want %d", told, x.told, len(r.places), x.left)
			}
		})
	}
}

func entry(index uint64, events int) *fsm.Applied {
	return &fsm.Applied{Index: index, Outcomes: []gate.Outcome{{Events: make([]gate.Event, events)}}}
}

func TestAReaderOfSomeKindsGetsThoseAlone(t *testing.T) {
	var l EventLog
	some, err := l.Subscribe(EventID{}, gate.EventBroken, gate.EventMoved)
	if err != nil {
		t.Fatal(err)
	}
	const entries = 3 * MaxEventsRead
	for i := range uint64(entries) {
		kind := gate.EventAcquired
		if i%MaxEventsRead == MaxEventsRead-1 || i == entries/2 {
			kind = gate.EventMoved
		}
		l.publish(&fsm.Applied{Index: i + 1, Outcomes: []gate.Outcome{{Events: []gate.Event{{Kind: kind}}}}})
	}
	patient, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	var read []uint64
	for len(read) < 4 {
		events, err := some.Next(patient)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if read = append(read, e.ID.Index); e.Kind != gate.EventMoved {
				t.Errorf("event %+v", e)
			}
		}
	}
	if want := []uint64{MaxEventsRead, entries/2 + 1, 2 * MaxEventsRead, entries}; !slices.Equal(read, want) {
		t.Errorf("read %v, want %v", read, want)
	}
	l.publish(entry(entries+1, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if events, err := some.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v after the last", events, err)
	}
}

func TestReaderWhoFallsBehindIsToldSo(t *testing.T) {
	var l EventLog
	slow, err := l.Subscribe(EventID{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(EventsKept + 1) {
		l.publish(entry(i+1, 1))
	}
	_, err = slow.Next(t.Context())
	wantError(t, err, ErrTooOld)
	_, err = l.Subscribe(EventID{Index: 0, Position: 1})
	wantError(t, err, ErrTooOld)
	oldest, err := l.Subscribe(EventID{Index: 1, Position: 1})
	if err != nil {
		t.Fatal(err)
	}
	for read := 0; read < EventsKept; {
		events, err := oldest.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			read++
			if want := (EventID{Index: uint64(read + 1), Position: 1}); e.ID != want {
				t.Fatalf("event %v, want %v", e.ID, want)
			}
		}
	}
}

func TestEventsOfOneEntryAreNumberedAcrossItsCommands(t *testing.T) {
	var l EventLog
	s, _ := l.Subscribe(EventID{})
	l.publish(&fsm.Applied{Index: 4, Outcomes: []gate.Outcome{{Events: make([]gate.Event, 2)}, {}, {Events: make([]gate.Event, 1)}}})
	events, err := s.Next(t.Context())
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for i, e := range events {
		if want := (EventID{Index: 4, Position: uint32(i + 1)}); e.ID != want {
			t.Errorf("event %v, want %v", e.ID, want)
		}
	}
}

func TestEventsBeforeARestoreAreTooOld(t *testing.T) {
	var l EventLog
	l.publish(entry(4, 1))
	s, _ := l.Subscribe(EventID{})
	l.restart(10)
	_, err := s.Next(t.Context())
	wantError(t, err, ErrTooOld)
	l.publish(entry(11, 1))
	again, err := l.Subscribe(EventID{Index: 10, Position: 1})
	if again != nil {
		t.Error("resumed within a snapshot")
	}
	wantError(t, err, ErrTooOld)
}

func TestANodeKnowsTheTermsThatItLedLast(t *testing.T) {
	var s termSet
	if s.has(0) {
		t.Error("it led before it was founded")
	}
	for term := uint64(2); term <= 2*maxTerms+4; term += 2 {
		s.add(term)
		if !s.has(term) || s.has(term-1) {
			t.Errorf("after term %d: %v, and term %d: %v", term, s.has(term), term-1, s.has(term-1))
		}
	}
	if s.has(4) || !s.has(6) || len(*s.terms.Load()) != maxTerms {
		t.Errorf("terms %v are left, want the last %d", *s.terms.Load(), maxTerms)
	}
}

func TestFreshnessIsWhatWasHeardAndApplied(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	applied, term := uint64(0), uint64(3)
	f := &freshness{term: func() uint64 { return term }, applied: func() uint64 { return applied }}
	check := func(what string, want time.Time) {
		t.Helper()
		if got := f.at(); !got.Equal(want) {
			t.Errorf("%s: as of %v, want %v", what, got, want)
		}
	}
	check("at the start", time.Time{})
	f.heard(3, 0, at(1))
	check("a heartbeat says nothing", time.Time{})
	f.heard(2, 5, at(2))
	check("a former leader says nothing", time.Time{})
	f.heard(3, 5, at(3))
	f.heard(3, 6, at(4))
	check("not applied yet", time.Time{})
	applied = 5
	check("applied", at(3))
	f.heard(3, 5, at(5))
	check("nothing new", at(5))
	f.led(at(4))
	check("never back", at(5))
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	two := []Member{{"n1", "a:1"}, {"n2", "a:2"}}
	good := func() Config {
		c := testConfig(t, "n1", two)
		c.DataDir = "somewhere"
		c.Transport, c.Link = newNetwork().join("n1")
		return c
	}
	for name, spoil := range map[string]func(*Config){
		"no members":         func(c *Config) { c.Members = nil },
		"not a member":       func(c *Config) { c.Name = "n3" },
		"a name twice":       func(c *Config) { c.Members = []Member{{"n1", "a:1"}, {"n1", "a:2"}} },
		"an address twice":   func(c *Config) { c.Members = []Member{{"n1", "a:1"}, {"n2", "a:1"}} },
		"no address":         func(c *Config) { c.Members = []Member{{"n1", ""}} },
		"no directory":       func(c *Config) { c.DataDir = "" },
		"no transport":       func(c *Config) { c.Transport = nil },
		"no pre-vote":        func(c *Config) { c.Transport = struct{ raft.Transport }{c.Transport} },
		"no link":            func(c *Config) { c.Link = nil },
		"no reader":          func(c *Config) { c.Reader = nil },
		"no way to end":      func(c *Config) { c.OnFatal = nil },
		"no time":            func(c *Config) { c.Timing.Answer = 0 },
		"a nervous keeper":   func(c *Config) { c.Timing.Stall = c.Timing.Tick },
		"endless log growth": func(c *Config) { c.SnapshotBytes = 0 },
	} {
		c := good()
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := good()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
