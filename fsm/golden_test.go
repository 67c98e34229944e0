package fsm

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockd/gate"
)

// The files of testdata/vN hold what version N of each format looks like. They
// may gain files; a file that changes means that logs and snapshots on disk can
// no longer be read.
var update = flag.Bool("update", false, "write the golden files anew")

// golden returns the bytes of a golden file, after writing it if so asked.
func golden(t *testing.T, name string, now []byte) []byte {
	t.Helper()
	path := goldenPath(name)
	if *update {
		var lines strings.Builder
		for rest := now; len(rest) > 0; {
			n := min(len(rest), 32)
			lines.WriteString(hex.EncodeToString(rest[:n]) + "\n")
			rest = rest[n:]
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return released(t, name)
}

func goldenPath(name string) string {
	return filepath.Join("testdata", filepath.FromSlash(name)+".hex")
}

// released returns the bytes of a golden file that this build no longer writes.
func released(t *testing.T, name string) []byte {
	t.Helper()
	lines, err := os.ReadFile(goldenPath(name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(string(lines), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkGolden holds x's encoding against its golden file, both ways.
func checkGolden[T any](t *testing.T, name string, x *T, encoded []byte, decode func([]byte) (*T, error)) {
	t.Run(name, func(t *testing.T) {
		want := golden(t, "v1/"+name, encoded)
		if !bytes.Equal(encoded, want) {
			t.Errorf("encoded %x\nreleased %x", encoded, want)
		}
		got, err := decode(want)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, x)
	})
}

func TestReleasedCommandsKeepTheirBytes(t *testing.T) {
	for name, x := range sampleCommands() {
		checkGolden(t, "command_"+name, x, AppendCommand(nil, x), DecodeCommand)
	}
}

func TestReleasedResultsKeepTheirBytes(t *testing.T) {
	for name, x := range sampleResults() {
		checkGolden(t, "result_"+name, x, AppendResult(nil, x), DecodeResult)
	}
}

func TestReleasedBatchesKeepTheirBytes(t *testing.T) {
	commands := sampleCommands()
	x := &Batch{Time: 1_767_225_600_000, Commands: [][]byte{
		AppendCommand(nil, commands["acquire"]), AppendCommand(nil, commands["close_session"]),
	}}
	checkGolden(t, "batch", x, AppendBatch(nil, x), DecodeBatch)
}

func checkGoldenRecord[T any](t *testing.T, name string, fields table[T], x *T) {
	checkGolden(t, "record_"+name, x, encode(fields, x), func(b []byte) (*T, error) { return decode(fields, b) })
}

func TestReleasedRecordsKeepTheirBytes(t *testing.T) {
	session := gate.SessionID{Number: 12, Nonce: 0xfeed_beef_0123_4567}
	ref := gate.Name{Kind: gate.Reference, Text: "prod/db"}
	client := sampleClient()
	at := gate.Wall(1_767_225_600_000)
	hold := sampleHold()
	checkGoldenRecord(t, "header", (*coder).header, &header{Index: 1000, Counters: gate.Counters{
		Token: 77, Number: 41, Ending: 3, Term: 9, Leader: "n2", ClientURL: "http://127.0.0.1:7420",
	}})
	checkGoldenRecord(t, "session", (*coder).session, &gate.Session{
		ID: session, TTL: time.Minute, LockDelay: time.Second, Client: &client, Private: true, Lost: 2, At: at,
	})
	checkGoldenRecord(t, "ledger", (*coder).ledger, &gate.Ledger{
		Session: 12, Acked: 297, Done: []gate.SeqRange{{From: 299, To: 299}, {From: 301, To: 310}}, Answers: 4,
	})
	checkGoldenRecord(t, "answer", (*coder).answer, &gate.SeqAnswer{
		Session: 12, Seq: 300, Digest: 0xd16e_57d1_6e57_d16e, Request: 41, Result: sampleResults()["acquired"],
	})
	checkGoldenRecord(t, "hold", (*coder).hold, &hold)
	checkGoldenRecord(t, "request", (*coder).request, &gate.Request{
		Number: 41, Run: "run-2", Session: session, Wants: []gate.Want{{Name: ref, Mode: gate.Shared, Scope: gate.Tree}},
		Limit: 3, Wait: time.Hour, At: at, Reason: "deploy", Client: &client, Joins: []gate.Join{{Session: 12, Seq: 300}},
	})
	checkGoldenRecord(t, "ending", (*coder).ending, &gate.Ending{Name: ref, Run: "run-0", End: gate.EndBroken, Order: 3})
	checkGoldenRecord(t, "ending_broken", (*coder).ending, &gate.Ending{
		Name: ref, Run: "run-0", End: gate.EndBroken, Mode: gate.Shared, Scope: gate.Tree, Order: 3, Token: 70,
		From: at - 5000, At: at, Reason: "nightly backup", Client: &client,
		By: &gate.Breaker{Reason: "host is gone", Actor: "10.0.0.7", Client: gate.Client{Name: "ann", Host: "admin-1", PID: 88}},
	})
	checkGoldenRecord(t, "ending_replaced", (*coder).ending, &gate.Ending{Name: ref, Run: "run-0", End: gate.EndReplaced, Order: 4, Token: 71, At: at})
	checkGoldenRecord(t, "counts", (*coder).counts, &counts{1, 2, 3, 4, 5, 6})
}

func sampleHold() gate.Hold {
	client := sampleClient()
	return gate.Hold{
		Name: gate.Name{Kind: gate.Reference, Text: "prod/db"}, Mode: gate.Shared, Scope: gate.Tree,
		Run: "run-1", Session: gate.SessionID{Number: 12, Nonce: 0xfeed_beef_0123_4567}, Token: 77,
		At: 1_767_225_600_000, Reason: "nightly backup", Client: &client, Limit: 3, Request: 40,
		Ended: gate.EndExpired, Delay: 5 * time.Second,
	}
}

// sampleResults has results as they occur, and one with every field set.
func sampleResults() map[string]*gate.Result {
	key := gate.Name{Kind: gate.Key, Text: "nightly"}
	session := gate.SessionID{Number: 12, Nonce: 0xfeed_beef_0123_4567}
	grant := gate.Grant{
		Name: key, Mode: gate.Shared, Scope: gate.Tree, Token: 78,
		Previous: &gate.Ending{Name: key, Run: "run-0", End: gate.EndExpired, Order: 3},
	}
	conflict := gate.Conflict{Name: key, Holders: []gate.Hold{sampleHold()}, Waiting: 2}
	return map[string]*gate.Result{
		"acquired": {Code: gate.Acquired, Run: "run-1", Session: session, Grants: []gate.Grant{{Name: key, Token: 78}}, At: 1_767_225_600_000, Limit: 1},
		"occupied": {Code: gate.Occupied, Run: "run-2", Conflicts: []gate.Conflict{conflict}, Waited: 3 * time.Second},
		"queued":   {Code: gate.Queued, Run: "run-2", Session: session, Request: 41, Position: 2, Waiting: 3, Wait: time.Minute},
		"not_held": {Code: gate.NotHeld, Run: "run-2", Missing: []gate.Name{key}},
		"deadlock": {Code: gate.Deadlock, Run: "run-2", Cycle: []string{"run-2", "run-1", "run-2"}},
		"everything": {
			Code: gate.Broken, Run: "run-1", Session: session, Reentrant: true, Withdrawn: true,
			Grants: []gate.Grant{grant, {}}, Conflicts: []gate.Conflict{conflict, {}}, Missing: []gate.Name{key, {}},
			Cycle: []string{"a", "", "a"}, At: 1_767_225_600_000, Limit: 3, Request: 41, Position: 1, Waiting: 2,
			Wait: time.Minute, Waited: time.Second, TTL: time.Hour, LockDelay: time.Second, Count: 9,
		},
	}
}

// historyLog returns a busy log whose table remembers an ending of every kind.
func historyLog(t testing.TB) *testLog {
	t.Helper()
	l := busyLog(t)
	name := ref("told")
	acquire := func(mode gate.Mode) *gate.Acquire {
		return &gate.Acquire{Run: "r9", Wants: []gate.Want{{Name: name, Mode: mode}}, Reason: "again", Client: sampleClient()}
	}
	session := l.do(&gate.OpenSession{TTL: time.Minute, Nonce: 14}).Session
	l.do(acquire(gate.Exclusive))
	l.do(&gate.Release{Run: "r9", Gives: []gate.Give{{Name: name}}})
	l.apply(&gate.Command{Session: session, Op: acquire(gate.Shared)})
	l.do(acquire(gate.Exclusive))
	l.apply(&gate.Command{Session: session, Op: &gate.CloseSession{}})
	token := l.do(acquire(gate.Exclusive)).Grants[0].Token
	l.do(&gate.Break{Name: name, Token: token, Reason: "stuck", Actor: "10.0.0.7", Client: sampleClient()})
	return l
}

// The first snapshots of version 2 had the holds in another order, and are read
// into the same table.
func TestReleasedSnapshotsOfVersion2AreRestored(t *testing.T) {
	l := historyLog(t)
	file := l.snapshot(t)
	if !bytes.Equal(file, golden(t, "v2/snapshot_by_name", file)) {
		t.Error("the snapshot is written otherwise")
	}
	for _, name := range []string{"v2/snapshot", "v2/snapshot_by_name"} {
		f := New(Config{})
		if err := restore(f, released(t, name)); err != nil {
			t.Fatal(err)
		}
		view, _ := f.View()
		if view.Hash() != l.hash() {
			t.Errorf("%s restores to another table", name)
		}
		var ends []gate.End
		for _, e := range view.History(ref("told")) {
			ends = append(ends, e.End)
		}
		if !slices.Equal(ends, []gate.End{gate.EndBroken, gate.EndClosed, gate.EndReplaced, gate.EndReleased}) {
			t.Errorf("%s: history of ends %v", name, ends)
		}
	}
}

// A snapshot of version 1 has of each name the last ending, and only if it was a
// bad one: enough for the next holder, and too little for a history.
func TestASnapshotOfVersion1IsRestored(t *testing.T) {
	l := &testLog{fsm: New(Config{})}
	if err := restore(l.fsm, released(t, "v1/snapshot")); err != nil {
		t.Fatal(err)
	}
	got, _ := l.fsm.View()
	want, _ := busyLog(t).fsm.View()
	if got.Size() != want.Size() || got.Counters() != want.Counters() {
		t.Errorf("restored %+v %+v, want %+v %+v", got.Size(), got.Counters(), want.Size(), want.Counters())
	}
	if h := got.History(key("broken")); len(h) != 0 {
		t.Errorf("a history of %d endings whose tokens nobody knows", len(h))
	}
	if e := l.do(acquireKey("r9", "broken")).Grants[0].Previous; e == nil || e.Run != "r5" || e.End != gate.EndBroken {
		t.Errorf("the next holder is told %+v", e)
	}
	l.do(&gate.ReleaseRun{Run: "r9"})
	again := New(Config{})
	if err := restore(again, l.snapshot(t)); err != nil {
		t.Fatal(err)
	}
	if view, _ := again.View(); view.Hash() != l.hash() || len(view.History(key("broken"))) != 1 {
		t.Error("a history that begins in version 1 does not survive version 2")
	}
}
