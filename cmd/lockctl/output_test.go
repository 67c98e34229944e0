package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockd/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

var day = time.Date(2026, 11, 22, 3, 33, 5, 0, time.UTC)

func exampleRef() *api.LockState {
	return &api.LockState{
		Ref: "prod/db",
		Holders: []api.Hold{{
			RunID: "deploy-42", Session: "s1-ab", Token: 17, Mode: api.Exclusive, Scope: api.Node, AcquiredAt: day, HeldMS: 252_000,
			Reason: "moving <tables>", Client: api.Client{Name: "ci", Host: "build7", PID: 4242}, ExpiresInMS: new(int64(27_300)),
		}},
		Waiters: []api.Wait{{
			RunID: "b", Session: "s2-cd", Mode: api.Shared, Position: 1, WaitedMS: 3000, BlockedBy: []string{"deploy-42"}, Client: api.Client{},
		}},
		CoveredBy: []api.Hold{{RunID: "freeze", Token: 9, Mode: api.Exclusive, Scope: api.Tree, AcquiredAt: day, HeldMS: 300_000}},
	}
}

func exampleExplanation() *explanation {
	state := exampleRef()
	e := &explanation{
		named: ofRef(state), Lock: state, State: "held", Above: []above{{Ref: "prod", RunID: "c"}},
		Runs: []*api.RunState{
			{
				RunID: "deploy-42",
				Holds: []api.NamedHold{{Ref: "prod/db", Hold: state.Holders[0]}},
				Request: &api.RunRequest{
					Refs: []api.LockWant{{Ref: "jobs/x"}}, Session: "s1-ab", Position: 2, BlockedBy: []string{"other"},
				},
			},
			{RunID: "other", Holds: []api.NamedHold{{Ref: "jobs/x", Hold: api.Hold{RunID: "other", Token: 3, Mode: api.Exclusive, Scope: api.Node, HeldMS: 1000, AcquiredAt: day}}}},
		},
		Circle: []string{"deploy-42", "other", "deploy-42"},
	}
	e.Next = steps(e)
	return e
}

func exampleStatus() *api.Status {
	return &api.Status{
		Node: "n1", Role: "leader", Term: 7, Leader: &api.LeaderRef{ID: "n1", ClientURL: "http://10.0.0.1:7410"},
		AppliedIndex: 99, CommitIndex: 99, StateHash: api.StateHash{Index: 99, Hash: "00000000000000ab"}, Version: "0.1.0",
		Members: []api.Member{
			{
				ID: "n1", PeerAddr: "10.0.0.1:7411", ClientURL: "http://10.0.0.1:7410", Suffrage: "voter", Healthy: true, Role: "leader",
				Term: 7, Version: "0.1.0", Disk: &api.Disk{TotalBytes: 100 << 30, FreeBytes: 62 << 30},
			},
			{
				ID: "n2", PeerAddr: "10.0.0.2:7411", ClientURL: "http://10.0.0.2:7410", Suffrage: "voter", Healthy: true, AppliedLag: 3, Role: "follower",
				Term: 7, Version: "0.1.0", LastContactMS: new(int64(12)), Disk: &api.Disk{TotalBytes: 100 << 30, FreeBytes: 5 << 30},
			},
			{ID: "n3", PeerAddr: "10.0.0.3:7411", Suffrage: "voter"},
		},
	}
}

func exampleHistory() *api.History {
	return &api.History{Name: api.Name{Ref: "prod/db"}, Endings: []api.Ending{
		{
			RunID: "b", Token: 5, Mode: api.Exclusive, Scope: api.Node, End: api.WasBroken, AcquiredAt: day, EndedAt: day, HeldMS: 12_000,
			Client: &api.Client{Name: "ci"}, Reason: "nightly", By: &api.BrokenBy{Reason: "it hung", Client: &api.Client{Name: "lockctl", Host: "desk"}},
		},
		{RunID: "a", Token: 2, Mode: api.Shared, Scope: api.Tree, End: api.WasReleased, AcquiredAt: day, EndedAt: day, HeldMS: 900, Reason: "backup"},
	}}
}

// Scripts rely on these forms: a change of a golden file is a change for them.
func TestTheFormsOfOutputStayAsTheyAre(t *testing.T) {
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })
	all := &listing{Keys: []*api.KeyState{{Key: "k", Holders: []api.Hold{}, Waiters: []api.Wait{}, Limit: 3}}, Locks: []*api.LockState{exampleRef()}}
	for name, show := range map[string]func(*tool) error{
		"get": func(t *tool) error {
			n := ofRef(exampleRef())
			return t.print(n.answer, func(w io.Writer) { holdsHead(w); n.lines(w) })
		},
		"why":     func(t *tool) error { return t.printWhy(exampleExplanation()) },
		"list":    func(t *tool) error { return t.print(all, func(w io.Writer) { all.rows(w, false) }) },
		"holders": func(t *tool) error { return t.print(all, func(w io.Writer) { all.rows(w, true) }) },
		"status": func(t *tool) error {
			return t.print(exampleStatus(), func(w io.Writer) { statusTable(w, exampleStatus()) })
		},
		"history": func(t *tool) error {
			return t.print(exampleHistory(), func(w io.Writer) { historyTable(w, exampleHistory()) })
		},
	} {
		for _, form := range outputs {
			var out strings.Builder
			if err := show(&tool{output: form, stdout: &out}); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+form, out.String())
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is now\n%s\nand was\n%s", name, got, want)
	}
}

func TestPlainHasNoHeaderAndOneFieldForEachColumn(t *testing.T) {
	var out strings.Builder
	n := ofRef(exampleRef())
	tool := &tool{output: asPlain, stdout: &out, screen: screen{width: 20, colour: true}}
	if err := tool.print(n.answer, func(w io.Writer) { holdsHead(w); n.lines(w) }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%q", lines)
	}
	for _, line := range lines {
		if fields := strings.Split(line, "\t"); len(fields) != 9 || fields[0] != "prod/db" || strings.ContainsAny(line, "…\x1b") {
			t.Errorf("%q", line)
		}
	}
}
