package virtual

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"lockd/api"
)

// answer is what came of one HTTP request. Its code is "" for success, and
// outcome_unknown if there was no answer.
type answer struct {
	status int
	index  uint64
	body   []byte
	code   api.Code
	sent   time.Time
	from   position
}

func (a *answer) ok() bool { return a.code == "" }

// undecided says that the same request should be sent again.
func (a *answer) undecided() bool {
	switch a.code {
	case api.CodeNoLeader, api.CodeOutcomeUnknown, api.CodeShuttingDown, api.CodeOverloaded, api.CodeInternal:
		return true
	}
	return a.status == http.StatusAccepted
}

// mayBeApplied says that an undecided request may have changed the table.
func (a *answer) mayBeApplied() bool {
	return a.code == api.CodeOutcomeUnknown || a.code == api.CodeInternal || a.status == http.StatusAccepted
}

// into decodes the body of a success.
func (a *answer) into(w *world, v any) {
	if err := json.Unmarshal(a.body, v); err != nil {
		w.violated("unreadable answer: %v: %s", err, a.body)
	}
}

// send sends one request to one node.
func (w *world) send(node, method, path string, body any, limit time.Duration) *answer {
	a := &answer{sent: time.Now(), from: w.book.begin(), code: api.CodeOutcomeUnknown}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var content []byte
	if body != nil {
		content, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+node+":80"+path, bytes.NewReader(content))
	if err != nil {
		w.violated("request: %v", err)
		return a
	}
	if body != nil {
		r.Header.Set("Content-Type", api.ContentJSON)
	}
	w.tallies.operations.Add(1)
	resp, err := w.http.Do(r)
	if err != nil {
		if calm := w.calmSince(); limit >= requestLimit && ctx.Err() != nil && !calm.IsZero() && calm.Before(a.sent) {
			w.violated("%s %s through %s: no answer within %v, and nothing is broken", method, path, node, limit)
		}
		return a
	}
	defer resp.Body.Close()
	a.body, err = io.ReadAll(resp.Body)
	if err != nil {
		return a
	}
	a.status, a.code = resp.StatusCode, ""
	a.index, _ = strconv.ParseUint(resp.Header.Get(api.HeaderIndex), 10, 64)
	if a.status >= 400 {
		var p api.Problem
		a.into(w, &p)
		a.code = p.Code
	}
	return a
}
