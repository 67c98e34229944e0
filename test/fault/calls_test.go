package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"lockd/api"
	"lockd/test/history"
)

// An answer is what one attempt at a call came to.
type answer struct {
	status int
	index  uint64
	node   string
	body   []byte
	// unsent says that no byte of the request can have reached a node.
	unsent bool
	err    error
}

// caller makes single attempts over HTTP.
type caller struct{ http *http.Client }

func newCaller() *caller {
	return &caller{http: &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 500 * time.Millisecond}).DialContext,
		MaxIdleConnsPerHost: 16,
	}}}
}

// send makes one attempt. It never repeats a request: a body that cannot be read
// again keeps net/http from doing so.
func (c *caller) send(ctx context.Context, timeout time.Duration, method, base, path string, body any) answer {
	var text io.Reader
	var length int64
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		text, length = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, base+path, text)
	if err != nil {
		panic(err)
	}
	if body != nil {
		request.ContentLength = length
		request.Header.Set("Content-Type", api.ContentJSON)
	}
	got, err := c.http.Do(request)
	if err != nil {
		var failed *net.OpError
		return answer{err: err, unsent: errors.As(err, &failed) && failed.Op == "dial"}
	}
	defer got.Body.Close()
	a := answer{status: got.StatusCode, node: got.Header.Get(api.HeaderNode)}
	a.index, _ = strconv.ParseUint(got.Header.Get(api.HeaderIndex), 10, 64)
	a.body, a.err = io.ReadAll(got.Body)
	return a
}

// problem is the answer's code; empty for an answer that is no problem.
func (a *answer) problem() api.Problem {
	var p api.Problem
	if a.err != nil || a.status < 400 {
		return p
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		p.Code, p.Applied = api.CodeInternal, api.AppliedUnknown
	}
	return p
}

// outcome is what an attempt says of a command.
func (a *answer) outcome() history.Outcome {
	if a.err != nil {
		if a.unsent {
			return history.None
		}
		return history.Unknown
	}
	if a.status < 400 {
		return history.OK
	}
	switch p := a.problem(); {
	case p.Withdrawn:
		// It may have been granted first, and lost before a node could tell.
		return history.Unknown
	case p.Code == api.CodeOccupied:
		return history.Occupied
	case p.Code == api.CodeNotHeld:
		return history.NotHeld
	case p.Code == api.CodeSessionNotFound:
		return history.Gone
	case p.Applied == api.AppliedNo:
		return history.None
	}
	return history.Unknown
}

func decode[T any](a answer) T {
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		panic("fault: not an answer of lockd: " + string(a.body))
	}
	return v
}

// readPath is where the name's state is.
func readPath(name history.Name) string {
	if name.IsKey() {
		return "/v1/keys?key=" + url.QueryEscape(name.Text())
	}
	return "/v1/locks?ref=" + url.QueryEscape(name.Text())
}

// shownIn are the holders in the answer to a read.
func shownIn(a answer, name history.Name) []history.Holder {
	return holders(name, decode[struct {
		Holders []api.Hold `json:"holders"`
	}](a).Holders)
}

// holders are those that the state of a name shows.
func holders(name history.Name, held []api.Hold) []history.Holder {
	var all []history.Holder
	for _, h := range held {
		one := history.Holder{Name: name, Run: h.RunID, Token: h.Token}
		if !name.IsKey() {
			one.Shared, one.Tree = h.Mode == api.Shared, h.Scope == api.Tree
		}
		all = append(all, one)
	}
	return all
}
