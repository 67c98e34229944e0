package cluster

import (
	"fmt"
	"testing"
	"time"

	"lockd/gate"
)

func TestRestartedClusterKeepsHoldersAndTokens(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		t.Run(fmt.Sprintf("snapshot=%t", snapshot), func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *testCluster) {
				first := do(t, c.leader(), acquire("run-1", "k"), gate.Acquired)
				for _, n := range c.nodes {
					if !snapshot {
						break
					}
					if err := n.raft.Snapshot().Error(); err != nil {
						t.Fatal(err)
					}
				}
				for _, m := range c.members {
					c.stop(m.Name)
				}
				for _, m := range c.members {
					c.start(m.Name)
				}
				leader := c.leader()
				if got := holder(t, leader, "k"); got != "run-1" {
					t.Errorf("holder %q", got)
				}
				do(t, leader, acquire("run-2", "k"), gate.Occupied)
				later := do(t, leader, acquire("run-2", "other"), gate.Acquired)
				if before, after := first.Result.Grants[0].Token, later.Result.Grants[0].Token; after <= before {
					t.Errorf("token %d after %d", after, before)
				}
			})
		})
	}
}

func TestFollowerBehindASnapshotCatchesUp(t *testing.T) {
	few := func(c *Config) { c.TrailingLogs = 1 }
	inTunedCluster(t, few, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		behind := c.followers(leader)[0]
		events := behind.Events()
		stale, err := events.Subscribe(EventID{})
		if err != nil {
			t.Fatal(err)
		}
		c.network.isolate(behind.config.Name)
		for i := range 200 {
			do(t, leader, acquire("run-1", fmt.Sprint(i)), gate.Acquired)
		}
		if err := leader.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		c.network.heal()
		time.Sleep(5 * time.Second)
		leader = c.leader()
		ours, at := leader.fsm.View()
		theirs, also := behind.fsm.View()
		if at != also || ours.Hash() != theirs.Hash() {
			t.Errorf("%d/%x at the leader, %d/%x at the follower", at, ours.Hash(), also, theirs.Hash())
		}
		_, err = stale.Next(within(t, time.Second))
		wantError(t, err, ErrTooOld)
		if name, url, _, known := behind.Leader(); !known || name != leader.config.Name || url != leader.config.ClientURL {
			t.Errorf("leader %q %q %t", name, url, known)
		}
	})
}

func TestSnapshotIsTakenWhenTheLogHasGrownByEnough(t *testing.T) {
	for name, small := range map[string]func(*Config){
		"bytes":   func(c *Config) { c.SnapshotBytes = 10_000 },
		"entries": func(c *Config) { c.SnapshotEntries = 150 },
	} {
		t.Run(name, func(t *testing.T) {
			inTunedCluster(t, small, func(t *testing.T, c *testCluster) {
				leader := c.leader()
				for i := range 200 {
					do(t, leader, acquire("run-1", fmt.Sprintf("%0100d", i)), gate.Acquired)
				}
				time.Sleep(20 * time.Second)
				for _, n := range c.nodes {
					taken, err := n.stores.Snapshots.List()
					if err != nil || len(taken) == 0 {
						t.Errorf("%s: %d snapshots, %v", n.config.Name, len(taken), err)
					}
					if grown := n.stores.log.grown.now(); grown.entries >= 150 || grown.bytes >= 10_000 {
						t.Errorf("%s: the log is still %d entries of %d bytes ahead", n.config.Name, grown.entries, grown.bytes)
					}
				}
			})
		})
	}
}

func TestTransferredLeadershipGoesWhereItWasSent(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		to, other := c.followers(leader)[0], c.followers(leader)[1]
		wantError(t, leader.TransferLeadership(t.Context(), "n9"), ErrUnknownMember)
		if err := other.TransferLeadership(t.Context(), to.config.Name); err != nil {
			t.Fatal(err)
		}
		do(t, other, acquire("run-1", "k"), gate.Acquired)
		if next := c.leader(); next != to {
			t.Errorf("%s leads", next.config.Name)
		}
	})
}

func TestLeadershipIsNotSentToAMemberOutOfContact(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		away := c.followers(leader)[0]
		c.network.isolate(away.config.Name)
		time.Sleep(time.Second)
		wantError(t, leader.TransferLeadership(t.Context(), away.config.Name), ErrTransferFailed)
		began := time.Now()
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("the next command took %s", took)
		}
	})
}

