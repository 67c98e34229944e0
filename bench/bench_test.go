package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockd/bench/report"
	"lockd/bench/work"
)

// build builds the server of this tree, so that what is tested is not an old one.
func build(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "lockd")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/lockd")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// TestEveryWorkloadRunsOnRealNodes is for the code of the load generator, not for
// figures.
func TestEveryWorkloadRunsOnRealNodes(t *testing.T) {
	binary := build(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	var out, progress strings.Builder
	code := run(ctx, []string{
		"-workloads=all", "-repeat=1", "-duration=300ms", "-warm-up=100ms", "-clients=3", "-waiters=3", "-held=200",
		"-large=2000", "-node-args=--snapshot-entries=200 --snapshot-interval=1s",
		"-expiries=2", "-ttl=1s", "-kills=1", "-kill-clients=3", "-sessions=30", "-session-ttl=3s", "-renew=1s",
		"-lockd=" + binary, "-dir=" + dir, "-o=json",
	}, &out, &progress)
	if code != exitOK {
		t.Fatalf("exit code %d\n%s\n%s", code, progress.String(), out.String())
	}
	var found report.Report
	if err := json.Unmarshal([]byte(out.String()), &found); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, line := range found.Lines {
		seen[line.Workload] = true
		for _, m := range line.Metrics {
			if strings.HasSuffix(m.Name, "/s") && m.Value <= 0 {
				t.Errorf("%s, %s: %s is %v", line.Workload, line.Setting, m.Name, m.Value)
			}
		}
	}
	for _, w := range work.All() {
		if !seen[w.ID] {
			t.Errorf("%s reported nothing", w.ID)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAStreamServesClientsWithSessions(t *testing.T) {
	var out, progress strings.Builder
	code := run(t.Context(), []string{
		"-workloads=W1s,W2,W3,W4,W6", "-repeat=1", "-duration=200ms", "-warm-up=50ms", "-clients=6", "-waiters=6",
		"-expiries=2", "-ttl=1s", "-stream", "-node-args=--timing-multiplier=1", "-lockd=" + build(t), "-dir=" + t.TempDir(),
	}, &out, &progress)
	if code != exitOK || strings.Contains(progress.String(), "left out") {
		t.Errorf("exit code %d\n%s\n%s", code, progress.String(), out.String())
	}
}

func TestWrongUsageIsSaid(t *testing.T) {
	for _, c := range []struct{ args, part string }{
		{"-workloads W1,W77", "W77"},
		{"-o yaml", "table or json"},
		{"-clients 1,many", "many"},
		{"-clients 0", "positive"},
		{"-waiters 1", "2 waiters"},
		{"-repeat 0", "1 to 100"},
		{"-timeout 0", "more than 0"},
		{"-port-base 65536", "65000"},
		{"-lockd /dev/null/lockd", "make build"},
		{"W1", "flags only"},
		{"-nothing", "nothing"},
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

func TestHelpNamesTheWorkloads(t *testing.T) {
	var stderr strings.Builder
	if code := run(t.Context(), []string{"-h"}, io.Discard, &stderr); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for _, w := range work.All() {
		if !strings.Contains(stderr.String(), w.Title) {
			t.Errorf("%s is not explained", w.ID)
		}
	}
}

func TestAServiceThatDoesNotStartIsAFailureNotAHang(t *testing.T) {
	var out strings.Builder
	code := run(t.Context(), []string{"-workloads=W1,W2", "-lockd=/bin/false", "-dir=" + t.TempDir()}, &out, io.Discard)
	if code != exitFailed || strings.Count(out.String(), "FAILED") != 2 {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
}
