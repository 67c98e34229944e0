package client

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockd/api"
)

// apply is one command on the table; a waiting one looks again every now and then.
func (f *fake) apply(ctx context.Context, r *request) fakeAnswer {
	poll := time.Now().Add(min(time.Duration(r.body.Wait), time.Duration(r.body.Poll)))
	for {
		f.mu.Lock()
		a := f.once(r)
		f.mu.Unlock()
		if a.status != http.StatusAccepted || !time.Now().Before(poll) || sleep(ctx, 5*time.Millisecond) != nil {
			return a
		}
	}
}

// once applies a command unless its seq was applied before.
func (f *fake) once(r *request) fakeAnswer {
	if r.body.Session == "" {
		return f.do(r)
	}
	s := f.sessions[r.body.Session]
	if s == nil {
		return refusal(api.CodeSessionNotFound)
	}
	s.acked = max(s.acked, r.body.Acked)
	s.done = append(s.done, r.body.Done...)
	if r.body.Seq == 0 {
		return f.do(r)
	}
	if r.body.Seq <= s.acked || slices.Contains(s.done, r.body.Seq) {
		return refusal(api.CodeStaleRequest)
	}
	if a, kept := s.answers[r.body.Seq]; kept {
		return a
	}
	a := f.do(r)
	if a.status != http.StatusAccepted {
		s.answers[r.body.Seq] = a
	}
	return a
}

func (f *fake) do(r *request) fakeAnswer {
	switch {
	case r.path == "/v1/sessions":
		id := "s" + strconv.Itoa(len(f.sessions)+1)
		f.sessions[id] = &fakeSession{answers: make(map[uint64]fakeAnswer)}
		var open api.SessionOpen
		if err := json.Unmarshal([]byte(r.raw), &open); err != nil {
			return refusal(api.CodeInvalidRequest)
		}
		ms := time.Duration(open.TTL).Milliseconds()
		return fakeAnswer{http.StatusCreated, api.SessionOpened{ID: id, TTLMS: ms, ExpiresInMS: ms}}
	case strings.HasPrefix(r.path, "/v1/sessions/"):
		return f.session(r)
	case strings.HasSuffix(r.path, "/acquire"):
		return f.acquire(r)
	case strings.HasSuffix(r.path, "/release"):
		return f.release(r)
	case r.path == "/v1/locks/downgrade":
		if h, ok := f.held[r.body.Ref]; !ok || h.token != r.body.Token {
			return refusal(api.CodeNotHeld)
		}
		return fakeAnswer{http.StatusOK, api.LockAcquired{Result: api.Acquired}}
	case strings.HasPrefix(r.path, "/v1/runs/"):
		state := api.RunState{RunID: strings.TrimPrefix(r.path, "/v1/runs/")}
		for name, h := range f.held {
			if h.run == state.RunID {
				state.Holds = append(state.Holds, api.NamedHold{Ref: name, Hold: api.Hold{Session: h.session, Token: h.token}})
			}
		}
		return fakeAnswer{http.StatusOK, state}
	case r.path == "/v1/check":
		return fakeAnswer{http.StatusOK, api.Checked{Valid: f.held[r.body.Key+r.body.Ref].token == r.body.Token}}
	}
	return refusal(api.CodeNotFound)
}

func (f *fake) session(r *request) fakeAnswer {
	id, verb, _ := strings.Cut(strings.TrimPrefix(r.path, "/v1/sessions/"), "/")
	s := f.sessions[id]
	switch {
	case s == nil:
		return refusal(api.CodeSessionNotFound)
	case verb == "keepalive":
		return fakeAnswer{http.StatusOK, api.SessionKept{ID: id, Lost: s.lost}}
	}
	delete(f.sessions, id)
	for name, h := range f.held {
		if h.session == id {
			delete(f.held, name)
		}
	}
	return fakeAnswer{http.StatusOK, api.ReleasedCount{}}
}

func (r *request) names() []string {
	if len(r.body.Refs) == 0 {
		return []string{r.body.Key + r.body.Ref}
	}
	var names []string
	for _, x := range r.body.Refs {
		names = append(names, x.Ref)
	}
	return names
}

func (f *fake) acquire(r *request) fakeAnswer {
	names := r.names()
	for _, n := range names {
		if h, ok := f.held[n]; !ok || h.run == r.body.RunID {
			continue
		}
		if r.body.Wait > 0 {
			return fakeAnswer{http.StatusAccepted, api.QueuedAnswer{Result: api.Queued}}
		}
		return refusal(api.CodeOccupied)
	}
	var grants []api.LockGrant
	on := cmp.Or(f.elsewhere, r.body.Session)
	f.elsewhere = ""
	for _, n := range names {
		if h, ok := f.held[n]; !ok || h.session != on {
			f.token++
			f.held[n] = fakeHold{run: r.body.RunID, session: on, token: f.token}
		}
		grants = append(grants, api.LockGrant{Ref: n, Token: f.held[n].token})
	}
	if r.body.Key != "" {
		return fakeAnswer{http.StatusOK, api.KeyAcquired{Key: r.body.Key, Token: grants[0].Token, Session: on, Result: api.Acquired}}
	}
	return fakeAnswer{http.StatusOK, api.LockAcquired{Locks: grants, Session: on, Result: api.Acquired}}
}

func (f *fake) release(r *request) fakeAnswer {
	names := r.names()
	for i, n := range names {
		token := r.body.Token
		if len(r.body.Refs) > 0 {
			token = r.body.Refs[i].Token
		}
		if h, ok := f.held[n]; !ok || h.run != r.body.RunID || token != 0 && token != h.token {
			return refusal(api.CodeNotHeld)
		}
	}
	for _, n := range names {
		delete(f.held, n)
	}
	return fakeAnswer{http.StatusOK, api.LockReleased{Result: api.Released, Refs: names}}
}
