package zookeeper

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-zookeeper/zk"

	"lockd/bench/system"
)

// bare is a session that takes a node itself; its locks have no tokens.
type bare struct{ *client }

func (u *bare) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	path := bareLocks + "/" + lock
	unsure, err := u.again(ctx, func() error {
		_, err := u.conn.Create(path, []byte(u.name), zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
		return err
	})
	switch {
	case err == nil:
		return system.Hold{Lock: lock, Owner: u.name}, nil
	case !errors.Is(err, zk.ErrNodeExists):
		return system.Hold{}, fmt.Errorf("create %s: %w", path, err)
	case unsure: // an attempt that was not answered may have created it
		if found, err := u.Query(ctx, lock, false); err != nil || found.Owner == u.name {
			return found, err
		}
	}
	return system.Hold{}, system.ErrOccupied
}

func (u *bare) Lock(context.Context, string) (system.Hold, error) {
	return system.Hold{}, fmt.Errorf("wait for a bare node: %w", errors.ErrUnsupported)
}

func (u *bare) Unlock(ctx context.Context, hold system.Hold) error {
	return u.remove(ctx, hold, bareLocks+"/"+hold.Lock)
}

func (u *bare) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	path := bareLocks + "/" + lock
	var owner []byte
	_, err := u.again(ctx, func() (err error) {
		if !stale {
			if _, err := u.conn.Sync(path); err != nil {
				return err
			}
		}
		owner, _, err = u.conn.Get(path)
		return err
	})
	switch {
	case errors.Is(err, zk.ErrNoNode):
		return system.Hold{}, nil
	case err != nil:
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	}
	return system.Hold{Lock: lock, Owner: string(owner)}, nil
}
