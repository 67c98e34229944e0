package cluster

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/raft"
)

// identity is the content of cluster.json: whose directory this is.
type identity struct {
	Format  int      `json:"format"`
	Cluster string   `json:"cluster"`
	Node    string   `json:"node"`
	Members []Member `json:"members"`
	// LogStore is absent for bolt.
	LogStore LogStore `json:"log_store,omitempty"`
	// Bootstrapped is set once the log has its first entry. A log that is
	// empty afterwards was lost, and with it the node's promises to others.
	Bootstrapped bool `json:"bootstrapped"`
}

const (
	identityFile   = "cluster.json"
	identityFormat = 1
)

// ClusterID names the cluster that these members found. The order of the list
// does not matter.
func ClusterID(members []Member) string {
	sum := sha256.New()
	for _, m := range sorted(members) {
		fmt.Fprintf(sum, "%q %q\n", m.Name, m.PeerAddr)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func sorted(members []Member) []Member {
	return slices.SortedFunc(slices.Values(members), func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
}

// bootstrap makes sure that the stores are this node's in this cluster, and
// begins the log if there is none.
func bootstrap(c *Config, stores *Stores, trans raft.Transport) error {
	// Raft, which reads the term too, does not pass on what kind of error it met.
	if _, err := stores.Stable.Get([]byte(currentTerm)); errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%s: votes: %w; %s", c.DataDir, err, syncRemedy)
	}
	begun, err := raft.HasExistingState(stores.Log, founding{stores.Stable}, stores.Snapshots)
	if err != nil {
		return fmt.Errorf("read the stores: %w", err)
	}
	if c.Stores == nil {
		if err := claimDirectory(c, begun); err != nil {
			return err
		}
	}
	if begun {
		if err := verify(c, stores); err != nil {
			return err
		}
	} else {
		if err := beginVotes(stores.Stable); err != nil {
			return fmt.Errorf("begin the votes: %w; %s", err, openRemedy)
		}
		var voters raft.Configuration
		for _, m := range sorted(c.Members) {
			voters.Servers = append(voters.Servers, raft.Server{ID: raft.ServerID(m.Name), Address: raft.ServerAddress(m.PeerAddr)})
		}
		if err := raft.BootstrapCluster(c.raftConfig(), stores.Log, founding{stores.Stable}, stores.Snapshots, trans, voters); err != nil {
			return fmt.Errorf("begin the log: %w; %s", err, openRemedy)
		}
	}
	if c.Stores == nil {
		return writeIdentity(c, true)
	}
	return nil
}

// founding shows no term while that is the first. Raft stores it before the log's
// first entry, which a crash between the two leaves missing. Nobody votes in it.
type founding struct{ raft.StableStore }

// GetUint64 implements raft.StableStore.
func (s founding) GetUint64(key []byte) (uint64, error) {
	value, err := s.StableStore.GetUint64(key)
	if string(key) == currentTerm && value == 1 {
		value = 0
	}
	return value, err
}

// claimDirectory compares cluster.json with the configuration, and writes it
// into a new directory.
func claimDirectory(c *Config, begun bool) error {
	path := filepath.Join(c.DataDir, identityFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if begun {
			return fmt.Errorf("%w: %s has a log but no %s; restore that file, or: %s", ErrIncompleteDirectory, c.DataDir, identityFile, syncRemedy)
		}
		return writeIdentity(c, false)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	var found identity
	if err := json.Unmarshal(text, &found); err != nil {
		return fmt.Errorf("%w: %s: %w; restore that file from a copy, or: %s", ErrForeignDirectory, path, err, syncRemedy)
	}
	want := ClusterID(c.Members)
	switch {
	case found.Format != identityFormat:
		return fmt.Errorf("%w: %s has format %d, this build knows %d; use the build that wrote it", ErrForeignDirectory, path, found.Format, identityFormat)
	case found.Node != c.Name:
		return fmt.Errorf("%w: %s is node %q's, this is %q; give each node its own directory", ErrForeignDirectory, c.DataDir, found.Node, c.Name)
	case found.Cluster != want:
		return fmt.Errorf("%w: %s was founded with the members %v, the configuration says %v; correct the list, or use another directory", ErrForeignDirectory, c.DataDir, found.Members, sorted(c.Members))
	case found.LogStore != c.foundedWith():
		return fmt.Errorf("%w: %s keeps its log in another store than %s; start the node with the one it was begun with, "+
			"or move to another: one node at a time, with an empty directory (docs/RECOVERY.md)", ErrForeignDirectory, c.DataDir, c.LogStore)
	case found.Bootstrapped && !begun:
		return fmt.Errorf("%w: the log in %s is gone, and with it the votes that this node gave: %s", ErrIncompleteDirectory, c.DataDir, syncRemedy)
	}
	return nil
}

// foundedWith is the log store as cluster.json names it.
func (c *Config) foundedWith() LogStore {
	if c.LogStore == LogBolt {
		return ""
	}
	return c.LogStore
}

// writeIdentity replaces cluster.json in one step, unless it says this already.
func writeIdentity(c *Config, bootstrapped bool) error {
	text, err := json.MarshalIndent(identity{
		Format: identityFormat, Cluster: ClusterID(c.Members), Node: c.Name, Members: sorted(c.Members),
		LogStore: c.foundedWith(), Bootstrapped: bootstrapped,
	}, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(c.DataDir, identityFile)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := writeFile(path, text); err != nil {
		return fmt.Errorf("write %s: %w; %s", path, err, openRemedy)
	}
	return nil
}

// writeFile makes text the file's content: after a crash it is the old or the new.
func writeFile(path string, text []byte) (err error) {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
