package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// boltStore keeps the log and the votes in one bolt file, in raft-boltdb's buckets;
// what raft-boltdb has written is read, too.
//
// An entry longer than maxInlineBytes has a bucket of its own, and thereby a page that
// is written once. Bolt splits a page into no fewer than two pairs, and not before
// there are five, so that it writes what shares a page with the end of the log again,
// some four times each entry.
type boltStore struct {
	db *bbolt.DB
	// value is the memory for an entry that is being stored; a writer's.
	value []byte
}

var (
	logsBucket  = []byte("logs")
	votesBucket = []byte("conf")
	// wholeEntry is the key of an entry in its own bucket.
	wholeEntry = []byte("e")
)

// openBolt opens the file, which is made if it is missing, and locks it.
func openBolt(path string, wait time.Duration) (*boltStore, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, Timeout: wait})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, logs := tx.CreateBucketIfNotExists(logsBucket)
		_, votes := tx.CreateBucketIfNotExists(votesBucket)
		return errors.Join(logs, votes)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &boltStore{db: db}, nil
}

// Close waits for whoever uses the file.
func (s *boltStore) Close() error { return s.db.Close() }

// FirstIndex implements raft.LogStore.
func (s *boltStore) FirstIndex() (uint64, error) { return s.end((*bbolt.Cursor).First) }

// LastIndex implements raft.LogStore.
func (s *boltStore) LastIndex() (uint64, error) { return s.end((*bbolt.Cursor).Last) }

func (s *boltStore) end(of func(*bbolt.Cursor) (key, value []byte)) (index uint64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if key, _ := of(tx.Bucket(logsBucket).Cursor()); key != nil {
			index = binary.BigEndian.Uint64(key)
		}
		return nil
	})
	return index, err
}

// GetLog implements raft.LogStore.
func (s *boltStore) GetLog(index uint64, entry *raft.Log) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		logs, key := tx.Bucket(logsBucket), indexKey(index)
		value := logs.Get(key)
		if own := logs.Bucket(key); value == nil && own != nil {
			value = own.Get(wholeEntry)
		}
		if value == nil {
			return raft.ErrLogNotFound
		}
		return decodeEntry(value, entry)
	})
}

// StoreLog implements raft.LogStore.
func (s *boltStore) StoreLog(entry *raft.Log) error { return s.StoreLogs([]*raft.Log{entry}) }

// StoreLogs implements raft.LogStore.
func (s *boltStore) StoreLogs(entries []*raft.Log) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		logs := tx.Bucket(logsBucket)
		s.value = s.value[:0]
		for _, entry := range entries {
			// Bolt keeps the values until the transaction ends.
			from := len(s.value)
			s.value = appendEntry(s.value, entry)
			if err := putEntry(logs, indexKey(entry.Index), s.value[from:len(s.value):len(s.value)]); err != nil {
				return err
			}
		}
		if cap(s.value) > maxSpareBytes {
			s.value = nil
		}
		return nil
	})
}

// putEntry stores an entry, in place of another if there is one.
func putEntry(logs *bbolt.Bucket, key, value []byte) error {
	if len(value) <= maxInlineBytes {
		err := logs.Put(key, value)
		if !errors.Is(err, bolterrors.ErrIncompatibleValue) {
			return err
		}
		return errors.Join(logs.DeleteBucket(key), logs.Put(key, value))
	}
	own, err := logs.CreateBucket(key)
	switch {
	case errors.Is(err, bolterrors.ErrBucketExists):
		own, err = logs.Bucket(key), nil
	case errors.Is(err, bolterrors.ErrIncompatibleValue):
		if err := logs.Delete(key); err != nil {
			return err
		}
		own, err = logs.CreateBucket(key)
	}
	if err != nil {
		return err
	}
	return own.Put(wholeEntry, value)
}

// DeleteRange implements raft.LogStore.
func (s *boltStore) DeleteRange(from, to uint64) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		logs := tx.Bucket(logsBucket)
		places := logs.Cursor()
		for {
			key, value := places.Seek(indexKey(from))
			if key == nil || binary.BigEndian.Uint64(key) > to {
				return nil
			}
			remove := logs.Delete
			if value == nil {
				remove = logs.DeleteBucket
			}
			if err := remove(key); err != nil {
				return err
			}
		}
	})
}

// Set implements raft.StableStore.
func (s *boltStore) Set(key, value []byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(votesBucket).Put(key, value) })
}

// Get implements raft.StableStore; raft knows the error for a key that is not there
// by its text.
func (s *boltStore) Get(key []byte) (value []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		stored := tx.Bucket(votesBucket).Get(key)
		if stored == nil {
			return raftboltdb.ErrKeyNotFound
		}
		value = append([]byte(nil), stored...)
		return nil
	})
	return value, err
}

// SetUint64 implements raft.StableStore.
func (s *boltStore) SetUint64(key []byte, value uint64) error { return s.Set(key, indexKey(value)) }

// GetUint64 implements raft.StableStore.
func (s *boltStore) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%s has %d bytes", key, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

func indexKey(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

// An entry is stored as a version byte, its index, term, type and the time at which
// its leader took it, zero for none, the length of its extensions, and these and its
// data. Raft-boltdb's are maps of MessagePack, which begin otherwise.
const (
	entryVersion = 1
	entryHead    = 1 + 8 + 8 + 1 + 8 + 4
)

func appendEntry(b []byte, entry *raft.Log) []byte {
	b = binary.BigEndian.AppendUint64(append(b, entryVersion), entry.Index)
	b = append(binary.BigEndian.AppendUint64(b, entry.Term), byte(entry.Type))
	at := uint64(0)
	if !entry.AppendedAt.IsZero() {
		at = uint64(entry.AppendedAt.UnixNano())
	}
	b = binary.BigEndian.AppendUint64(b, at)
	b = binary.BigEndian.AppendUint32(b, uint32(len(entry.Extensions)))
	return append(append(b, entry.Extensions...), entry.Data...)
}

// decodeEntry keeps nothing of b.
func decodeEntry(b []byte, entry *raft.Log) error {
	if len(b) > 0 && b[0] != entryVersion {
		return codec.NewDecoderBytes(b, &codec.MsgpackHandle{}).Decode(entry)
	}
	if len(b) < entryHead {
		return errors.New("cut short")
	}
	at, extensions := binary.BigEndian.Uint64(b[18:]), binary.BigEndian.Uint32(b[26:])
	if uint64(extensions) > uint64(len(b)-entryHead) {
		return errors.New("cut short")
	}
	*entry = raft.Log{Index: binary.BigEndian.Uint64(b[1:]), Term: binary.BigEndian.Uint64(b[9:]), Type: raft.LogType(b[17])}
	if at != 0 {
		entry.AppendedAt = time.Unix(0, int64(at))
	}
	rest := append([]byte(nil), b[entryHead:]...)
	entry.Extensions, entry.Data = rest[:extensions:extensions], rest[extensions:]
	return nil
}
