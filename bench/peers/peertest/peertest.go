package peertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lockd/bench/report"
	"lockd/bench/system"
	"lockd/bench/turns"
	"lockd/bench/work"
)

// patience bounds everything that a test waits for.
const patience = 90 * time.Second

// Checker is a driver that knows what must be installed.
type Checker interface {
	system.Driver
	Check() error
}

// Workloads carries out the workloads with the given IDs once, in little, and
// fails the test if one is left out or finds a promise broken. It skips the test
// if the driver's servers are not installed.
func Workloads(t *testing.T, driver Checker, ids ...string) {
	t.Helper()
	need(t, driver)
	chosen, err := work.Choose(ids)
	if err != nil {
		t.Fatal(err)
	}
	config := work.DefaultConfig()
	config.Clients, config.Waiters = []int{1, 6}, []int{6}
	config.WarmUp, config.Duration = 100*time.Millisecond, 300*time.Millisecond
	config.Held, config.Expiries, config.TTL, config.Kills, config.KillClients = 300, 2, 4*time.Second, 1, 4
	var progress strings.Builder
	plan := turns.Plan{Config: config, Rounds: 1, Dir: t.TempDir(), Progress: &progress}
	for _, w := range chosen {
		plan.Steps = append(plan.Steps, turns.Step{Workload: w, Drivers: []system.Driver{driver}})
	}
	var found report.Report
	plan.Run(t.Context(), &found)
	seen := make(map[string]bool)
	for _, line := range found.Lines {
		seen[line.Workload] = true
		for _, m := range line.Metrics {
			if strings.HasSuffix(m.Name, "/s") && m.Value <= 0 {
				t.Errorf("%s, %s: %s is %v", line.Workload, line.Setting, m.Name, m.Value)
			}
		}
	}
	for _, w := range chosen {
		if !seen[w.ID] {
			t.Errorf("%s reported nothing", w.ID)
		}
	}
	if len(found.Failures) > 0 {
		t.Errorf("%s\n%s", strings.Join(found.Failures, "\n"), progress.String())
	}
}

func need(t *testing.T, driver Checker) {
	t.Helper()
	if err := driver.Check(); err != nil {
		t.Skip(err)
	}
}

// Promises has two clients contend for locks and fails the test if they are not
// told the truth. A driver without waiting has no next in line.
func Promises(t *testing.T, driver Checker, waits bool) {
	t.Helper()
	need(t, driver)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	service, err := driver.Start(ctx, system.Site{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	}()
	a, b := dial(ctx, t, service, "a", 0), dial(ctx, t, service, "b", 1)
	hold, err := a.TryLock(ctx, "lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.TryLock(ctx, "lock"); !errors.Is(err, system.ErrOccupied) {
		t.Errorf("a lock that is held: %v", err)
	}
	if found, err := b.Query(ctx, "lock", false); err != nil || found != hold {
		t.Errorf("%+v, %v, want %+v", found, err, hold)
	}
	if err := a.Unlock(ctx, hold); err != nil {
		t.Error(err)
	}
	if err := a.Unlock(ctx, hold); !errors.Is(err, system.ErrNotHeld) {
		t.Errorf("given back twice: %v", err)
	}
	if found, err := a.Query(ctx, "lock", false); err != nil || found != (system.Hold{}) {
		t.Errorf("a free lock: %+v, %v", found, err)
	}
	again, err := b.TryLock(ctx, "lock")
	if err != nil || again.Fence < hold.Fence || again.Fence == hold.Fence && hold.Fence != 0 {
		t.Errorf("%+v after %+v, %v", again, hold, err)
	}
	if waits {
		handedOff(ctx, t, a, b, again)
	} else if _, err := a.Lock(ctx, "lock"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("waiting: %v", err)
	}
	if err := errors.Join(a.Close(ctx), b.Close(ctx)); err != nil {
		t.Error(err)
	}
}

func dial(ctx context.Context, t *testing.T, service system.Service, name string, node int) system.Client {
	t.Helper()
	u, err := service.Dial(ctx, system.Caller{Name: name, Node: node})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// handedOff has a wait for what b holds, and be told once b has given it back.
func handedOff(ctx context.Context, t *testing.T, a, b system.Client, hold system.Hold) {
	t.Helper()
	var next system.Hold
	told := make(chan error, 1)
	go func() {
		var err error
		next, err = a.Lock(ctx, hold.Lock)
		told <- err
	}()
	select {
	case err := <-told:
		t.Fatalf("granted while it was held: %+v, %v", next, err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := b.Unlock(ctx, hold); err != nil {
		t.Error(err)
	}
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if err := a.Unlock(ctx, next); err != nil {
		t.Error(err)
	}
}
