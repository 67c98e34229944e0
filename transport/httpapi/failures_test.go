package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
	"lockd/transport/httpapi"
)

// failingNode fails on demand; otherwise the real node answers.
type failingNode struct {
	*cluster.Node
	err       error
	crash     any
	ageless   bool
	forgotten bool
}

func (n *failingNode) Do(ctx context.Context, cmd *gate.Command) (*cluster.Reply, error) {
	switch {
	case n.crash != nil:
		panic(n.crash)
	case n.err != nil:
		return nil, n.err
	}
	return n.Node.Do(ctx, cmd)
}

func (n *failingNode) Read(ctx context.Context, query []byte) ([]byte, uint64, error) {
	if n.err != nil {
		return nil, 0, n.err
	}
	return n.Node.Read(ctx, query)
}

func (n *failingNode) Keepalive(ctx context.Context, ids []gate.SessionID) ([]cluster.Lease, error) {
	if n.err != nil {
		return nil, n.err
	}
	return n.Node.Keepalive(ctx, ids)
}

func (n *failingNode) Stale() (*gate.View, uint64, time.Duration, bool) {
	view, index, age, known := n.Node.Stale()
	return view, index, age, known && !n.ageless
}

func (n *failingNode) Leader() (string, string, uint64, bool) {
	if n.forgotten {
		return "", "", 0, false
	}
	return n.Node.Leader()
}

func withFailingNode(t *testing.T, test func(t *testing.T, h *harness, n *failingNode)) {
	var failing *failingNode
	wrap := func(n *cluster.Node) httpapi.Node {
		failing = &failingNode{Node: n}
		return failing
	}
	withWrappedNode(t, wrap, func(t *testing.T, h *harness) { test(t, h, failing) })
}

func TestFailuresOfTheNodeSayWhetherTheChangeWasMade(t *testing.T) {
	const acquire, release = `{"key":"k","run_id":"r"}`, `{"key":"k","run_id":"r"}`
	withFailingNode(t, func(t *testing.T, h *harness, n *failingNode) {
		session := h.open("1m")
		withSeq := `{"key":"k","run_id":"r","session":"` + session + `","seq":1}`
		for _, c := range []struct {
			err        error
			path, body string
			code       api.Code
			applied    api.Applied
			retryable  bool
		}{
			{cluster.ErrNoLeader, "/v1/keys/acquire", acquire, api.CodeNoLeader, api.AppliedNo, true},
			{errors.Join(cluster.ErrNoLeader, context.Canceled), "/v1/keys/acquire", acquire, api.CodeNoLeader, api.AppliedNo, true},
			{cluster.ErrOverloaded, "/v1/keys/acquire", acquire, api.CodeOverloaded, api.AppliedNo, true},
			{cluster.ErrShuttingDown, "/v1/keys/acquire", acquire, api.CodeShuttingDown, api.AppliedNo, true},
			{cluster.ErrTooLarge, "/v1/keys/acquire", acquire, api.CodeTooLarge, api.AppliedNo, false},
			{fmt.Errorf("x: %w", cluster.ErrOutcomeUnknown), "/v1/keys/acquire", acquire, api.CodeOutcomeUnknown, api.AppliedUnknown, true},
			{errors.Join(cluster.ErrOutcomeUnknown, cluster.ErrShuttingDown), "/v1/keys/acquire", acquire, api.CodeOutcomeUnknown, api.AppliedUnknown, true},
			{cluster.ErrOutcomeUnknown, "/v1/keys/release", release, api.CodeOutcomeUnknown, api.AppliedUnknown, false},
			{cluster.ErrOutcomeUnknown, "/v1/keys/release", withSeq, api.CodeOutcomeUnknown, api.AppliedUnknown, true},
			{context.DeadlineExceeded, "/v1/keys/release", release, api.CodeOutcomeUnknown, api.AppliedUnknown, false},
			{errors.New("disk on fire"), "/v1/keys/release", release, api.CodeInternal, api.AppliedUnknown, false},
			{cluster.ErrNoLeader, "/v1/check", `{"key":"k","token":1}`, api.CodeNoLeader, api.AppliedNo, true},
			{context.DeadlineExceeded, "/v1/check", `{"key":"k","token":1}`, api.CodeNoLeader, api.AppliedNo, true},
			{cluster.ErrNoLeader, "/v1/sessions/" + session + "/keepalive", "", api.CodeNoLeader, api.AppliedNo, true},
			{cluster.ErrShuttingDown, "/v1/sessions/keepalive", `{"ids":["` + session + `"]}`, api.CodeShuttingDown, api.AppliedNo, true},
		} {
			n.err = c.err
			got := h.post(c.path, c.body)
			p := got.problem(c.code)
			if p.Applied != c.applied || p.Retryable != c.retryable {
				t.Errorf("%v at %s: %+v", c.err, c.path, p)
			}
			wait := got.header.Get("Retry-After")
			if needs := p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests; (wait != "") != needs {
				t.Errorf("%v at %s: Retry-After %q", c.err, c.path, wait)
			}
		}
		n.err = cluster.ErrNoLeader
		h.get("/readyz").problem(api.CodeNoLeader)
		h.get("/livez").is(200)
		h.get("/v1/status").is(200)
		h.get("/v1/keys/k?consistency=stale").is(200)
	})
}

