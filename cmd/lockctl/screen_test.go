package main

import (
	"strings"
	"testing"
)

var holdRows = [][]string{
	{"NAME", "STATE", "RUN", "MODE", "TOKEN", "FOR", "CLIENT", "REASON"},
	{"prod/db", "holds", "deploy-42", "exclusive/node", "17", "4m12s", "ci@build7 (pid 4242)", "moving the tables of the customers"},
	{"prod/db", "waits", "b", "shared", "-", "3s", "-", "behind deploy-42"},
}

func tableOf(t *testing.T, s screen, rows [][]string) []string {
	t.Helper()
	var b strings.Builder
	if err := s.table(&b, rows); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestATableOnAPipeLosesNothing(t *testing.T) {
	lines := tableOf(t, screen{}, holdRows)
	if want := "prod/db  holds  deploy-42  exclusive/node  17     4m12s  ci@build7 (pid 4242)  moving the tables of the customers"; lines[1] != want {
		t.Errorf("%q, want %q", lines[1], want)
	}
	if strings.Contains(strings.Join(lines, ""), "\x1b") {
		t.Error("there are colours in a pipe")
	}
}

func TestATableNeverIsWiderThanTheTerminal(t *testing.T) {
	for columns := 1; columns < 140; columns++ {
		lines := tableOf(t, screen{width: columns}, holdRows)
		if len(lines) != len(holdRows) {
			t.Fatalf("%d lines in %d columns", len(lines), columns)
		}
		for _, line := range lines {
			if width(line) > columns {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
	}
}

func TestTheLeastImportantColumnsGoFirst(t *testing.T) {
	for _, c := range []struct {
		columns int
		want    string
	}{
		{110, "prod/db  holds  deploy-42  exclusive/node  17     4m12s  ci@build7 (pid 4242)  moving the tables of the custo…"},
		{90, "prod/db  holds  deploy-42  exclusive/node  17     4m12s  ci@build7 (pid 4242)  moving the…"},
		{80, "prod/db  holds  deploy-42  exclusive/node  17     4m12s  ci@build7 (pid…  movin…"},
		{55, "prod/db  holds  deploy-42  exclu…  17     4m12s  ci@bu…"},
		{45, "prod/db  holds  deploy-42  17     4m12s"},
	} {
		if got := tableOf(t, screen{width: c.columns}, holdRows)[1]; got != c.want {
			t.Errorf("%d columns: %q, want %q", c.columns, got, c.want)
		}
	}
}

func TestWideCharactersTakeTwoColumns(t *testing.T) {
	lines := tableOf(t, screen{}, [][]string{{"NAME", "RUN"}, {"部署", "a"}, {"e\u0301t", "b"}})
	for i, want := range []string{"NAME  RUN", "部署  a", "e\u0301t    b"} {
		if lines[i] != want {
			t.Errorf("%q, want %q", lines[i], want)
		}
	}
	if got := shorten("部署部署", 5); got != "部署…" {
		t.Errorf("%q", got)
	}
}

func TestColoursAreForStatesOnATerminalOnly(t *testing.T) {
	rows := [][]string{{"STATE", "RUN"}, {"waits", "leader"}}
	line := tableOf(t, screen{width: 80, colour: true}, rows)[1]
	if line != yellow+"waits"+plain+"  leader" {
		t.Errorf("%q", line)
	}
	if line := tableOf(t, screen{width: 80}, rows)[1]; line != "waits  leader" {
		t.Errorf("without colour: %q", line)
	}
}

func TestWhatOthersChoseCannotSteerTheTerminal(t *testing.T) {
	var b strings.Builder
	row(&b, "a\x1b[2Jb\tc\nd", "")
	if got := b.String(); got != "a?[2Jb?c?d\t-\n" {
		t.Errorf("%q", got)
	}
}
