package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongUsageIsSaid(t *testing.T) {
	for _, c := range []struct{ args, part string }{
		{"-peers etcd,consul", "consul"},
		{"-peers none -workloads W8 -lockd ../../Makefile", "not for comparing"},
		{"-peers none -lockd /dev/null/lockd", "make build"},
		{"-peers etcd -lockd ../../Makefile -etcd /dev/null/etcd", "bench-peers-deps"},
		{"-clients 1,many", "many"},
		{"-seconds 0", "positive"},
		{"-repeat 0", "1 to 100"},
		{"-timeout 0", "more than 0"},
		{"W1", "flags only"},
	} {
		var stderr strings.Builder
		if code := run(t.Context(), strings.Fields(c.args), io.Discard, &stderr); code != exitUsage {
			t.Errorf("%s: exit code %d", c.args, code)
		}
		if !strings.Contains(stderr.String(), c.part) {
			t.Errorf("%s: said %s, want %s in it", c.args, stderr.String(), c.part)
		}
	}
}

func TestARunWritesTablesAndAChart(t *testing.T) {
	const binary = "../../bin/lockd"
	if _, err := os.Stat(binary); err != nil {
		t.Skip("there is no lockd: run 'make build' at the top of the tree")
	}
	dir := t.TempDir()
	markdown, svg := filepath.Join(dir, "out", "peers.md"), filepath.Join(dir, "out", "peers.svg")
	var out, progress strings.Builder
	code := run(t.Context(), []string{
		"-peers=none", "-quick", "-workloads=W2,W3", "-seconds=0.2", "-askers=4", "-lockd=" + binary,
		"-dir=" + dir, "-markdown=" + markdown, "-svg=" + svg,
	}, &out, &progress)
	if code != exitOK {
		t.Fatalf("exit code %d\n%s", code, progress.String())
	}
	for path, part := range map[string]string{markdown: "| lockd stream |", svg: "<rect"} {
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), part) {
			t.Errorf("%s: %v, %s", path, err, text)
		}
	}
	if !strings.Contains(out.String(), "## W2") {
		t.Errorf("printed %s", out.String())
	}
}
