package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lockd/api"
)

// do gets one call answered: it goes from node to node until one answers with
// success or with a refusal that another attempt would not change, or until ctx
// or the client is done. A call that may not be repeated is tried again only if
// the last attempt certainly changed nothing.
func (c *Client) do(ctx context.Context, req *call) (*answer, error) {
	if c.ctx.Err() != nil {
		return nil, ErrClosed
	}
	// A node would end the stream that carries it, and with it all other requests.
	if n := max(len(req.path), len(req.body)); n > api.MaxBodyBytes {
		return nil, fmt.Errorf("client: %w: the request has %d bytes, %d are allowed", ErrTooLarge, n, api.MaxBodyBytes)
	}
	ctx, stop := both(ctx, c.ctx)
	defer stop()
	return c.persist(ctx, req)
}

// persist is do without regard to Close.
func (c *Client) persist(ctx context.Context, req *call) (*answer, error) {
	var last error
	unknown := false
	for tries, overloads := 0, 0; ; tries++ {
		at, _, wait := c.nodes.pick()
		if req.patience > 0 {
			wait = min(wait, req.patience)
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, &unansweredError{why: err, last: last, unknown: unknown}
		}
		a, err := c.once(ctx, at, req, tries < c.nodes.count())
		if err != nil && ctx.Err() != nil {
			unknown = unknown || mayHaveChanged(req, err)
			return nil, &unansweredError{why: over(ctx), last: last, unknown: unknown}
		}
		v := c.judge(req, at, a, err)
		if v.done {
			return a, v.err
		}
		last = v.err
		unknown = unknown || v.unknown
		if v.unknown && !req.repeat {
			return nil, &unansweredError{why: v.err, unknown: true}
		}
		if v.overloaded {
			overloads++
			wait = max(backoff(overloads), spread(v.retryAfter))
			if req.patience > 0 {
				wait = min(wait, req.patience)
			}
			if err := sleep(ctx, wait); err != nil {
				return nil, &unansweredError{why: err, last: last, unknown: unknown}
			}
			if req.overloaded != nil {
				req.overloaded()
			}
		}
	}
}

// once makes one attempt, a short one if it is among the first of its call.
func (c *Client) once(ctx context.Context, at int, req *call, first bool) (*answer, error) {
	sign := attemptTime
	if first {
		sign = signTime
	}
	timeout := req.timeout
	if req.repeat {
		timeout = min(timeout, max(timeout-attemptTime, 0)+sign)
	} else {
		if err := c.seeLife(ctx, at, sign); err != nil {
			return nil, err
		}
		timeout += decisionTime
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if req.begin != nil {
		req.begin()
	}
	return c.transport.attempt(ctx, c.nodes.url(at), req)
}

// seeLife returns nil if the node answers, or has just done so. What cannot be
// repeated is sent to no node that hangs: its fate would stay unknown.
func (c *Client) seeLife(ctx context.Context, at int, patience time.Duration) error {
	if c.nodes.heard(at) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.transport.attempt(ctx, c.nodes.url(at), &call{method: http.MethodGet, path: "/livez", repeat: true})
	if s, ok := errors.AsType[*sendError](err); ok {
		s.unsent = true // of the command
	}
	return err
}

// A verdict is what one attempt means for its call.
type verdict struct {
	// done: the call ends, with err or with success.
	done bool
	err  error
	// unknown: the attempt may have been applied.
	unknown bool
	// overloaded: the server wants less of this client, not of this node.
	overloaded bool
	retryAfter time.Duration
}

// judge weighs one attempt and tells the nodes.
func (c *Client) judge(req *call, at int, a *answer, err error) verdict {
	if err != nil {
		var s *sendError
		if errors.As(err, &s) && s.hopeless {
			return verdict{done: true, err: err}
		}
		c.nodes.failed(at, "", 0)
		return verdict{err: err, unknown: mayHaveChanged(req, err)}
	}
	if a.status < http.StatusMultipleChoices {
		c.nodes.answered(at, a.leader)
		return verdict{done: true}
	}
	e := problem(a)
	v := verdict{err: e, retryAfter: a.retryAfter}
	v.unknown = e.Problem.Applied != api.AppliedNo && req.method != http.MethodGet
	switch a.status {
	case http.StatusTooManyRequests:
		c.nodes.answered(at, a.leader)
		v.overloaded = true
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		c.nodes.failed(at, a.leader, a.retryAfter)
	default:
		c.nodes.answered(at, a.leader)
		v.done = true
	}
	return v
}

// mayHaveChanged says whether an attempt without an answer may have been applied.
func mayHaveChanged(req *call, err error) bool {
	var s *sendError
	unsent := errors.As(err, &s) && s.unsent
	return !unsent && req.method != http.MethodGet
}

// problem reads an answer that is no success. What is no problem of lockd's is
// taken to have unknown consequences if a gateway may have sent it.
func problem(a *answer) *Error {
	e := &Error{Node: a.node, RequestID: a.requestID, RetryAfter: a.retryAfter}
	if err := json.Unmarshal(a.body, &e.Problem); err != nil || e.Problem.Code == "" {
		e.Problem = api.Problem{Title: http.StatusText(a.status), Detail: excerpt(a.body), Applied: api.AppliedUnknown}
		if a.status < http.StatusInternalServerError {
			e.Problem.Applied = api.AppliedNo
		}
	}
	e.Problem.Status = a.status
	return e
}

// excerpt is enough of a foreign answer to recognise who sent it.
func excerpt(body []byte) string {
	const most = 200
	return printable(string(body[:min(len(body), most)]), most)
}

// fetch does a call and reads its answer.
func fetch[T any](ctx context.Context, c *Client, req *call) (*T, error) {
	a, err := c.do(ctx, req)
	if err != nil {
		return nil, err
	}
	return decode[T](a)
}

func decode[T any](a *answer) (*T, error) {
	value := new(T)
	if err := json.Unmarshal(a.body, value); err != nil {
		return nil, &Error{Node: a.node, RequestID: a.requestID, Problem: api.Problem{
			Status: a.status, Detail: "the answer is no JSON of lockd's: " + excerpt(a.body), Applied: api.AppliedUnknown,
		}}
	}
	return value, nil
}

// decided repeats a waiting acquire until it is decided: a 202 answer says that
// it still waits, and the same body resumes it at any node. A node that drains
// answers so at once.
func (c *Client) decided(ctx context.Context, req *call) (*answer, error) {
	queued := false
	for early := 0; ; {
		began := time.Now()
		a, err := c.do(ctx, req)
		if u, ok := errors.AsType[*unansweredError](err); ok && queued {
			u.unknown = true
		}
		if err != nil || a.status != http.StatusAccepted {
			return a, err
		}
		queued = true
		if time.Since(began) > minBackoff {
			early = 0
			continue
		}
		early++
		if err := sleep(ctx, min(backoff(early), maxResumePause)); err != nil {
			return nil, &unansweredError{why: err, unknown: true}
		}
	}
}

// sleep waits for d, or returns how ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return over(ctx)
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return over(ctx)
	}
}

// over is how ctx ended: its error and the caller's cause, or the cause of the
// other context of both.
func over(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if s, ok := errors.AsType[*stoppedError](cause); ok {
		return s.cause
	}
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// stoppedError is the cause of a context that was not the caller's to end.
type stoppedError struct{ cause error }

func (s *stoppedError) Error() string { return s.cause.Error() }

// both returns a context that ends with either, with the cause of that one.
func both(ctx, other context.Context) (context.Context, func()) {
	joined, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(&stoppedError{context.Cause(other)}) })
	return joined, func() {
		stop()
		cancel(nil)
	}
}
