package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"

	"lockd/bench/peers/again"
	"lockd/bench/system"
)

// numberDigits is how many digits ZooKeeper appends to a sequential node.
const numberDigits = 10

// client is one session that follows the lock recipe.
type client struct {
	conn *zk.Conn
	net  *wire
	name string
	// known are the locks whose node exists.
	known    map[string]bool
	troubles system.Troubles
	gone     bool
}

func judge(err error) again.Verdict {
	switch {
	case errors.Is(err, zk.ErrNoServer):
		return again.Refused
	case errors.Is(err, zk.ErrConnectionClosed), errors.Is(err, zk.ErrSessionMoved):
		return again.Cut
	}
	return again.Final
}

func (u *client) again(ctx context.Context, attempt func() error) (unsure bool, err error) {
	return again.Until(ctx, &u.troubles, judge, func(context.Context) error { return attempt() })
}

// create makes a lasting node, unless it is there.
func (u *client) create(ctx context.Context, path string) error {
	_, err := u.again(ctx, func() error {
		_, err := u.conn.Create(path, nil, zk.FlagPersistent, zk.WorldACL(zk.PermAll))
		return err
	})
	if errors.Is(err, zk.ErrNodeExists) {
		return nil
	}
	return err
}

// enter puts the client's node in the lock's line and returns its name. The name
// begins with the client's own, which is how it is found again after a creation
// whose outcome is unknown.
func (u *client) enter(ctx context.Context, dir string) (node string, err error) {
	var path string
	unsure := false
	_, err = u.again(ctx, func() (err error) {
		if unsure {
			line, err := u.line(dir)
			if err != nil {
				return err
			}
			if mine := u.mine(line); mine != "" {
				path = dir + "/" + mine
				return nil
			}
		}
		path, err = u.conn.Create(dir+"/"+u.name+"-", nil, zk.FlagEphemeralSequential, zk.WorldACL(zk.PermAll))
		if errors.Is(err, zk.ErrNoNode) && !u.known[dir] {
			u.known[dir] = true
			if err = u.create(ctx, dir); err == nil {
				path, err = u.conn.Create(dir+"/"+u.name+"-", nil, zk.FlagEphemeralSequential, zk.WorldACL(zk.PermAll))
			}
		}
		unsure = unsure || err != nil
		return err
	})
	return strings.TrimPrefix(path, dir+"/"), err
}

func (u *client) mine(line []string) string {
	for _, node := range line {
		if strings.HasPrefix(node, u.name+"-") {
			return node
		}
	}
	return ""
}

func (u *client) line(dir string) ([]string, error) {
	line, _, err := u.conn.Children(dir)
	return line, err
}

// number is a node's place in line; -1 for what is none.
func number(node string) int {
	if len(node) < numberDigits {
		return -1
	}
	n, err := strconv.Atoi(node[len(node)-numberDigits:])
	if err != nil {
		return -1
	}
	return n
}

// before returns the node just before the given one; empty for the first.
func before(line []string, node string) (previous string) {
	for _, other := range line {
		if number(other) < number(node) && (previous == "" || number(other) > number(previous)) {
			previous = other
		}
	}
	return previous
}

func first(line []string) (node string) {
	for _, other := range line {
		if node == "" || number(other) < number(node) {
			node = other
		}
	}
	return node
}

// holdOf is the hold of a node. Numbers begin at 0, tokens at 1.
func holdOf(lock, node string) system.Hold {
	return system.Hold{Lock: lock, Owner: node, Fence: uint64(number(node) + 1)}
}

func (u *client) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	dir := locks + "/" + lock
	node, err := u.enter(ctx, dir)
	if err != nil {
		return system.Hold{}, fmt.Errorf("lock %s: %w", lock, err)
	}
	var line []string
	_, err = u.again(ctx, func() (err error) {
		line, err = u.line(dir)
		return err
	})
	switch {
	case err != nil:
		return system.Hold{}, fmt.Errorf("lock %s: %w", lock, err)
	case before(line, node) == "":
		return holdOf(lock, node), nil
	}
	if err := u.Unlock(ctx, holdOf(lock, node)); err != nil {
		return system.Hold{}, err
	}
	return system.Hold{}, system.ErrOccupied
}

func (u *client) Lock(ctx context.Context, lock string) (system.Hold, error) {
	dir := locks + "/" + lock
	node, err := u.enter(ctx, dir)
	if err != nil {
		return system.Hold{}, fmt.Errorf("lock %s: %w", lock, err)
	}
	for {
		var changed <-chan zk.Event
		_, err := u.again(ctx, func() (err error) {
			changed, err = u.watchBefore(dir, node)
			return err
		})
		if err != nil {
			return system.Hold{}, fmt.Errorf("wait for %s: %w", lock, err)
		}
		if changed == nil {
			return holdOf(lock, node), nil
		}
		select {
		case <-changed: // whatever has happened, look again
		case <-ctx.Done():
			return system.Hold{}, ctx.Err()
		}
	}
}

// watchBefore watches the node before the given one; nil if there is none.
func (u *client) watchBefore(dir, node string) (<-chan zk.Event, error) {
	for {
		line, err := u.line(dir)
		if err != nil {
			return nil, err
		}
		previous := before(line, node)
		if previous == "" {
			return nil, nil
		}
		_, _, changed, err := u.conn.GetW(dir + "/" + previous)
		if !errors.Is(err, zk.ErrNoNode) {
			return changed, err
		}
	}
}

func (u *client) Unlock(ctx context.Context, hold system.Hold) error {
	return u.remove(ctx, hold, locks+"/"+hold.Lock+"/"+hold.Owner)
}

func (u *client) remove(ctx context.Context, hold system.Hold, path string) error {
	unsure, err := u.again(ctx, func() error { return u.conn.Delete(path, -1) })
	switch {
	case err == nil, errors.Is(err, zk.ErrNoNode) && unsure:
		return nil // an earlier attempt may have given it back
	case errors.Is(err, zk.ErrNoNode):
		return fmt.Errorf("unlock %s: %w", hold.Lock, system.ErrNotHeld)
	}
	return fmt.Errorf("unlock %s: %w", hold.Lock, err)
}

func (u *client) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	dir := locks + "/" + lock
	var line []string
	_, err := u.again(ctx, func() (err error) {
		if !stale {
			if _, err := u.conn.Sync(dir); err != nil {
				return err
			}
		}
		line, err = u.line(dir)
		return err
	})
	switch {
	case errors.Is(err, zk.ErrNoNode), err == nil && len(line) == 0:
		return system.Hold{}, nil
	case err != nil:
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	}
	return holdOf(lock, first(line)), nil
}

func (u *client) Troubles() system.Troubles { return u.troubles }

// Abandon cuts the network; the library does not tell when it last sent a ping.
func (u *client) Abandon() (renewed time.Time) {
	u.net.sever()
	u.conn.Close()
	u.gone = true
	return time.Time{}
}

// Close ends the session, and with it what it holds.
func (u *client) Close(context.Context) error {
	if !u.gone {
		u.conn.Close()
		u.net.sever()
	}
	return nil
}
