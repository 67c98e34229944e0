package main

import (
	"slices"
	"strings"
	"testing"

	"lockd/api"
)

func TestWeighFindsWhatIsWrongWithTheMembers(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m *api.Member)
		want   state
		part   string
	}{
		{"nothing", func(*api.Member) {}, stateOK, ""},
		{"down", func(m *api.Member) { *m = api.Member{ID: "n2", Suffrage: "voter"} }, stateWarning, "n2 does not answer"},
		{"lag", func(m *api.Member) { m.AppliedLag = 1001 }, stateWarning, "n2 lags 1001 entries behind"},
		{"much lag", func(m *api.Member) { m.AppliedLag = 100_001 }, stateCritical, "n2 lags"},
		{"silence", func(m *api.Member) { m.LastContactMS = new(int64(1001)) }, stateWarning, "n2 has not heard of the leader for 1s"},
		{"long silence", func(m *api.Member) { m.LastContactMS = new(int64(5001)) }, stateCritical, "n2 has not heard"},
		{"full disk", func(m *api.Member) { m.Disk.FreeBytes = 199 }, stateWarning, "the disk of n2 is 81% full, 199B are free"},
		{"at the threshold", func(m *api.Member) { m.Disk.FreeBytes = 200 }, stateOK, ""},
		{"very full disk", func(m *api.Member) { m.Disk.FreeBytes = 99 }, stateCritical, "the disk of n2 is 91% full"},
		{"no room at all", func(m *api.Member) { m.Disk.FreeBytes = 0 }, stateCritical, "100% full"},
		{"version", func(m *api.Member) { m.Version = "0.2.0" }, stateWarning, "2 different versions"},
	} {
		s := exampleStatus()
		s.Members = s.Members[:2]
		m := &s.Members[1]
		m.Disk = &api.Disk{TotalBytes: 1000, FreeBytes: 900}
		c.change(m)
		found := weigh(s, defaultThresholds)
		if c.want == stateOK {
			if len(found) != 0 {
				t.Errorf("%s: %+v", c.name, found)
			}
			continue
		}
		if len(found) != 1 || found[0].state != c.want || !strings.Contains(found[0].what, c.part) || found[0].todo == "" {
			t.Errorf("%s: %+v", c.name, found)
		}
	}
}

func TestTheWorstProblemIsTheState(t *testing.T) {
	for _, c := range []struct {
		problems []state
		want     state
	}{
		{nil, stateOK},
		{[]state{stateWarning}, stateWarning},
		{[]state{stateCritical, stateWarning}, stateCritical},
		{[]state{stateCritical, stateUnknown}, stateCritical},
		{[]state{stateWarning, stateUnknown}, stateUnknown},
	} {
		var h health
		for _, s := range c.problems {
			h.add(problem{state: s})
		}
		if h.code != c.want {
			t.Errorf("%v: %v", c.problems, h.code)
		}
	}
}

func TestRunsThatWaitForEachOtherAreACircle(t *testing.T) {
	waits := func(run string, behind ...string) *api.RunState {
		return &api.RunState{RunID: run, Request: &api.RunRequest{BlockedBy: behind}}
	}
	runs := map[string]*api.RunState{"a": waits("a", "x", "b"), "b": waits("b", "c"), "c": waits("c", "a"), "x": {RunID: "x"}}
	if got := circle([]string{"x", "a", "b", "c"}, runs); !slices.Equal(got, []string{"a", "b", "c", "a"}) {
		t.Errorf("%q", got)
	}
	runs["c"] = waits("c", "x")
	if got := circle([]string{"x", "a", "b", "c"}, runs); got != nil {
		t.Errorf("where there is none: %q", got)
	}
}

func TestCommandsToCopyAreQuotedForTheShell(t *testing.T) {
	for text, want := range map[string]string{
		"prod/db": "prod/db", "": "''", "two words": "'two words'", "it's": `'it'\''s'`, "-n": "'-n'", "a;b": "'a;b'", "größe": "'größe'",
	} {
		if got := quoted(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