func TestAStaleReadIsRefusedWhenItsAgeIsUnknown(t *testing.T) {
	withFailingNode(t, func(t *testing.T, h *harness, n *failingNode) {
		n.ageless = true
		got := h.get("/v1/keys/k?consistency=stale")
		got.problem(api.CodeNoLeader)
		if got.header.Get(api.HeaderStaleness) != "" {
			t.Error("a refusal bears an age")
		}
		h.get("/v1/keys/k").is(200)
	})
}

func TestAPanicIsAnInternalProblemAndTheServerGoesOn(t *testing.T) {
	withFailingNode(t, func(t *testing.T, h *harness, n *failingNode) {
		n.crash = "something broke"
		p := h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`).problem(api.CodeInternal)
		if strings.Contains(p.Detail, "something broke") || p.Applied != api.AppliedUnknown {
			t.Errorf("%+v", p)
		}
		n.crash = nil
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`).is(200)
	})
}

func TestEveryAnswerNamesNodeIndexRequestAndLeader(t *testing.T) {
	withFailingNode(t, func(t *testing.T, h *harness, n *failingNode) {
		seen := make(map[string]bool)
		for _, got := range []*answer{
			h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`), h.post("/v1/keys/acquire", `{`), h.get("/nowhere"),
			h.post("/v1/status", ""), h.get("/metrics"), h.get("/v1/openapi.yaml"), h.get("/livez"), h.get("/v1/leader"),
		} {
			id := got.header.Get(api.HeaderRequestID)
			if got.header.Get(api.HeaderNode) != "n1" || got.header.Get(api.HeaderIndex) == "" || id == "" || seen[id] ||
				got.header.Get(api.HeaderLeader) != "http://n1.test" {
				t.Errorf("%d: %v", got.status, got.header)
			}
			seen[id] = true
		}
		n.forgotten = true
		if got := h.get("/v1/keys/k").is(200); got.header.Get(api.HeaderLeader) != "" {
			t.Errorf("leader %q", got.header.Get(api.HeaderLeader))
		}
		h.get("/v1/leader").problem(api.CodeNoLeader)
		h.get("/leader").problem(api.CodeNoLeader)
	})
}

func TestARequestIDOfTheClientIsKeptIfItIsSane(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for id, kept := range map[string]bool{
			"abc-DEF_1.2:3": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a b": false, "a\"b": false, "é": false,
		} {
			got := h.call(t.Context(), http.MethodGet, "/livez", "", api.HeaderRequestID, id).is(200).header.Get(api.HeaderRequestID)
			if (got == id) != kept {
				t.Errorf("%q became %q", id, got)
			}
		}
	})
}

func TestAnAnswerHoldsAtItsIndex(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`).is(200)
		index, _ := h.version()
		for _, got := range []*answer{
			h.get("/v1/keys/k"), h.get("/v1/keys/k?consistency=stale"), h.get("/v1/status"), h.post("/v1/keys/acquire", `{`),
		} {
			if got.header.Get(api.HeaderIndex) != text(index) {
				t.Errorf("%d at %s, want %d", got.status, got.header.Get(api.HeaderIndex), index)
			}
		}
	})
}
