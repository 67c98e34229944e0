package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Status is the cluster as one node sees it.
type Status struct {
	Node    string
	Version string
	// Role is "leader", "follower", "candidate" or "shutdown".
	Role string
	Term uint64
	// LeaderID and LeaderClientURL are empty while no leader is known.
	LeaderID        string
	LeaderClientURL string
	AppliedIndex    uint64
	CommitIndex     uint64
	// Hash is the hash of the table at HashIndex; two nodes have the same hash
	// at the same index.
	HashIndex uint64
	Hash      uint64
	// Members are all members, sorted by ID.
	Members []MemberStatus
}

// MemberStatus is one member as the node that was asked for the status sees it.
type MemberStatus struct {
	ID        string
	PeerAddr  string
	ClientURL string
	// Suffrage is "voter" or "nonvoter".
	Suffrage string
	// Healthy says that the member answered in time.
	Healthy bool
	// AppliedLag is how many log entries the member has still to apply; zero if
	// it did not answer.
	AppliedLag uint64
	Version    string
	// Role and Term are the member's own; empty and zero if it did not answer.
	Role string
	Term uint64
	// LastContact is how long ago it heard of a leader; HasContact is false on the
	// leader, and if it never did or did not answer.
	LastContact time.Duration
	HasContact  bool
	// Disk has the member's files; nil where that is not known.
	Disk *Disk
}

// Disk is the size of a file system and what can still be written there, in bytes.
type Disk struct {
	Total uint64 `json:"total"`
	Free  uint64 `json:"free"`
}

// selfReport is what a member says about itself, as JSON between nodes.
type selfReport struct {
	ClientURL string `json:"client_url"`
	Version   string `json:"version"`
	Applied   uint64 `json:"applied"`
	Commit    uint64 `json:"commit"`
	Role      string `json:"role"`
	Term      uint64 `json:"term"`
	// ContactMS is how long ago it heard of a leader, or nil.
	ContactMS *int64 `json:"contact_ms,omitempty"`
	Disk      *Disk  `json:"disk,omitempty"`
}

// Status describes the cluster. It asks the other members, and waits for them a
// few hundred milliseconds at most; it works without a leader, too.
func (n *Node) Status(ctx context.Context) Status {
	s := Status{Node: n.config.Name, Version: n.config.Version, Role: n.role(), Term: n.raft.CurrentTerm()}
	s.LeaderID, s.LeaderClientURL, _, _ = n.Leader()
	servers := n.raft.GetConfiguration().Configuration().Servers
	reports := n.askAll(ctx, servers)
	view, index := n.fsm.View()
	s.HashIndex, s.Hash = index, view.Hash()
	s.AppliedIndex, s.CommitIndex = n.fsm.Applied(), n.raft.CommitIndex()
	commit := s.CommitIndex
	for _, r := range reports {
		commit = max(commit, r.Commit)
	}
	for _, server := range servers {
		m := MemberStatus{ID: string(server.ID), PeerAddr: string(server.Address), Suffrage: "nonvoter"}
		if server.Suffrage == raft.Voter {
			m.Suffrage = "voter"
		}
		if r, answered := reports[server.ID]; answered {
			m.Healthy, m.ClientURL, m.Version = true, r.ClientURL, r.Version
			m.AppliedLag = commit - min(commit, r.Applied)
			m.Role, m.Term, m.Disk = r.Role, r.Term, r.Disk
			if r.ContactMS != nil {
				m.LastContact, m.HasContact = time.Duration(*r.ContactMS)*time.Millisecond, true
			}
		} else if s.LeaderID == m.ID {
			m.ClientURL = s.LeaderClientURL
		}
		s.Members = append(s.Members, m)
	}
	return s
}

func (n *Node) role() string {
	switch n.raft.State() {
	case raft.Leader:
		return "leader"
	case raft.Candidate:
		return "candidate"
	case raft.Shutdown:
		return "shutdown"
	default:
		return "follower"
	}
}

func (n *Node) report() selfReport {
	r := selfReport{
		ClientURL: n.config.ClientURL, Version: n.config.Version,
		Applied: n.fsm.Applied(), Commit: n.raft.CommitIndex(),
		Role: n.role(), Term: n.raft.CurrentTerm(),
	}
	if heard := n.raft.LastContact(); r.Role != "leader" && !heard.IsZero() {
		// raft took the time, so not config.Clock.
		r.ContactMS = new(max(0, time.Since(heard).Milliseconds()))
	}
	if n.config.Stores == nil {
		r.Disk = diskOf(n.config.DataDir)
	}
	return r
}

// askAll returns what those members say who answer in time.
func (n *Node) askAll(ctx context.Context, servers []raft.Server) map[raft.ServerID]selfReport {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	reports := map[raft.ServerID]selfReport{n.id: n.report()}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, server := range servers {
		if server.ID == n.id {
			continue
		}
		asking.Go(func() {
			answer, err := n.ask(ctx, server.ID, kindStatus, nil)
			if err != nil {
				return
			}
			var r selfReport
			if json.Unmarshal(answer, &r) == nil {
				mu.Lock()
				reports[server.ID] = r
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	return reports
}

func (n *Node) serveStatus(context.Context, []byte) []byte {
	text, err := json.Marshal(n.report())
	if err != nil {
		panic(errors.Join(errors.New("cluster: status has no JSON form"), err))
	}
	return text
}
