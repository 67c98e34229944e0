package etcd

import (
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"lockd/bench/system"
)

// bare is a user who takes the key itself.
type bare struct {
	*client
	name string
}

func (u *bare) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	var answer *clientv3.TxnResponse
	_, err := u.again(ctx, func(ctx context.Context) (err error) {
		answer, err = u.etcd.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(lock), "=", 0)).
			Then(clientv3.OpPut(lock, u.name, clientv3.WithLease(u.session.Lease()))).
			Else(clientv3.OpGet(lock)).Commit()
		return err
	})
	if err != nil {
		return system.Hold{}, fmt.Errorf("take %s: %w", lock, err)
	}
	if answer.Succeeded {
		return system.Hold{Lock: lock, Owner: lock, Fence: uint64(answer.Header.Revision)}, nil
	}
	held := answer.Responses[0].GetResponseRange().Kvs[0]
	if held.Lease != int64(u.session.Lease()) {
		return system.Hold{}, system.ErrOccupied
	}
	// An attempt that was not answered has taken it.
	return system.Hold{Lock: lock, Owner: lock, Fence: uint64(held.CreateRevision)}, nil
}

func (u *bare) Lock(context.Context, string) (system.Hold, error) {
	return system.Hold{}, fmt.Errorf("wait for a bare key: %w", errors.ErrUnsupported)
}

func (u *bare) Unlock(ctx context.Context, hold system.Hold) error {
	var answer *clientv3.TxnResponse
	unsure, err := u.again(ctx, func(ctx context.Context) (err error) {
		answer, err = u.etcd.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(hold.Lock), "=", int64(hold.Fence))).
			Then(clientv3.OpDelete(hold.Lock)).Commit()
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("give back %s: %w", hold.Lock, err)
	case !answer.Succeeded && !unsure:
		return fmt.Errorf("give back %s: %w", hold.Lock, system.ErrNotHeld)
	}
	return nil
}

func (u *bare) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	return u.first(ctx, lock, lock, stale)
}
