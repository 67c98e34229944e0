package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/raft"
)

// Where raft stores what it promised to others.
const (
	currentTerm   = "CurrentTerm"
	lastVoteTerm  = "LastVoteTerm"
	lastCandidate = "LastVoteCand"
)

// beginVotes stores that no vote was given yet. From then on a vote that is not
// there was lost.
func beginVotes(stable raft.StableStore) error {
	return errors.Join(stable.SetUint64([]byte(lastVoteTerm), 0), stable.Set([]byte(lastCandidate), nil))
}

// verify reads everything that raft will rely on, and clears a log that a snapshot has
// replaced. A node that starts with less than it had acknowledged could help to elect a
// leader that lacks it, too.
func verify(c *Config, stores *Stores) error {
	compacted, err := stores.verify()
	if err == nil && c.Stores == nil {
		err = checkSnapshots(c, stores)
	}
	if err == nil {
		err = stores.finishInstall(compacted)
	}
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%s: %w; %s", c.DataDir, err, syncRemedy)
	}
	return err
}

// verify returns the index of the newest snapshot, 0 if there is none.
func (s *Stores) verify() (compacted uint64, err error) {
	for _, key := range []string{currentTerm, lastVoteTerm, lastCandidate} {
		if _, err := s.Stable.Get([]byte(key)); err != nil {
			return 0, fmt.Errorf("%w: votes: %s: %w", ErrDamaged, key, err)
		}
	}
	compacted, err = s.verifySnapshot()
	if err != nil {
		return 0, err
	}
	return compacted, s.verifyLog(compacted)
}

// finishInstall clears a log that ends before the snapshot. Raft does so when the
// leader's has been restored, and not at a start: after a crash in between, a log that
// takes no gap would take no entry any more.
func (s *Stores) finishInstall(compacted uint64) error {
	first, err := s.Log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.Log.LastIndex()
	if err != nil || !monotonic(s.Log) || last == 0 || last >= compacted {
		return err
	}
	if err := s.Log.DeleteRange(first, last); err != nil {
		return fmt.Errorf("clear the log: %w; %s", err, openRemedy)
	}
	return nil
}

// verifySnapshot reads the newest snapshot and returns its index, 0 if there is
// none.
func (s *Stores) verifySnapshot() (index uint64, err error) {
	snapshots, err := s.Snapshots.List()
	if err != nil || len(snapshots) == 0 {
		return 0, err
	}
	meta, from, err := s.Snapshots.Open(snapshots[0].ID)
	if err == nil {
		_, err = io.Copy(io.Discard, from)
		err = errors.Join(err, from.Close())
	}
	if err != nil {
		return 0, fmt.Errorf("%w: snapshot %s: %w", ErrDamaged, snapshots[0].ID, err)
	}
	return meta.Index, nil
}

// verifyLog reads the log. Only what the snapshot covers may be missing.
func (s *Stores) verifyLog(compacted uint64) error {
	first, err := s.Log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := s.Log.LastIndex()
	if err != nil || last == 0 {
		return err
	}
	if first > compacted+1 {
		return fmt.Errorf("%w: no snapshot has the entries before %d", ErrDamaged, first)
	}
	var entry raft.Log
	for i := first; i <= last; i++ {
		err := s.Log.GetLog(i, &entry)
		switch {
		case errors.Is(err, raft.ErrLogNotFound) && i <= compacted:
		case errors.Is(err, raft.ErrLogNotFound):
			return fmt.Errorf("%w: entry %d is missing", ErrDamaged, i)
		case err != nil:
			return err
		}
	}
	return nil
}

// How raft names what it writes, and we what we remove: raft does not look at it
// either.
const (
	snapshotsFolder = "snapshots"
	snapshotFile    = "state.bin"
	unfinished      = ".tmp"
	condemned       = ".old" + unfinished
)

// checkSnapshots makes sure that the snapshots are what their names say: raft
// passes over one that it cannot read, and believes every index in the others.
func checkSnapshots(c *Config, stores *Stores) error {
	found, err := stores.Snapshots.List()
	if err != nil {
		return err
	}
	folders, err := os.ReadDir(filepath.Join(c.DataDir, snapshotsFolder))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if !folder.IsDir() || strings.HasSuffix(folder.Name(), unfinished) {
			continue
		}
		at := slices.IndexFunc(found, func(m *raft.SnapshotMeta) bool { return m.ID == folder.Name() })
		if at < 0 && outlived(folder.Name(), found) || at >= 0 && describes(found[at], c.Members) {
			continue
		}
		return fmt.Errorf("%w: %s: what meta.json says is wrong", ErrDamaged, filepath.Join(snapshotsFolder, folder.Name()))
	}
	return nil
}

// outlived says whether there are enough newer snapshots.
func outlived(name string, found []*raft.SnapshotMeta) bool {
	var term, index, at uint64
	_, err := fmt.Sscanf(name, "%d-%d-%d", &term, &index, &at)
	return err == nil && len(found) == snapshotsKept && found[len(found)-1].Index >= index
}

// describes says whether the description fits its snapshot's name, and has all
// members as voters.
func describes(m *raft.SnapshotMeta, members []Member) bool {
	if !strings.HasPrefix(m.ID, fmt.Sprintf("%d-%d-", m.Term, m.Index)) || m.ConfigurationIndex > m.Index {
		return false
	}
	var said []Member
	for _, server := range m.Configuration.Servers {
		if server.Suffrage == raft.Voter {
			said = append(said, Member{Name: string(server.ID), PeerAddr: string(server.Address)})
		}
	}
	return slices.Equal(sorted(said), sorted(members))
}
