package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCPUTimeIsReadWhateverTheProgramIsCalled(t *testing.T) {
	const stat = "41 (a) b (c) S 1 41 41 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 9 0 1 2 3"
	got, err := parseStat(stat)
	if err != nil || got != 1680*time.Millisecond {
		t.Errorf("%v, %v; want 1.68s", got, err)
	}
	for _, broken := range []string{"", "41 (a) S 1 2", "1 (a) S 1 41 41 0 -1 4194560 9 0 0 0 x 45 0", "1 (a) S 1 41 41 0 -1 4194560 9 0 0 0 1 - 0"} {
		if _, err := parseStat(broken); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

func TestResidentPagesAreTheSecondField(t *testing.T) {
	if got, err := parseStatm("900 33 4 5 0 6 0\n"); err != nil || got != 33 {
		t.Errorf("%v, %v; want 33", got, err)
	}
	for _, broken := range []string{"", "900", "900 x"} {
		if _, err := parseStatm(broken); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAProcessIsMeasuredAndStopped(t *testing.T) {
	p := shell(t, "echo started; exec sleep 60")
	if _, err := p.CPU(); err != nil {
		t.Error(err)
	}
	if bytes, err := p.Resident(); err != nil || bytes <= 0 {
		t.Errorf("resident: %d, %v", bytes, err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Ended():
	default:
		t.Error("it still runs after Kill")
	}
}

func TestStoppingWhatHasEndedIsNoError(t *testing.T) {
	p := shell(t, "echo first; echo last")
	<-p.Ended()
	if err := errors.Join(p.Stop(), p.Kill()); err != nil {
		t.Error(err)
	}
	if words := p.LastWords(); !strings.HasSuffix(words, "last") {
		t.Errorf("its last words are %q", words)
	}
}

func TestWhatDoesNotExistIsNotStarted(t *testing.T) {
	_, err := Start(Command{Path: filepath.Join(t.TempDir(), "none"), Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want one that says that it does not exist", err)
	}
}

func TestATakenPortIsFound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := taken.Addr().(*net.TCPAddr).Port
	if err := CheckPorts(port, 1); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a taken port: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if err := CheckPorts(port, 1); err != nil {
		t.Errorf("a free port: %v", err)
	}
	if _, err := FreePorts(6); err != nil {
		t.Error(err)
	}
}

func TestAGroupIsReadyKilledAndRestarted(t *testing.T) {
	dir := t.TempDir()
	started := func(i int) string { return filepath.Join(dir, fmt.Sprint("started", i)) }
	g, err := StartGroup(t.Context(), Layout{
		Size: 2,
		Command: func(i int) Command {
			return Command{Path: "/bin/sh", Args: []string{"-c", "touch " + started(i) + "; exec sleep 60"}, Log: filepath.Join(dir, "log")}
		},
		Ready: func(_ context.Context, i int) error {
			_, err := os.Stat(started(i))
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := g.Processes()
	if err := errors.Join(g.Kill(1), g.Restart(t.Context(), 1)); err != nil {
		t.Error(err)
	}
	again := g.Processes()
	if again[0] != first[0] || again[1] == first[1] {
		t.Error("the one that was killed is not the one that was started again")
	}
	if err := g.KillAll(); err != nil {
		t.Error(err)
	}
	for _, p := range again {
		select {
		case <-p.Ended():
		default:
			t.Error("one runs on after KillAll")
		}
	}
}

func TestAServerThatEndsAtOnceIsAFailureNotAWait(t *testing.T) {
	_, err := StartGroup(t.Context(), Layout{
		Size: 1,
		Command: func(int) Command {
			return Command{Path: "/bin/sh", Args: []string{"-c", "echo no such disk"}, Log: filepath.Join(t.TempDir(), "log")}
		},
		Ready: func(context.Context, int) error { return errors.New("never") },
	})
	if err == nil || !strings.Contains(err.Error(), "no such disk") {
		t.Errorf("%v, want its last words", err)
	}
}