func TestShutdownHandsLeadershipOverWithinASecond(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		others := c.followers(leader)
		answers := make(chan error)
		stop := make(chan struct{})
		go func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					close(answers)
					return
				default:
				}
				asked := time.Now()
				_, err := others[0].Do(t.Context(), acquire("run", fmt.Sprint(i)))
				if took := time.Since(asked); took >= leader.config.Timing.Election {
					t.Errorf("a command took %s, as long as an election", took)
				}
				answers <- err
				time.Sleep(5 * time.Millisecond)
			}
		}()
		began := time.Now()
		go func() {
			c.stop(leader.config.Name)
			if took := time.Since(began); took > time.Second {
				t.Errorf("shutdown took %s", took)
			}
			time.Sleep(time.Second)
			close(stop)
		}()
		for err := range answers {
			if err != nil {
				t.Errorf("a command failed: %v", err)
			}
		}
	})
}

func TestStaleReadTellsItsAge(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		time.Sleep(time.Second)
		for _, n := range c.nodes {
			view, _, age, known := n.Stale()
			if !known || age > 100*time.Millisecond {
				t.Errorf("%s: age %s, known %t", n.config.Name, age, known)
			}
			if got := view.Lock(key("k")).Holders; len(got) != 1 {
				t.Errorf("%s: holders %+v", n.config.Name, got)
			}
		}
		away := c.followers(leader)[0]
		c.network.isolate(away.config.Name)
		time.Sleep(10 * time.Second)
		if _, _, age, known := away.Stale(); !known || age < 10*time.Second || age > 10200*time.Millisecond {
			t.Errorf("after the cut: age %s, known %t", age, known)
		}
	})
}

func TestRestartedNodeWithoutALeaderDoesNotKnowItsAge(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		name := c.leader().config.Name
		c.stop(name)
		c.start(name)
		c.network.isolate(name)
		time.Sleep(5 * time.Second)
		if _, _, age, known := c.nodes[name].Stale(); known && age < 4*time.Second {
			t.Errorf("age %s", age)
		}
	})
}

func TestStatusWorksOnAMinorityToo(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		time.Sleep(time.Second)
		var hash uint64
		for _, n := range c.nodes {
			s := n.Status(t.Context())
			if s.LeaderID != leader.config.Name || s.LeaderClientURL != leader.config.ClientURL || len(s.Members) != 3 {
				t.Errorf("%s: %+v", n.config.Name, s)
			}
			for _, m := range s.Members {
				if !m.Healthy || m.ClientURL != "http://"+m.ID || m.Suffrage != "voter" || m.AppliedLag != 0 {
					t.Errorf("%s: %+v", n.config.Name, m)
				}
				leads := m.ID == leader.config.Name
				if (m.Role == "leader") != leads || m.Term != s.Term || m.HasContact == leads || m.LastContact > time.Second {
					t.Errorf("%s: what a member says of itself: %+v", n.config.Name, m)
				}
			}
			if hash == 0 {
				hash = s.Hash
			}
			if s.Hash != hash {
				t.Errorf("%s: hash %x, others %x", n.config.Name, s.Hash, hash)
			}
		}
		away := c.followers(leader)[0]
		c.network.isolate(away.config.Name)
		time.Sleep(2 * time.Second)
		s := away.Status(t.Context())
		healthy := 0
		for _, m := range s.Members {
			if m.Healthy {
				healthy++
			}
		}
		if s.LeaderID != "" || healthy != 1 || s.Role == "leader" {
			t.Errorf("on the minority: %+v", s)
		}
		for _, m := range s.Members {
			own := m.ID == s.Node
			if (m.Role != "") != own || own && (!m.HasContact || m.LastContact < time.Second) {
				t.Errorf("on the minority: %+v", m)
			}
		}
	})
}

func TestEventsAreTheSameOnEveryNodeAndCanBeResumed(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		time.Sleep(time.Second)
		readers := make(map[string]*Subscription)
		for name, n := range c.nodes {
			s, err := n.Events().Subscribe(EventID{})
			if err != nil {
				t.Fatal(err)
			}
			readers[name] = s
		}
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		do(t, leader, release("run-1", "k"), gate.Released)
		var first []Event
		for name, s := range readers {
			var got []Event
			for len(got) < 2 {
				more, err := s.Next(within(t, time.Second))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got = append(got, more...)
			}
			if first == nil {
				first = got
			}
			for i := range got {
				if got[i] != first[i] {
					t.Errorf("%s: %+v, others %+v", name, got[i], first[i])
				}
			}
		}
		again, err := c.nodes["n1"].Events().Subscribe(first[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if rest, err := again.Next(within(t, time.Second)); err != nil || len(rest) != 1 || rest[0] != first[1] {
			t.Errorf("resumed: %+v, %v", rest, err)
		}
	})
}
