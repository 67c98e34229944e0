package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"lockd/bench/system"
)

// The scripts act on a lock that still has the caller's value.
var (
	deleteOwn = redis.NewScript(`if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end`)
	extendOwn = redis.NewScript(`if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("pexpire", KEYS[1], ARGV[2]) else return 0 end`)
)

// client is one user. It repeats nothing by itself: its server does not go away.
type client struct {
	over redis.Cmdable
	own  *redis.Client // nil on shared pipelines
	name string
	ttl  time.Duration
	// taken counts grants, which makes each value unlike any other.
	taken     uint64
	extending *stopped

	mu   sync.Mutex
	held map[string]held
}

// held is a lock's value, and when its time to live was last set.
type held struct {
	value   string
	renewed time.Time
}

func (u *client) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	u.taken++
	value := u.name + "." + strconv.FormatUint(u.taken, 10)
	sent := time.Now()
	err := u.over.SetArgs(ctx, lock, value, redis.SetArgs{Mode: "NX", TTL: u.ttl}).Err()
	switch {
	case errors.Is(err, redis.Nil):
		return system.Hold{}, system.ErrOccupied
	case err != nil:
		return system.Hold{}, fmt.Errorf("lock %s: %w", lock, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held[lock] = held{value, sent}
	return system.Hold{Lock: lock, Owner: value}, nil
}

// Lock polls.
func (u *client) Lock(ctx context.Context, lock string) (system.Hold, error) {
	for {
		hold, err := u.TryLock(ctx, lock)
		if !errors.Is(err, system.ErrOccupied) {
			return hold, err
		}
		select {
		case <-ctx.Done():
			return system.Hold{}, ctx.Err()
		case <-time.After(shortestPoll + rand.N(longestPoll-shortestPoll)):
		}
	}
}

func (u *client) Unlock(ctx context.Context, hold system.Hold) error {
	deleted, err := deleteOwn.Run(ctx, u.over, []string{hold.Lock}, hold.Owner).Int()
	if err != nil {
		return fmt.Errorf("unlock %s: %w", hold.Lock, err)
	}
	u.mu.Lock()
	delete(u.held, hold.Lock)
	u.mu.Unlock()
	if deleted == 0 {
		return fmt.Errorf("unlock %s: %w", hold.Lock, system.ErrNotHeld)
	}
	return nil
}

// Query asks the one server, so that it is never stale.
func (u *client) Query(ctx context.Context, lock string, _ bool) (system.Hold, error) {
	owner, err := u.over.Get(ctx, lock).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return system.Hold{}, nil
	case err != nil:
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	}
	return system.Hold{Lock: lock, Owner: owner}, nil
}

// extendAll extends everything that is held, many locks by one message. What it
// fails to extend expires, and its user is told when giving it back.
func (u *client) extendAll(ctx context.Context) {
	u.mu.Lock()
	all := make(map[string]string, len(u.held))
	for lock, held := range u.held {
		all[lock] = held.value
	}
	u.mu.Unlock()
	pipe := u.over.Pipeline()
	sent := make(map[string]string)
	flush := func() {
		now := time.Now()
		if _, err := pipe.Exec(ctx); err != nil {
			return
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		for lock, value := range sent {
			if u.held[lock].value == value {
				u.held[lock] = held{value, now}
			}
		}
		clear(sent)
	}
	for lock, value := range all {
		extendOwn.Eval(ctx, pipe, []string{lock}, value, u.ttl.Milliseconds())
		if sent[lock] = value; len(sent) == maxExtended {
			flush()
		}
	}
	if len(sent) > 0 {
		flush()
	}
}

// Troubles is nothing: what fails is an error.
func (u *client) Troubles() system.Troubles { return system.Troubles{} }

// Abandon stops extending and returns when that was last done, or the newest
// lock taken.
func (u *client) Abandon() (renewed time.Time) {
	u.extending.stop()
	u.extending = nil
	for _, held := range u.held {
		if held.renewed.After(renewed) {
			renewed = held.renewed
		}
	}
	return renewed
}

// Close gives back what is held, as a client with a watchdog does at its end.
func (u *client) Close(ctx context.Context) (err error) {
	if u.extending != nil {
		u.extending.stop()
		err = u.giveBackAll(ctx)
	}
	if u.own != nil {
		err = errors.Join(err, u.own.Close())
	}
	return err
}

func (u *client) giveBackAll(ctx context.Context) error {
	pipe := u.over.Pipeline()
	for lock, held := range u.held {
		deleteOwn.Eval(ctx, pipe, []string{lock}, held.value)
		if pipe.Len() == maxExtended {
			if _, err := pipe.Exec(ctx); err != nil {
				return err
			}
		}
	}
	_, err := pipe.Exec(ctx)
	return err
}
