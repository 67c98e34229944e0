package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lockd/api"
)

// The methods of this file and of calls_cluster.go are one call of the HTTP API
// each; they know nothing of this client's own sessions and guards. They go on
// until a node has answered or ctx is done. A command without session and seq is
// not sent again once it may have been applied: its error is then
// ErrOutcomeUnknown.

// Page says which part of a list is wanted: names that begin with Prefix and sort
// after After, at most Limit (zero: as many as the server gives).
type Page struct {
	Prefix string
	After  string
	Limit  int
}

// ReadOption changes how a read is done.
type ReadOption func(*read)

type read struct {
	query url.Values
	age   *time.Duration
}

// Stale answers at once from the node asked, without a quorum. Age, unless nil, is
// set to how old the answer may be.
func Stale(age *time.Duration) ReadOption {
	return func(r *read) {
		r.query.Set("consistency", "stale")
		r.age = age
	}
}

// get reads one answer; pairs are the names and values of the query, of which
// empty values are left out.
func get[T any](ctx context.Context, c *Client, path string, opts []ReadOption, pairs ...string) (*T, error) {
	r := read{query: make(url.Values)}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			r.query.Set(pairs[i], pairs[i+1])
		}
	}
	for _, o := range opts {
		o(&r)
	}
	if len(r.query) > 0 {
		path += "?" + r.query.Encode()
	}
	a, err := c.do(ctx, &call{method: http.MethodGet, path: path, timeout: attemptTime, repeat: true})
	if err != nil {
		return nil, err
	}
	if r.age != nil {
		*r.age = a.staleness
	}
	return decode[T](a)
}

func (p Page) pairs() []string {
	limit := ""
	if p.Limit > 0 {
		limit = strconv.Itoa(p.Limit)
	}
	return []string{"prefix", p.Prefix, "after", p.After, "limit", limit}
}

// post sends one command, and waits until it is decided.
func post[T any](ctx context.Context, c *Client, path string, body any, repeat bool, timeout time.Duration) (*T, error) {
	raw, err := marshal(body)
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", path, err)
	}
	a, err := c.decided(ctx, &call{method: http.MethodPost, path: path, body: raw, timeout: timeout, repeat: repeat})
	if err != nil {
		return nil, err
	}
	return decode[T](a)
}

// waiting bounds one attempt of an acquire.
func waiting(wait api.Duration, poll *api.Duration) time.Duration {
	hold := api.DefaultPoll
	if poll != nil {
		hold = time.Duration(*poll)
	}
	return attemptTime + min(time.Duration(wait), hold)
}

// KeyAcquire asks for a key. While the request waits it is sent again and again,
// to any node, until it is decided.
func (c *Client) KeyAcquire(ctx context.Context, r api.KeyAcquire) (*api.KeyAcquired, error) {
	return post[api.KeyAcquired](ctx, c, "/v1/keys/acquire", r, once(r.Session, r.Once), waiting(r.Wait, r.Poll))
}

// KeyRelease gives a key back.
func (c *Client) KeyRelease(ctx context.Context, r api.KeyRelease) (*api.KeyReleased, error) {
	return post[api.KeyReleased](ctx, c, "/v1/keys/release", r, once(r.Session, r.Once), attemptTime)
}

// KeyBreak ends a hold of a key, by an operator's word, if it has that token.
func (c *Client) KeyBreak(ctx context.Context, r api.KeyBreak) (*api.BrokenAnswer, error) {
	return post[api.BrokenAnswer](ctx, c, "/v1/keys/break", r, once(r.Session, r.Once), attemptTime)
}

// KeyGet reads one key.
func (c *Client) KeyGet(ctx context.Context, key string, opts ...ReadOption) (*api.KeyState, error) {
	return get[api.KeyState](ctx, c, "/v1/keys", opts, "key", key)
}

// KeyList reads a page of the keys in use.
func (c *Client) KeyList(ctx context.Context, p Page, opts ...ReadOption) (*api.KeyList, error) {
	return get[api.KeyList](ctx, c, "/v1/keys", opts, p.pairs()...)
}

// LockAcquire asks for references. While the request waits it is sent again and
// again, to any node, until it is decided.
func (c *Client) LockAcquire(ctx context.Context, r api.LockAcquire) (*api.LockAcquired, error) {
	return post[api.LockAcquired](ctx, c, "/v1/locks/acquire", r, once(r.Session, r.Once), waiting(r.Wait, r.Poll))
}

// LockRelease gives references back, all or none.
func (c *Client) LockRelease(ctx context.Context, r api.LockRelease) (*api.LockReleased, error) {
	return post[api.LockReleased](ctx, c, "/v1/locks/release", r, once(r.Session, r.Once), attemptTime)
}

// LockDowngrade weakens a hold.
func (c *Client) LockDowngrade(ctx context.Context, r api.LockDowngrade) (*api.LockAcquired, error) {
	return post[api.LockAcquired](ctx, c, "/v1/locks/downgrade", r, once(r.Session, r.Once), attemptTime)
}

// LockBreak ends a hold of a reference, by an operator's word, if it has that token.
func (c *Client) LockBreak(ctx context.Context, r api.LockBreak) (*api.BrokenAnswer, error) {
	return post[api.BrokenAnswer](ctx, c, "/v1/locks/break", r, once(r.Session, r.Once), attemptTime)
}

// LockGet reads one reference.
func (c *Client) LockGet(ctx context.Context, ref string, opts ...ReadOption) (*api.LockState, error) {
	return get[api.LockState](ctx, c, "/v1/locks", opts, "ref", ref)
}

// LockList reads a page of the references in use.
func (c *Client) LockList(ctx context.Context, p Page, opts ...ReadOption) (*api.LockList, error) {
	return get[api.LockList](ctx, c, "/v1/locks", opts, p.pairs()...)
}

// History reads how the last grants of a key or of a reference ended.
func (c *Client) History(ctx context.Context, name api.Name, opts ...ReadOption) (*api.History, error) {
	return get[api.History](ctx, c, "/v1/history", opts, "key", name.Key, "ref", name.Ref)
}

// Check says whether a token is still that of a hold.
func (c *Client) Check(ctx context.Context, r api.Check) (*api.Checked, error) {
	return post[api.Checked](ctx, c, "/v1/check", r, true, attemptTime)
}

// once says whether the server applies copies of a command once.
func once(session string, o api.Once) bool { return session != "" && o.Seq != 0 }
