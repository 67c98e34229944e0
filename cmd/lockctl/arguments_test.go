package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFlagsMayStandAnywhereBeforeTheDashes(t *testing.T) {
	for _, c := range []struct{ given, arranged, command string }{
		{"status", "status --", ""},
		{"-o json status", "status -o json --", ""},
		{"lock acquire a --wait 5s --shared b", "lock acquire --wait 5s --shared -- a b", ""},
		{"lock acquire --wait=5s a", "lock acquire --wait=5s -- a", ""},
		{"key get -- -odd", "key get -- -odd", ""},
		{"key get - --stale", "key get --stale -- -", ""},
		{"key", "key", ""},
		{"key --help", "key --help", ""},
		{"run a -n -- make -n all", "run -n -- a", "make -n all"},
		{"run --ttl 5s a b --tree -- sh -c x -- y", "run --ttl 5s --tree -- a b", "sh -c x -- y"},
		{"run --made-up a -- true", "run --made-up -- a", "true"},
	} {
		args := append([]string{"lockctl"}, strings.Fields(c.given)...)
		arranged, command, err := arrange(new(tool).app(), args)
		if err != nil {
			t.Errorf("%s: %v", c.given, err)
			continue
		}
		if want := append([]string{"lockctl"}, strings.Fields(c.arranged)...); !slices.Equal(arranged, want) {
			t.Errorf("%s: arranged as %q, want %q", c.given, arranged, want)
		}
		if strings.Join(command, " ") != c.command {
			t.Errorf("%s: the command is %q, want %q", c.given, command, c.command)
		}
	}
}

func TestAMistypedCommandIsToldItsNeighbour(t *testing.T) {
	for given, want := range map[string]string{"statsu": "status", "key aquire k": "acquire"} {
		_, _, err := arrange(new(tool).app(), append([]string{"lockctl"}, strings.Fields(given)...))
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "Did you mean \""+want+"\"?") {
			t.Errorf("%s: %v", given, err)
		}
	}
}
