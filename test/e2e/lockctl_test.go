package e2e

import (
	"strings"
	"testing"

	"lockd/api"
	"lockd/test/real"
)

func TestLockctlMakesOneCallOfTheAPI(t *testing.T) {
	k := newTool(t, real.Start(t, binaries, 3))

	k.run(0, "key", "acquire", "k", "--run-id", "a", "--reason", "testing")
	_, told := k.run(75, "key", "acquire", "k", "--run-id", "b")
	if !strings.Contains(told, "held by a") || !strings.Contains(told, "testing") {
		t.Errorf("a refused acquire says %q", told)
	}
	k.run(1, "key", "release", "k", "--run-id", "b")
	out, _ := k.run(0, "key", "get", "k", "-o", "json")
	if got := parsed[api.KeyState](t, out); got.HolderRunID != "a" {
		t.Errorf("%+v", got)
	}
	out, _ = k.run(75, "key", "acquire", "k", "--run-id", "b", "-o", "json")
	if got := parsed[api.Problem](t, out); got.Code != api.CodeOccupied || got.HolderRunID != "a" {
		t.Errorf("%+v", got)
	}
	k.run(75, "key", "acquire", "k", "--run-id", "b", "--ttl", "30s", "--wait", "200ms")
	k.run(1, "key", "acquire", "k", "--run-id", "b", "--limit", "3")
	out, _ = k.run(0, "key", "list")
	if !strings.Contains(out, "k ") {
		t.Errorf("the list has no k: %s", out)
	}
	k.run(0, "key", "release", "k", "--run-id", "a")

	k.run(0, "lock", "acquire", "x", "y", "--run-id", "a")
	k.run(75, "lock", "acquire", "y", "--run-id", "b", "--shared")
	k.run(0, "lock", "downgrade", "y", "--run-id", "a", "--shared")
	k.run(0, "lock", "acquire", "y", "--run-id", "b", "--shared")
	k.run(0, "lock", "get", "y")
	k.run(0, "lock", "list", "--stale")
	k.run(1, "lock", "release", "x", "y", "--run-id", "b")
	out, _ = k.run(0, "runs", "show", "a", "-o", "json")
	if got := parsed[api.RunState](t, out); len(got.Holds) != 2 {
		t.Errorf("%+v", got)
	}
	k.run(0, "runs", "release", "a")
	k.run(0, "lock", "acquire", "x", "--run-id", "b")

	out, _ = k.run(0, "session", "open", "--ttl", "1m", "-o", "json")
	session := parsed[api.SessionOpened](t, out).ID
	k.run(0, "session", "keepalive", session)
	k.run(0, "session", "list")
	k.run(0, "session", "close", session)
	k.run(1, "session", "keepalive", session)
	k.run(1, "session", "close", session)
}

func TestLockctlShowsAndMovesTheLeader(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newTool(t, c)
	out, _ := k.run(0, "status", "-o", "json")
	if got := parsed[api.Status](t, out); len(got.Members) != 3 || got.Leader == nil {
		t.Errorf("%+v", got)
	}
	k.run(0, "status")
	to := c.Followers()[0].Name
	k.run(0, "leader", "transfer", to)
	out, _ = k.run(0, "leader", "show", "-o", "json")
	if got := parsed[api.Leader](t, out); got.ID != to {
		t.Errorf("%+v leads, not %s", got, to)
	}
}

func TestLockctlTellsWrongUseFromAnAbsentCluster(t *testing.T) {
	c := real.New(t, binaries, 3) // of which no node runs
	k := newTool(t, c)
	for _, args := range [][]string{
		{}, {"made-up"}, {"key"}, {"key", "get"}, {"key", "get", "a", "b"}, {"key", "acquire", "k"},
		{"key", "acquire", "k", "--run-id", "r", "--wait", "1s"},
		{"key", "acquire", "k", "--run-id", "r", "--ttl", "soon"},
		{"status", "-o", "xml"}, {"status", "--made-up"}, {"status", "--addr", "no url"},
		{"run"}, {"run", "r"}, {"run", "r", "--"}, {"run", "--", "true"},
		{"run", "r", "-n", "-w", "1s", "--", "true"}, {"run", "r", "--kill-after", "1m", "--", "true"},
	} {
		k.run(64, args...)
	}
	k.run(127, "run", "r", "--", "no-such-command-of-lockd")
	k.run(126, "run", "r", "--", c.Nodes[0].Dir[:strings.LastIndexByte(c.Nodes[0].Dir, '/')])
	for _, args := range [][]string{{"status"}, {"key", "get", "k"}, {"run", "r", "--", "true"}} {
		if _, told := k.run(69, append([]string{"--timeout", "300ms"}, args...)...); !strings.Contains(told, "LOCKD_ADDR") {
			t.Errorf("%v says %q", args, told)
		}
	}
	c.Nodes[0].Start()
	k.run(69, "key", "get", "k", "--timeout", "3s")
	k.run(69, "status", "--timeout", "3s")
}
