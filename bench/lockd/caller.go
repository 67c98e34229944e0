package lockd

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"lockd/bench/system"
)

// carrier takes requests to a node: over a connection of its own or a trunk.
type carrier interface {
	// attempt sends one request, which has no body if that is nil, to the
	// preferred node, and prefers the next one after an error. The answer stays
	// until the next attempt. After an error, sent says that the request may have
	// taken effect.
	attempt(ctx context.Context, method, path string, body []byte) (r reply, sent bool, err error)
	close()
}

// reply is an answer.
type reply struct {
	status int
	body   []byte
}

func (r reply) problem() error {
	return &problem{r.status, textOf(r.body, "code"), string(r.body)}
}

// caller repeats what failed without an effect or may be repeated whatever its
// effect was. One goroutine may use it at a time.
type caller struct {
	carrier
	troubles system.Troubles
}

// call sends one request until it has an answer that settles it. unsure says that
// an earlier attempt may have taken effect.
func (c *caller) call(ctx context.Context, method, path string, body []byte) (r reply, unsure bool, err error) {
	pause := firstPause
	var deadline time.Time
	for {
		var sent bool
		r, sent, err = c.attempt(ctx, method, path, body)
		switch {
		case ctx.Err() != nil:
			return reply{}, unsure, ctx.Err()
		case err != nil:
			c.troubles.Cut++
			unsure = unsure || sent
		case r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests:
			c.troubles.Refused++
			err = r.problem()
			if textOf(r.body, "applied") == "unknown" {
				c.troubles.Unknown++
				unsure = true
			}
		default:
			return r, unsure, nil
		}
		now := time.Now()
		if deadline.IsZero() {
			deadline = now.Add(patience)
		}
		if now.After(deadline) {
			return reply{}, unsure, fmt.Errorf("gave up on %s after %v: %w", path, patience, err)
		}
		select {
		case <-ctx.Done():
			return reply{}, unsure, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

// expect is call, with an error for every answer but the one wanted.
func (c *caller) expect(ctx context.Context, want int, method, path string, body []byte) (r reply, unsure bool, err error) {
	r, unsure, err = c.call(ctx, method, path, body)
	if err == nil && r.status != want {
		err = r.problem()
	}
	return r, unsure, err
}

func (c *caller) open(ctx context.Context, ttl time.Duration) (id string, err error) {
	r, _, err := c.expect(ctx, http.StatusCreated, http.MethodPost, "/v1/sessions", appendOpen(nil, ttl))
	return textOf(r.body, "id"), err
}
