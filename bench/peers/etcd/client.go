package etcd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lockd/bench/peers/again"
	"lockd/bench/system"
)

// client is one user with a session.
type client struct {
	etcd     *clientv3.Client
	own      bool
	session  *concurrency.Session
	held     map[string]grip
	troubles system.Troubles
}

// grip is a lock that the client holds.
type grip struct {
	mutex *concurrency.Mutex
	fence uint64
}

// open takes a lease of whole seconds, rounded up, and has it renewed.
func (u *client) open(ctx context.Context, ttl time.Duration) error {
	seconds := int64(math.Ceil(ttl.Seconds()))
	var lease clientv3.LeaseID
	_, err := u.again(ctx, func(ctx context.Context) error {
		granted, err := u.etcd.Grant(ctx, seconds)
		if err == nil {
			lease = granted.ID
		}
		return err
	})
	if err != nil {
		return err
	}
	u.session, err = concurrency.NewSession(u.etcd, concurrency.WithLease(lease), concurrency.WithTTL(int(seconds)))
	return err
}

// again repeats a call that does not wait for a lock.
func (u *client) again(ctx context.Context, attempt func(ctx context.Context) error) (unsure bool, err error) {
	return again.Until(ctx, &u.troubles, judge, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, attemptTime)
		defer cancel()
		return attempt(ctx)
	})
}

// judge tells etcd's own errors, which carry their code themselves, from those of
// a connection.
func judge(err error) again.Verdict {
	var coded interface{ Code() codes.Code }
	if errors.As(err, &coded) {
		switch coded.Code() {
		case codes.Unavailable:
			return again.Unknown
		case codes.ResourceExhausted:
			return again.Refused
		}
		return again.Final
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded:
		return again.Unknown
	case status.Code(err) == codes.Unavailable:
		return again.Cut
	}
	return again.Final
}

func (u *client) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	mutex := concurrency.NewMutex(u.session, lock)
	_, err := u.again(ctx, mutex.TryLock)
	if errors.Is(err, concurrency.ErrLocked) {
		return system.Hold{}, system.ErrOccupied
	}
	return u.grip(lock, mutex, err)
}

func (u *client) Lock(ctx context.Context, lock string) (system.Hold, error) {
	mutex := concurrency.NewMutex(u.session, lock)
	_, err := again.Until(ctx, &u.troubles, judge, mutex.Lock)
	return u.grip(lock, mutex, err)
}

// grip makes the hold of a mutex that was locked. Its token is the revision at
// which the client learned that it holds the lock: that of its key, if it did not
// have to wait.
func (u *client) grip(lock string, mutex *concurrency.Mutex, err error) (system.Hold, error) {
	if err != nil {
		return system.Hold{}, fmt.Errorf("lock %s: %w", lock, err)
	}
	hold := system.Hold{Lock: lock, Owner: mutex.Key(), Fence: uint64(mutex.Header().Revision)}
	u.held[lock] = grip{mutex, hold.Fence}
	return hold, nil
}

func (u *client) Unlock(ctx context.Context, hold system.Hold) error {
	held, ok := u.held[hold.Lock]
	if !ok || held.fence != hold.Fence {
		return fmt.Errorf("unlock %s: %w", hold.Lock, system.ErrNotHeld)
	}
	delete(u.held, hold.Lock)
	if _, err := u.again(ctx, held.mutex.Unlock); err != nil {
		return fmt.Errorf("unlock %s: %w", hold.Lock, err)
	}
	return nil
}

// Query returns the oldest key below the lock's prefix, which is how the recipe
// says who holds it.
func (u *client) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	return u.first(ctx, lock, lock+"/", stale, clientv3.WithFirstCreate()...)
}

func (u *client) first(ctx context.Context, lock, key string, stale bool, options ...clientv3.OpOption) (system.Hold, error) {
	if stale {
		options = append(options, clientv3.WithSerializable())
	}
	var found *clientv3.GetResponse
	_, err := u.again(ctx, func(ctx context.Context) (err error) {
		found, err = u.etcd.Get(ctx, key, options...)
		return err
	})
	switch {
	case err != nil:
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	case len(found.Kvs) == 0:
		return system.Hold{}, nil
	}
	return system.Hold{Lock: lock, Owner: string(found.Kvs[0].Key), Fence: uint64(found.Kvs[0].CreateRevision)}, nil
}

func (u *client) Troubles() system.Troubles { return u.troubles }

// Abandon ends the renewals; the library does not tell when the last one was.
func (u *client) Abandon() (renewed time.Time) {
	u.session.Orphan()
	u.session = nil
	return time.Time{}
}

func (u *client) disconnect() error {
	if !u.own {
		return nil
	}
	return u.etcd.Close()
}

func (u *client) Close(ctx context.Context) error {
	if u.session == nil {
		return u.disconnect()
	}
	u.session.Orphan()
	_, err := u.again(ctx, func(ctx context.Context) error {
		_, err := u.etcd.Revoke(ctx, u.session.Lease())
		return err
	})
	return errors.Join(err, u.disconnect())
}
