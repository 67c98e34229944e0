package cluster

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func TestLeadershipIsProvedByAQuorumOfVotersOnly(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	type ack struct {
		term  uint64
		voter raft.ServerID
		sent  time.Time
	}
	three := []raft.ServerID{"n1", "n2", "n3"}
	five := []raft.ServerID{"n1", "n2", "n3", "n4", "n5"}
	for _, x := range []struct {
		name   string
		voters []raft.ServerID
		acks   []ack
		want   time.Time
	}{
		{"nothing was answered", three, nil, time.Time{}},
		{"one of two others", three, []ack{{5, "n2", at(10)}}, at(10)},
		{"the later of two others", three, []ack{{5, "n2", at(10)}, {5, "n3", at(12)}}, at(12)},
		{"an older message answered late takes nothing back", three, []ack{{5, "n2", at(10)}, {5, "n2", at(8)}}, at(10)},
		{"a non-voter does not count", three, []ack{{5, "n9", at(10)}}, time.Time{}},
		{"another term does not count", three, []ack{{4, "n2", at(10)}, {6, "n3", at(10)}}, time.Time{}},
		{"one of four others is no quorum", five, []ack{{5, "n2", at(10)}}, time.Time{}},
		{"two of four others", five, []ack{{5, "n2", at(10)}, {5, "n3", at(12)}}, at(10)},
		{"the second latest of four others", five, []ack{{5, "n2", at(10)}, {5, "n3", at(12)}, {5, "n4", at(14)}}, at(12)},
		{"a leader without a vote needs all of a quorum", []raft.ServerID{"n2", "n3", "n4"}, []ack{{5, "n2", at(10)}, {5, "n3", at(12)}}, at(10)},
		{"alone", []raft.ServerID{"n1"}, nil, at(99)},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := &ackClock{self: "n1", voters: func() []raft.ServerID { return x.voters }}
			var told time.Time
			c.lead(5, func(until time.Time) { told = until })
			for _, a := range x.acks {
				c.record(a.term, a.voter, a.sent)
			}
			got := c.until(5, at(99))
			if !got.Equal(x.want) {
				t.Errorf("proved until %v, want %v", got, x.want)
			}
			if len(x.voters) > 1 && !told.Equal(x.want) {
				t.Errorf("told %v, want %v", told, x.want)
			}
			if !c.until(4, at(99)).IsZero() {
				t.Error("another term is proved")
			}
		})
	}
}

func TestNewTermStartsWithoutAnyProof(t *testing.T) {
	c := &ackClock{self: "n1", voters: func() []raft.ServerID { return []raft.ServerID{"n1", "n2", "n3"} }}
	c.lead(5, nil)
	c.record(5, "n2", time.Unix(10, 0))
	c.lead(6, nil)
	c.record(5, "n3", time.Unix(11, 0))
	if got := c.until(6, time.Unix(99, 0)); !got.IsZero() {
		t.Errorf("proved until %v", got)
	}
}

// proverAt is a prover whose clock and heartbeats the test works by hand.
type proverAt struct {
	*prover
	clock *ackClock
	now   time.Time
	over  chan struct{}
}

func newProverAt() *proverAt {
	p := &proverAt{now: time.Unix(100, 0), over: make(chan struct{})}
	p.clock = &ackClock{self: "n1", voters: func() []raft.ServerID { return []raft.ServerID{"n1", "n2", "n3"} }}
	p.prover = newProver(p.clock, 5, func() time.Time { return p.now }, p.over)
	p.clock.lead(5, p.advance)
	return p
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestAnswerToAMessageSentBeforeTheReadDoesNotConfirmIt(t *testing.T) {
	p := newProverAt()
	before := p.now.Add(-time.Nanosecond)
	done, err := p.join()
	if err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(time.Second)
	p.clock.record(5, "n2", before)
	p.clock.record(5, "n3", before)
	if isClosed(done) {
		t.Fatal("confirmed by answers to older messages")
	}
	p.clock.record(5, "n2", before.Add(time.Microsecond))
	if !isClosed(done) {
		t.Error("not confirmed by an answer to a newer message")
	}
}

func TestAllWhoWaitShareOneTrigger(t *testing.T) {
	p := newProverAt()
	asked := func() bool {
		select {
		case <-p.trigger:
			return true
		default:
			return false
		}
	}
	first, _ := p.join()
	if !asked() {
		t.Fatal("no heartbeats for the first read")
	}
	triggered := p.now
	p.now = p.now.Add(time.Millisecond)
	second, _ := p.join()
	third, _ := p.join()
	if asked() {
		t.Error("more heartbeats while some are under way")
	}
	p.clock.record(5, "n2", triggered)
	if !isClosed(first) || isClosed(second) || isClosed(third) {
		t.Error("the heartbeats confirm who came before them, and nobody else")
	}
	if !asked() {
		t.Error("no heartbeats for those who came meanwhile")
	}
	p.clock.record(5, "n3", p.now)
	if !isClosed(second) || !isClosed(third) {
		t.Error("not confirmed")
	}
	if asked() {
		t.Error("heartbeats for nobody")
	}
}

func TestReadFailsAtOnceWhenLeadershipIsLost(t *testing.T) {
	p := newProverAt()
	close(p.over)
	wantError(t, p.wait(t.Context()), errNotApplied)
}

func TestWaitingConfirmationsAreBounded(t *testing.T) {
	p := newProverAt()
	for range MaxConfirmations {
		if _, err := p.join(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := p.join()
	wantError(t, err, ErrOverloaded)
}

// slowTransport takes a while for everything, and answers as it is told.
type slowTransport struct {
	raft.Transport
	raft.WithPreVote
	took   func()
	answer raft.AppendEntriesResponse
	err    error
}

func (s *slowTransport) AppendEntries(_ raft.ServerID, _ raft.ServerAddress, _ *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	s.took()
	*resp = s.answer
	return s.err
}

func TestOnlySuccessCountsAndFromTheTimeOfSending(t *testing.T) {
	start := time.Unix(100, 0)
	yes := raft.AppendEntriesResponse{Term: 5, Success: true}
	for _, x := range []struct {
		name   string
		answer raft.AppendEntriesResponse
		err    error
		want   time.Time
	}{
		{"success", yes, nil, start},
		{"refused", raft.AppendEntriesResponse{Term: 5}, nil, time.Time{}},
		{"a later term", raft.AppendEntriesResponse{Term: 6, Success: true}, nil, time.Time{}},
		{"no answer", yes, errCut, time.Time{}},
	} {
		now := start
		clock := &ackClock{self: "n1", voters: func() []raft.ServerID { return []raft.ServerID{"n1", "n2", "n3"} }}
		clock.lead(5, nil)
		inner := &slowTransport{took: func() { now = now.Add(time.Second) }, answer: x.answer, err: x.err}
		log := new(parallelLog)
		must(t, log.begin(5))
		trans := newTransport(inner, log, clock, nil, func() time.Time { return now })
		err := trans.AppendEntries("n2", "n2", &raft.AppendEntriesRequest{Term: 5}, new(raft.AppendEntriesResponse))
		if err != x.err {
			t.Errorf("%s: error %v", x.name, err)
		}
		if got := clock.until(5, now); !got.Equal(x.want) {
			t.Errorf("%s: proved until %v, want %v", x.name, got, x.want)
		}
	}
}
