package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/hashicorp/raft"
)

// A seal is what is stored beside each entry and each vote, so that the node
// knows what its disk has changed: a version byte and a CRC-32C. The file has no
// checksums for its pages, and most flipped bits make another valid command.
const (
	sealVersion = 1
	sealBytes   = 1 + crc32.Size
)

// sealed appends the seal of what was summed to b.
func sealed(b []byte, sum uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, sealVersion), sum)
}

// unseal cuts the seal off b, and gives the checksum in it.
func unseal(b []byte) (content []byte, sum uint32, err error) {
	at := len(b) - sealBytes
	if at < 0 || b[at] != sealVersion {
		return nil, 0, fmt.Errorf("%w: no checksum of version %d", ErrDamaged, sealVersion)
	}
	return b[:at:at], binary.BigEndian.Uint32(b[at+1:]), nil
}

// sealedLog keeps each entry's seal in its extensions, which go no further than
// this node's disk.
type sealedLog struct{ raft.LogStore }

// IsMonotonic implements raft.MonotonicLogStore.
func (l sealedLog) IsMonotonic() bool { return monotonic(l.LogStore) }

// StoreLog implements raft.LogStore.
func (l sealedLog) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs stores copies: the entries belong to raft, which sends them too.
func (l sealedLog) StoreLogs(entries []*raft.Log) error {
	copies := make([]raft.Log, len(entries))
	stored := make([]*raft.Log, len(entries))
	for i, entry := range entries {
		copies[i] = *entry
		own := make([]byte, 0, len(entry.Extensions)+sealBytes)
		copies[i].Extensions = sealed(append(own, entry.Extensions...), entrySum(entry, entry.Extensions))
		stored[i] = &copies[i]
	}
	return l.LogStore.StoreLogs(stored)
}

// GetLog returns an error that wraps ErrDamaged for an entry that is not as it
// was stored.
func (l sealedLog) GetLog(index uint64, entry *raft.Log) error {
	var stored raft.Log
	err := l.LogStore.GetLog(index, &stored)
	switch {
	case errors.Is(err, raft.ErrLogNotFound):
		return err
	case err != nil:
		return fmt.Errorf("%w: entry %d: %w", ErrDamaged, index, err)
	}
	extensions, sum, err := unseal(stored.Extensions)
	if err != nil {
		return fmt.Errorf("entry %d: %w", index, err)
	}
	if stored.Index != index || entrySum(&stored, extensions) != sum {
		return fmt.Errorf("%w: entry %d: wrong checksum", ErrDamaged, index)
	}
	if stored.Extensions = extensions; len(extensions) == 0 {
		stored.Extensions = nil
	}
	*entry = stored
	return nil
}

// entrySum is over all of an entry but the time at which its leader took it.
func entrySum(entry *raft.Log, extensions []byte) uint32 {
	var head [25]byte
	binary.BigEndian.PutUint64(head[0:], entry.Index)
	binary.BigEndian.PutUint64(head[8:], entry.Term)
	head[16] = byte(entry.Type)
	binary.BigEndian.PutUint64(head[17:], uint64(len(entry.Data)))
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(head[:], table), table, entry.Data)
	return crc32.Update(sum, table, extensions)
}

// sealedStable keeps a seal behind each value.
type sealedStable struct{ raft.StableStore }

func (s sealedStable) Set(key, value []byte) error {
	own := make([]byte, 0, len(value)+sealBytes)
	return s.StableStore.Set(key, sealed(append(own, value...), valueSum(key, value)))
}

func (s sealedStable) SetUint64(key []byte, value uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// Get passes on the store's own error for a key that it lacks: raft knows it by
// its text.
func (s sealedStable) Get(key []byte) ([]byte, error) {
	stored, err := s.StableStore.Get(key)
	if err != nil || len(stored) == 0 {
		return nil, err
	}
	value, sum, err := unseal(stored)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if valueSum(key, value) != sum {
		return nil, fmt.Errorf("%w: %s: wrong checksum", ErrDamaged, key)
	}
	return value, nil
}

func (s sealedStable) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil || len(value) == 0 {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, key, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

func valueSum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}
